"""Pile-up density rho (arXiv:0707.1378): the median over tiles of their summed pt, by tile area.

As FastJet's GridMedianBackgroundEstimator, which Delphes runs; the bindings take one Python object a particle.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.common.numba_cache import compiled
from detector.geometry.angles import TWO_PI
from detector.geometry.description import Density


def densities(momenta: NDArray[np.float64], described: Density) -> NDArray[np.float64]:
    """The density in each range of rapidity.

    Args:
        momenta: float64 (n, 4), px, py, pz, E of all particles of an event, GeV; massive or massless.
        described: ranges and size of tiles.

    Returns:
        float64 (n_ranges), GeV per unit of rapidity and radian.
    """
    px, py, pz, energy = momenta[(momenta[:, 0] != 0.0) | (momenta[:, 1] != 0.0)].T
    pt2 = px**2 + py**2
    transverse_mass = np.sqrt(np.maximum(energy**2 - pz**2, pt2))
    rapidity, phi = np.arcsinh(pz / transverse_mass), np.arctan2(py, px)
    ranges = pairwise(described.edges)
    return np.array([_density(rapidity, phi, np.sqrt(pt2), low, high, described.tile) for low, high in ranges])


@compiled
def _density(
    rapidity: NDArray[np.float64],
    phi: NDArray[np.float64],
    pt: NDArray[np.float64],
    low: float,
    high: float,
    tile: float,
) -> float:
    """One range, cut into tiles of about the wanted size."""
    n_rapidity, n_phi = max(int((high - low) / tile + 0.5), 1), int(TWO_PI / tile + 0.5)
    sums = np.zeros(n_rapidity * n_phi)
    for i in range(len(pt)):
        if low <= rapidity[i] < high:
            # Rounding alone reaches the number of tiles: the upper edge of a range, and the seam.
            row = min(int((rapidity[i] - low) * n_rapidity / (high - low)), n_rapidity - 1)
            column = int((phi[i] % TWO_PI) * n_phi / TWO_PI) % n_phi
            sums[row * n_phi + column] += pt[i]
    return float(np.median(sums) * n_rapidity * n_phi / ((high - low) * TWO_PI))
