"""The azimuth phi, which is periodic: phi and phi + 2 pi are the same direction."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

TWO_PI = 2.0 * np.pi


def wrap(phi: ArrayLike) -> NDArray[np.float64]:
    """The same direction in [-pi, pi).

    Args:
        phi: any shape, radians.
    """
    angle = np.asarray(phi, dtype=np.float64)
    # What lies inside stays as it is: shifting there and back would round it across the seam.
    shifted = np.remainder(angle + np.pi, TWO_PI) - np.pi
    wrapped = np.where((angle >= -np.pi) & (angle < np.pi), angle, shifted)
    # A tiny negative distance from -pi rounds up to exactly +pi, which is -pi.
    return np.where(wrapped >= np.pi, -np.pi, wrapped)


def delta(phi: ArrayLike, origin: ArrayLike) -> NDArray[np.float64]:
    """The signed way from `origin` to `phi` round the shorter side, in [-pi, pi), radians."""
    return wrap(np.asarray(phi, dtype=np.float64) - np.asarray(origin, dtype=np.float64))


def delta_r(eta: ArrayLike, phi: ArrayLike, eta0: ArrayLike, phi0: ArrayLike) -> NDArray[np.float64]:
    """The distance in the (eta, phi) plane, sqrt(delta eta^2 + delta phi^2), round the shorter side."""
    return np.hypot(np.asarray(eta, dtype=np.float64) - np.asarray(eta0, dtype=np.float64), delta(phi, phi0))
