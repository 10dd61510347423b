"""Pile-up per particle identification, PUPPI (arXiv:1407.6013), as Delphes' RunPUPPI does it.

Each particle gets a weight from the chi-squared probability that its surroundings look like the primary
vertex's rather than like pile-up's. The surroundings are measured by
alpha = ln sum over j in the cone of pt_j^2 / Delta R_ij^2.

Two things differ from the paper, because they do in Delphes 3.5.1 (modules/RunPUPPI, external/PUPPI:
PuppiContainer, PuppiAlgo) and its jets are only found again with them: the distribution of alpha for pile-up
is made of all tracks, the primary vertex's among them (Delphes never tells PUPPI the tracks' charge, by which
it would know them apart, so its correction for low pile-up never acts either), and eta is handed to PUPPI as
if it were the rapidity. A slow track's eta thus grows inside PUPPI. Alpha, and the bin in |eta| whose
distribution it enters, are those of this larger eta; the weight is that of the bin of the eta handed in.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.common.native import Packed, compiled
from detector.geometry.description import Puppi

NEUTRAL, PRIMARY, PILEUP = 0, 1, 2  # what a candidate is
BACKGROUND, WEIGHT = 1, 2  # what a candidate's alpha is for: the distribution of pile-up's, its own weight
NEAREST2 = 1e-4  # Delta R^2 below which a neighbour does not count (it may be the particle itself)
LOST_VERTICES = 0.7  # Delphes: the share of vertices that is found


class PuppiTables(NamedTuple):
    """PUPPI's numbers: min_weight, and float64 (n_bins) for the bins in |eta|."""

    min_weight: float
    abs_eta_max: NDArray[np.float64]
    cone: NDArray[np.float64]
    rms_pt_min: NDArray[np.float64]
    rms_scale: NDArray[np.float64]
    neutral_pt_min: NDArray[np.float64]
    neutral_pt_slope: NDArray[np.float64]
    use_charged: NDArray[np.bool_]
    low_pileup_correction: NDArray[np.bool_]


class Candidates(NamedTuple):
    """What PUPPI weighs, each array (n).

    Attributes:
        pt, mass: float64, GeV; eta, phi: float64.
        kind: int64, NEUTRAL, PRIMARY or PILEUP.
    """

    pt: NDArray[np.float64]
    eta: NDArray[np.float64]
    phi: NDArray[np.float64]
    mass: NDArray[np.float64]
    kind: NDArray[np.int64]


def puppi_tables(described: Puppi) -> PuppiTables:
    """The arrays of the described PUPPI."""
    columns = (np.array([getattr(b, name) for b in described.bins]) for name in PuppiTables._fields[1:])
    return PuppiTables(described.min_weight, *columns)


def weights(candidates: Candidates, n_vertices: int, tables: PuppiTables) -> NDArray[np.float64]:
    """The weight of each candidate, 0 to 1: 1 for the primary vertex's tracks, 0 for pile-up's."""
    n = len(candidates.pt)
    eta, alpha, result = np.empty(n), np.empty(n), np.empty(n)
    measured_in, use = np.empty(n, np.int64), np.empty(n, np.int64)
    # Delphes hands PUPPI a whole number of vertices.
    found = max(1.0, math.floor(LOST_VERTICES * n_vertices))
    given = Packed(candidates), Packed(tables)
    _look(*given, found, eta, measured_in, use)
    primary, others = _neighbours(candidates, measured_in, tables)
    _alphas(*given, eta, measured_in, use, primary, others, alpha)
    background = np.zeros((len(tables.cone), 3))
    for b in range(len(tables.cone)):
        _background(np.sort(alpha[(use & BACKGROUND > 0) & (measured_in == b)]), given[1], b, background)
    _weigh(*given, found, use, alpha, background, result)
    return result


@compiled
def _look(
    candidates: Candidates,
    tables: PuppiTables,
    found: float,
    eta: NDArray[np.float64],
    measured_in: NDArray[np.int64],
    use: NDArray[np.int64],
) -> None:
    """Fills in PUPPI's eta, the bin that it lies in, and what the alpha of each candidate is for; found: vertices."""
    c, t = candidates, tables
    for i in range(len(c.pt)):
        eta[i] = _eta_of_rapidity(c.eta[i], c.mass[i] / c.pt[i])
        b = _bin(eta[i], t.abs_eta_max)
        measured_in[i], use[i] = b, 0
        if b >= 0 and c.pt[i] >= t.rms_pt_min[b] and (c.kind[i] != NEUTRAL or not t.use_charged[b]):
            use[i] |= BACKGROUND
        b = _bin(c.eta[i], t.abs_eta_max)
        # One that is softer falls below the threshold whatever its weight.
        if c.kind[i] == NEUTRAL and (b < 0 or c.pt[i] >= _pt_min(t, b, found)):
            use[i] |= WEIGHT


def _pt_min(tables: PuppiTables, b: int, found: float) -> float:
    """What a weighted neutral must have at least in bin b, GeV."""
    return float(tables.neutral_pt_min[b] + found * tables.neutral_pt_slope[b])


def _eta_of_rapidity(rapidity: float, mass_over_pt: float) -> float:
    """Delphes sets the rapidity to the candidate's eta; the metric then uses the eta that follows."""
    if mass_over_pt == 0.0:
        return rapidity
    return math.asinh(math.sinh(rapidity) * math.hypot(1.0, mass_over_pt))


