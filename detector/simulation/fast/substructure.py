"""What is inside a jet: its groomed mass and its N-subjettiness, from its constituents.

Sequential recombination with distances d_ij = min(pt_i^2p, pt_j^2p) Delta R_ij^2 (p = 1: kt, p = 0:
Cambridge/Aachen), four-momenta summed, as FastJet does it (arXiv:1111.6097); jets are small enough for
a direct search.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.common.numba_cache import compiled

KT, CAMBRIDGE = 1, 0
STEPS, PRECISION = 1000, 1e-4  # of the search for the axes, as FastJet contrib's one-pass axes
CLOSE2 = 1e-12  # Delta R^2 of a constituent on its axis: keeps the weights finite


@compiled
def direction(p: NDArray[np.float64]) -> tuple[float, float, float]:
    """The pt, rapidity and phi of a four-momentum (px, py, pz, E)."""
    pt = math.hypot(p[0], p[1])
    mt2 = max(p[3] ** 2 - p[2] ** 2, 1e-300)
    # The form that loses no digits in the forward direction: ln((E + |pz|)^2 / mt^2) / 2.
    y = 0.5 * math.log((p[3] + abs(p[2])) ** 2 / mt2)
    return pt, math.copysign(y, p[2]), math.atan2(p[1], p[0])


@compiled
def delta_phi(a: float, b: float) -> float:
    """The angle between two azimuths, 0 to pi."""
    d = abs(a - b) % (2.0 * math.pi)
    return min(d, 2.0 * math.pi - d)


@compiled
def history(constituents: NDArray[np.float64], power: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Merges constituents pair by pair until one is left.

    Args:
        constituents: float64 (n, 4), px, py, pz, E.
        power: KT or CAMBRIDGE.

    Returns:
        float64 (2 n - 1, 4): constituents, then the sums in the order of merging; and int64 (2 n - 1, 2): the
        parents of each, -1 for constituents.
    """
    n = len(constituents)
    momenta, parents = np.zeros((2 * n - 1, 4)), np.full((2 * n - 1, 2), -1)
    momenta[:n] = constituents
    where = np.empty((2 * n - 1, 3))
    for i in range(n):
        where[i] = direction(momenta[i])
    live = np.arange(n)
    for new in range(n, 2 * n - 1):
        count = 2 * n - new
        a, b = _closest(where, live[:count], power)
        i, j = live[a], live[b]
        momenta[new] = momenta[i] + momenta[j]
        where[new] = direction(momenta[new])
        parents[new, 0], parents[new, 1] = i, j
        # b < a: the last live one takes a's place, and the sum takes b's.
        live[a] = live[count - 1]
        live[b] = new
    return momenta, parents


@compiled
def _closest(where: NDArray[np.float64], live: NDArray[np.int64], power: int) -> tuple[int, int]:
    best, first, second = math.inf, 0, 1
    for a in range(len(live)):
        for b in range(a):
            u, v = where[live[a]], where[live[b]]
            d = (u[1] - v[1]) ** 2 + delta_phi(u[2], v[2]) ** 2
            if power == KT:
                d *= min(u[0], v[0]) ** 2
            if d < best:
                best, first, second = d, a, b
    return first, second


@compiled
def soft_drop(constituents: NDArray[np.float64], beta: float, zcut: float, r0: float) -> NDArray[np.float64]:
    """The groomed jet: Cambridge/Aachen branches are dropped until one is hard enough (arXiv:1402.2657).

    The condition is min(pt1, pt2) / (pt1 + pt2) > zcut (Delta R / r0)^beta.

    Args:
        constituents: float64 (n, 4), px, py, pz, E.
        beta: angular exponent.
        zcut: threshold on the softer share.
        r0: the jet's radius.

    Returns:
        float64 (4), the sum of what is left.
    """
    momenta, parents = history(constituents, CAMBRIDGE)
    node = len(momenta) - 1
    while parents[node, 0] >= 0:
        i, j = parents[node]
        pt1, y1, phi1 = direction(momenta[i])
        pt2, y2, phi2 = direction(momenta[j])
        angle = math.hypot(y1 - y2, delta_phi(phi1, phi2))
        if min(pt1, pt2) > (pt1 + pt2) * zcut * (angle / r0) ** beta:
            break
        node = i if pt1 >= pt2 else j
    groomed: NDArray[np.float64] = momenta[node]
    return groomed


