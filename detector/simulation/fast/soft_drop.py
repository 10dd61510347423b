"""Soft drop of jets (arXiv:1402.2657), by a Cambridge/Aachen clustering of our own.

FastJet's bindings make a Python object of each constituent, which takes longer than clustering them. Distances,
rapidities and masses are computed as FastJet does, so that the same pairs merge; a test compares the two.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.common.native import compiled
from detector.geometry.description import SoftDrop

PX, PY, PZ, E, RAPIDITY, PHI, PT2 = range(7)  # columns of a branch


def soft_drop(jets: Sequence[NDArray[np.float64]], described: SoftDrop) -> NDArray[np.float64]:
    """The groomed jets: Cambridge/Aachen branches are dropped until one is hard enough.

    The condition is min(pt1, pt2) / (pt1 + pt2) > zcut (Delta R / r0)^beta.

    Args:
        jets: of each jet float64 (n, 4), px, py, pz, E of its constituents, GeV; at least one.
        described: beta, zcut and r0.

    Returns:
        float64 (n_jets, 4), px, py, pz, E of what is left, GeV.
    """
    counts, groomed = np.array(list(map(len, jets)), np.int64), np.empty((len(jets), 4))
    momenta = np.concatenate([*jets, np.empty((0, 4))])
    largest = counts.max(initial=0)
    branches, parents = np.empty((2 * largest, 7)), np.empty((2 * largest, 2), np.int64)
    alive, nearest, distance = np.empty(largest, np.int64), np.empty(largest, np.int64), np.empty(largest)
    numbers = described.beta, described.zcut, described.r0
    _groom_all(momenta, counts, branches, parents, alive, nearest, distance, *numbers, groomed)
    return groomed


def mass(momenta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Masses of four-momenta (n, 4), as FastJet has them: a negative square gives a negative mass."""
    px, py, pz, energy = momenta.T
    square = (energy + pz) * (energy - pz) - (px * px + py * py)
    return np.asarray(np.copysign(np.sqrt(np.abs(square)), square))


@compiled
def _groom_all(
    momenta: NDArray[np.float64],
    counts: NDArray[np.int64],
    branches: NDArray[np.float64],
    parents: NDArray[np.int64],
    alive: NDArray[np.int64],
    nearest: NDArray[np.int64],
    distance: NDArray[np.float64],
    beta: float,
    zcut: float,
    r0: float,
    groomed: NDArray[np.float64],
) -> None:
    first = 0
    for jet in range(len(counts)):
        n = counts[jet]
        _cluster(momenta, first, n, branches, parents, alive, nearest, distance)
        left = _groom(2 * n - 2, branches, parents, beta, zcut, r0)
        for k in range(4):
            groomed[jet, k] = branches[left, k]
        first += n


def _cluster(
    momenta: NDArray[np.float64],
    first: int,
    n: int,
    branches: NDArray[np.float64],
    parents: NDArray[np.int64],
    alive: NDArray[np.int64],
    nearest: NDArray[np.int64],
    distance: NDArray[np.float64],
) -> None:
    """Fills branches: the n constituents, then each merged pair, at last the jet, number 2 n - 2.

    Args:
        momenta: float64 (m, 4), of which n from the first are the jet's.
        first, n: see there.
        branches, parents: room for 2 n - 1; parents are -1 for constituents.
        alive, nearest, distance: room for n: branches not yet merged, the place of each one's nearest, Delta R^2 to it.
    """
    for k in range(n):
        i = first + k
        _set(branches, k, momenta[i, 0], momenta[i, 1], momenta[i, 2], momenta[i, 3])
        parents[k, 0], parents[k, 1], alive[k] = -1, -1, k
    for k in range(n):
        _find_nearest(k, n, branches, alive, nearest, distance)
    for made in range(n, 2 * n - 1):
        left = 2 * n - made
        i = 0
        for k in range(1, left):
            if distance[k] < distance[i]:
                i = k
        j = nearest[i]
        a, b = alive[i], alive[j]
        _set(branches, made, *_sum(branches, a, b))
        parents[made, 0], parents[made, 1] = a, b
        _replace(min(i, j), max(i, j), made, left - 1, branches, alive, nearest, distance)