def _bin(eta: float, abs_eta_max: NDArray[np.float64]) -> int:
    """The bin in |eta|, -1 beyond the last."""
    for b in range(len(abs_eta_max)):
        if abs(eta) <= abs_eta_max[b]:
            return b
    return -1


def _neighbours(
    candidates: Candidates, measured_in: NDArray[np.int64], tables: PuppiTables
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Who counts in cones, in the order of eta: the primary vertex's tracks; and all, where all count.

    The former are a few of a hundred. The latter are looked at in the forward bins alone, so those in the barrel are
    left out.
    """
    primary = np.flatnonzero(candidates.kind == PRIMARY)
    abs_eta, all_count = np.abs(candidates.eta), np.append(~tables.use_charged, False)[measured_in]
    nearest = abs_eta[all_count].min(initial=np.inf) - tables.cone.max()
    others = np.flatnonzero(abs_eta >= nearest)
    return primary[np.argsort(candidates.eta[primary])], others[np.argsort(candidates.eta[others])]


@compiled
def _alphas(
    candidates: Candidates,
    tables: PuppiTables,
    eta: NDArray[np.float64],
    region: NDArray[np.int64],
    use: NDArray[np.int64],
    primary: NDArray[np.int64],
    others: NDArray[np.int64],
    alpha: NDArray[np.float64],
) -> None:
    """Ln of the sum of pt^2 / Delta R^2 over each candidate's cone, 0 for an empty cone and where it is of no use."""
    for i in range(len(region)):
        b, total = region[i], 0.0
        if b >= 0 and use[i]:
            near = primary if tables.use_charged[b] else others
            total = _cone_sum(candidates, eta, near, i, tables.cone[b])
        alpha[i] = math.log(total) if total > 0.0 else 0.0


def _cone_sum(candidates: Candidates, eta: NDArray[np.float64], near: NDArray[np.int64], i: int, cone: float) -> float:
    """The sum of pt^2 / Delta R^2 over the neighbours in the cone of candidate i."""
    c = candidates
    rapidity, phi, total = c.eta[i], c.phi[i], 0.0
    for k in range(_first(c.eta, near, rapidity - cone), len(near)):
        j = near[k]
        d_rapidity = c.eta[j] - rapidity
        if d_rapidity > cone:
            break
        d_phi = abs(c.phi[j] - phi)
        d_phi = min(d_phi, 2.0 * math.pi - d_phi)
        r2 = (eta[j] - eta[i]) ** 2 + d_phi * d_phi
        if d_rapidity * d_rapidity + d_phi * d_phi <= cone * cone and r2 >= NEAREST2:
            total += c.pt[j] ** 2 / r2
    return total


def _first(eta: NDArray[np.float64], near: NDArray[np.int64], least: float) -> int:
    """The place of the first neighbour whose eta is not less, by halving."""
    low, high = 0, len(near)
    while low < high:
        middle = (low + high) // 2
        if eta[near[middle]] < least:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _background(alpha: NDArray[np.float64], tables: PuppiTables, b: int, result: NDArray[np.float64]) -> None:
    """Fills in how many candidates make pile-up's distribution in bin b, its median and its RMS; zeros for none."""
    n = len(alpha)
    if n == 0:
        return
    last_zero = 0
    for i in range(n):
        if alpha[i] == 0.0:
            last_zero = i
    median = alpha[last_zero + int((n - last_zero) * 0.5)]
    total, n_below = 0.0, 0
    for i in range(n):
        # The lower half alone: the upper one holds what is not pile-up.
        if alpha[i] != 0.0 and (alpha[i] <= median or not tables.low_pileup_correction[b]):
            total, n_below = total + (alpha[i] - median) ** 2, n_below + 1
    variance = total / n_below if n_below else 0.0
    result[b, 0], result[b, 1] = n, median
    result[b, 2] = math.sqrt(variance if variance > 0.0 else 1e-5) * tables.rms_scale[b]


@compiled
def _weigh(
    candidates: Candidates,
    tables: PuppiTables,
    found: float,
    use: NDArray[np.int64],
    alpha: NDArray[np.float64],
    background: NDArray[np.float64],
    result: NDArray[np.float64],
) -> None:
    """Fills in the weights; found: vertices."""
    c, t = candidates, tables
    for i in range(len(c.pt)):
        b, weight = _bin(c.eta[i], t.abs_eta_max), 1.0
        if b >= 0 and c.kind[i] == NEUTRAL:
            if background[b, 0] > 0.0:
                weight = _chance(alpha[i], background[b, 1], background[b, 2])
            if not use[i] & WEIGHT or weight * c.pt[i] < _pt_min(t, b, found):
                weight = 0.0
        elif b >= 0 and c.kind[i] == PILEUP:
            weight = 0.0
        result[i] = weight if b < 0 or weight >= t.min_weight else 0.0


def _chance(alpha: float, median: float, rms: float) -> float:
    """How surely a neutral one is not of pile-up; one with an empty cone is taken for the median."""
    value = median if alpha == 0.0 else alpha
    chi2 = (value - median) * abs(value - median) / rms**2
    return math.erf(math.sqrt(chi2 / 2.0)) if chi2 > 0.0 else 0.0