@compiled
def subjettiness(constituents: NDArray[np.float64], largest: int, beta: float, radius: float) -> NDArray[np.float64]:
    """N-subjettiness tau_N = sum of pt min_k(Delta R_k)^beta / sum of pt R^beta (arXiv:1011.2268).

    The axes are the N exclusive kt jets, then moved to the nearest minimum ("one pass").

    Args:
        constituents: float64 (n, 4), px, py, pz, E.
        largest: tau_1 to tau_largest.
        beta: angular exponent, 1 or 2.
        radius: the jet's.

    Returns:
        float64 (largest); 0 from N = number of constituents on.
    """
    tau = np.zeros(largest)
    n = len(constituents)
    where = np.empty((n, 3))
    for i in range(n):
        where[i] = direction(constituents[i])
    momenta, parents = history(constituents, KT)
    norm = np.sum(where[:, 0]) * radius**beta
    for k in range(1, min(largest, n - 1) + 1):
        axes = _exclusive(momenta, parents, k)
        tau[k - 1] = _one_pass(where, axes, beta) / norm
    return tau


@compiled
def _exclusive(momenta: NDArray[np.float64], parents: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Rapidity and phi of the jets that are left before the last count - 1 merges, (count, 2)."""
    first_undone = len(momenta) - count + 1
    axes, k = np.empty((count, 2)), 0
    for node in range(first_undone if count > 1 else len(momenta) - 1, len(momenta)):
        for side in range(2):
            child = node if count == 1 else parents[node, side]
            if child < first_undone and k < count:
                _, axes[k, 0], axes[k, 1] = direction(momenta[child])
                k += 1
    return axes


@compiled
def _one_pass(where: NDArray[np.float64], axes: NDArray[np.float64], beta: float) -> float:
    """The sum of pt Delta R^beta to the nearest axis at the minimum that the given axes lead to.

    Each step puts an axis at the mean of its constituents with weights pt Delta R^(beta - 2), which is where
    the sum's derivative vanishes (Weiszfeld's iteration for beta = 1).
    """
    value, moved = _step(where, axes, beta)
    best = value
    for _ in range(STEPS):
        axes = moved[0]
        value, following = _step(where, axes, beta)
        best = min(best, value)
        if moved[1] < PRECISION:
            break
        moved = following
    return best


@compiled
def _step(
    where: NDArray[np.float64], axes: NDArray[np.float64], beta: float
) -> tuple[float, tuple[NDArray[np.float64], float]]:
    """The sum at these axes; the axes after one step and how far they moved together."""
    total, sums = 0.0, np.zeros((len(axes), 3))
    for i in range(len(where)):
        nearest, r2, k = math.inf, 0.0, 0
        for a in range(len(axes)):
            r2 = (where[i, 1] - axes[a, 0]) ** 2 + delta_phi(where[i, 2], axes[a, 1]) ** 2
            if r2 < nearest:
                nearest, k = r2, a
        total += where[i, 0] * nearest ** (beta / 2.0)
        weight = where[i, 0] * (nearest + CLOSE2) ** (beta / 2.0 - 1.0)
        turn = where[i, 2] - axes[k, 1]
        turn -= 2.0 * math.pi * round(turn / (2.0 * math.pi))
        sums[k, 0] += weight
        sums[k, 1] += weight * (where[i, 1] - axes[k, 0])
        sums[k, 2] += weight * turn
    moved, shift = axes.copy(), 0.0
    for a in range(len(axes)):
        if sums[a, 0] > 0.0:
            d_y, d_phi = sums[a, 1] / sums[a, 0], sums[a, 2] / sums[a, 0]
            moved[a, 0] += d_y
            moved[a, 1] += d_phi
            shift += math.hypot(d_y, d_phi)
    return total, (moved, shift)
