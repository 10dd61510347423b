"""Boxes on the unrolled cylinder, in continuous pixel coordinates.

A box is (eta_min, phi_min, eta_max, phi_max) in pixels, phi_min in [0, n_phi). Where the box crosses the
seam at phi = +-pi, phi_max passes n_phi: the box goes on at column 0. Nothing is cut at the image's
border in eta, so that a box's centre stays its jet's axis.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detector.geometry.grid import Grid


def size(grid: Grid, radius: float) -> tuple[int, int]:
    """Rows and columns of the box around a cone of this radius, to whole pixels: 46 x 46 for R = 0.4."""
    return round(2 * radius / grid.eta_pitch), round(2 * radius / grid.phi_pitch)


def around(grid: Grid, eta: ArrayLike, phi: ArrayLike, radius: float) -> NDArray[np.float32]:
    """Boxes centred on the given axes.

    Args:
        grid: the pixel grid.
        eta, phi: (n), radians.
        radius: half the width of the boxes, in eta and phi.

    Returns:
        float32 (n, 4).
    """
    rows, columns = size(grid, radius)
    row, column = grid.to_continuous(eta, phi)
    first = np.mod(column - columns / 2, grid.n_phi).astype(np.float32)
    first[first >= grid.n_phi] = 0.0  # a float32 just below n_phi rounds up to it
    box = np.stack([row - rows / 2, first, row + rows / 2, first + np.float32(columns)], axis=-1)
    return box.astype(np.float32)


def centre(grid: Grid, box: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The (eta, phi) of each box's centre.

    Args:
        grid: the pixel grid.
        box: (n, 4).
    """
    corners = np.asarray(box, dtype=np.float64)
    return grid.to_angles((corners[:, 0] + corners[:, 2]) / 2, (corners[:, 1] + corners[:, 3]) / 2)
