"""Pile-up density rho (arXiv:0707.1378): the median over tiles of their summed pt, by tile area.

As FastJet's GridMedianBackgroundEstimator, which Delphes runs; the bindings take one Python object a particle.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.common.native import compiled
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
    px, py, pz, energy = momenta.T
    pt = np.sqrt(px**2 + py**2)
    transverse_mass = np.sqrt(np.maximum(energy**2 - pz**2, pt**2))
    # What runs along the beam has no place.
    rapidity = np.arcsinh(pz / np.where(pt > 0.0, transverse_mass, 1.0))
    edges = np.array(described.edges)
    lengths = np.diff(edges)
    n_rapidity = np.maximum((lengths / described.tile + 0.5).astype(np.int64), 1)
    n_phi = int(TWO_PI / described.tile + 0.5)
    starts = np.concatenate([[0], np.cumsum(n_rapidity * n_phi)])
    sums = np.zeros(starts[-1])
    _add_up(rapidity, np.arctan2(py, px), pt, edges, n_rapidity, n_phi, starts, sums)
    medians = np.array([_median(sums[a:b]) for a, b in pairwise(starts.tolist())])
    return np.asarray(medians * n_rapidity * n_phi / (lengths * TWO_PI))


@compiled
def _add_up(
    rapidity: NDArray[np.float64],
    phi: NDArray[np.float64],
    pt: NDArray[np.float64],
    edges: NDArray[np.float64],
    n_rapidity: NDArray[np.int64],
    n_phi: int,
    starts: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    """Adds pt to tiles of about the wanted size; those of range k begin at starts[k]."""
    for i in range(len(pt)):
        if not (pt[i] > 0.0 and edges[0] <= rapidity[i] < edges[-1]):
            continue
        k = 0
        while rapidity[i] >= edges[k + 1]:
            k += 1
        # Rounding alone reaches the number of tiles: the upper edge of a range, and the seam.
        row = min(int((rapidity[i] - edges[k]) * n_rapidity[k] / (edges[k + 1] - edges[k])), n_rapidity[k] - 1)
        angle = phi[i] if phi[i] >= 0.0 else phi[i] + TWO_PI
        sums[starts[k] + row * n_phi + int(angle * n_phi / TWO_PI) % n_phi] += pt[i]


def _median(values: NDArray[np.float64]) -> float:
    """As `np.median`, which takes ten times as long for so few."""
    rising, n = np.sort(values), len(values)
    return float(rising[n // 2] if n % 2 else (rising[n // 2 - 1] + rising[n // 2]) * 0.5)