def _sum(branches: NDArray[np.float64], a: int, b: int) -> tuple[float, float, float, float]:
    return (
        branches[a, PX] + branches[b, PX], branches[a, PY] + branches[b, PY],
        branches[a, PZ] + branches[b, PZ], branches[a, E] + branches[b, E],
    )  # fmt: skip


def _set(branches: NDArray[np.float64], k: int, px: float, py: float, pz: float, energy: float) -> None:
    """Writes a branch, with rapidity and phi as FastJet's PseudoJet has them."""
    pt2 = px * px + py * py
    branches[k, PX], branches[k, PY], branches[k, PZ], branches[k, E], branches[k, PT2] = px, py, pz, energy, pt2
    phi = math.atan2(py, px) if pt2 > 0.0 else 0.0
    branches[k, PHI] = phi + 2.0 * math.pi if phi < 0.0 else phi
    mass2 = max((energy + pz) * (energy - pz) - pt2, 0.0)
    along = energy + abs(pz)
    rapidity = 0.5 * math.log((pt2 + mass2) / (along * along))
    branches[k, RAPIDITY] = -rapidity if pz > 0.0 else rapidity


def _distance2(branches: NDArray[np.float64], a: int, b: int) -> float:
    """Delta R^2 in rapidity and phi."""
    d_phi = abs(branches[a, PHI] - branches[b, PHI])
    if d_phi > math.pi:
        d_phi = 2.0 * math.pi - d_phi
    d_rapidity = branches[a, RAPIDITY] - branches[b, RAPIDITY]
    return float(d_phi * d_phi + d_rapidity * d_rapidity)


def _find_nearest(
    k: int,
    n: int,
    branches: NDArray[np.float64],
    alive: NDArray[np.int64],
    nearest: NDArray[np.int64],
    distance: NDArray[np.float64],
) -> None:
    """Looks at all n branches for that next to the one at place k."""
    nearest[k], distance[k] = -1, math.inf
    for other in range(n):
        if other != k:
            d2 = _distance2(branches, alive[k], alive[other])
            if d2 < distance[k]:
                nearest[k], distance[k] = other, d2


def _replace(
    i: int,
    j: int,
    made: int,
    n: int,
    branches: NDArray[np.float64],
    alive: NDArray[np.int64],
    nearest: NDArray[np.int64],
    distance: NDArray[np.float64],
) -> None:
    """Puts a new branch at place i, and at place j > i the last one, which stood at place n; n branches remain."""
    alive[i], alive[j], nearest[j], distance[j] = made, alive[n], nearest[n], distance[n]
    for k in range(n):
        if k == i:
            continue
        if nearest[k] == i or nearest[k] == j:
            _find_nearest(k, n, branches, alive, nearest, distance)
            continue
        if nearest[k] == n:
            nearest[k] = j
        d2 = _distance2(branches, alive[k], made)
        if d2 < distance[k]:
            nearest[k], distance[k] = i, d2
    _find_nearest(i, n, branches, alive, nearest, distance)


def _groom(
    branch: int, branches: NDArray[np.float64], parents: NDArray[np.int64], beta: float, zcut: float, r0: float
) -> int:
    """Walks down the harder branches until one splits hard enough; which."""
    while parents[branch, 0] >= 0:
        a, b = parents[branch, 0], parents[branch, 1]
        pt_a, pt_b = math.sqrt(branches[a, PT2]), math.sqrt(branches[b, PT2])
        threshold = zcut * (math.sqrt(_distance2(branches, a, b)) / r0) ** beta
        if min(pt_a, pt_b) > threshold * (pt_a + pt_b):
            break
        branch = a if pt_a >= pt_b else b
    return branch
