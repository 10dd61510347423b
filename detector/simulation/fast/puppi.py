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

from detector.common.numba_cache import compiled
from detector.geometry.description import Puppi

NEUTRAL, PRIMARY, PILEUP = 0, 1, 2  # what a candidate is
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


@compiled
def weights(candidates: Candidates, n_vertices: int, tables: PuppiTables) -> NDArray[np.float64]:
    """The weight of each candidate, 0 to 1: 1 for the primary vertex's tracks, 0 for pile-up's."""
    # Delphes sets the rapidity to the candidate's eta; the metric then uses the eta that follows.
    eta = np.arcsinh(np.sinh(candidates.eta) * np.hypot(1.0, candidates.mass / candidates.pt))
    measured_in = _regions(eta, tables)
    alpha = _alpha(candidates, eta, measured_in, tables)
    region = _regions(candidates.eta, tables)
    result = np.ones(len(region))
    # Delphes hands PUPPI a whole number of vertices.
    found = max(1.0, math.floor(LOST_VERTICES * n_vertices))
    for b in range(len(tables.cone)):
        n, median, rms = _background(candidates, alpha, measured_in, b, tables)
        pt_min = tables.neutral_pt_min[b] + found * tables.neutral_pt_slope[b]
        for i in range(len(region)):
            if region[i] != b:
                continue
            if n > 0:
                value = median if alpha[i] == 0.0 else alpha[i]
                chi2 = (value - median) * abs(value - median) / rms**2
                result[i] = math.erf(math.sqrt(chi2 / 2.0)) if chi2 > 0.0 else 0.0
            if candidates.kind[i] != NEUTRAL:
                result[i] = 1.0 if candidates.kind[i] == PRIMARY else 0.0
            elif result[i] * candidates.pt[i] < pt_min:
                result[i] = 0.0
            if result[i] < tables.min_weight:
                result[i] = 0.0
    return result


@compiled
def _regions(eta: NDArray[np.float64], tables: PuppiTables) -> NDArray[np.int64]:
    """The bin in |eta| of each candidate, -1 beyond the last."""
    region = np.full(len(eta), -1)
    for i in range(len(eta)):
        for b in range(len(tables.abs_eta_max)):
            if abs(eta[i]) <= tables.abs_eta_max[b]:
                region[i] = b
                break
    return region


@compiled
def _alpha(
    candidates: Candidates, eta: NDArray[np.float64], region: NDArray[np.int64], tables: PuppiTables
) -> NDArray[np.float64]:
    """Ln of the sum of pt^2 / Delta R^2 over each candidate's cone, 0 for an empty cone."""
    order = np.argsort(candidates.eta)
    everyone = _neighbours(candidates, eta, order)
    # The primary vertex's tracks are a few of a hundred: where they alone count, nothing else is looked at.
    primary = _neighbours(candidates, eta, order[candidates.kind[order] == PRIMARY])
    result = np.zeros(len(region))
    for i in range(len(region)):
        b = region[i]
        if b >= 0:
            near = primary if tables.use_charged[b] else everyone
            total = _cone_sum(near, candidates.eta[i], candidates.phi[i], eta[i], tables.cone[b])
            result[i] = math.log(total) if total > 0.0 else 0.0
    return result


@compiled
def _neighbours(
    candidates: Candidates, eta: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What a cone's sum needs of the candidates, in this order: eta as handed in, phi, PUPPI's eta, pt^2."""
    return candidates.eta[order], candidates.phi[order], eta[order], candidates.pt[order] ** 2


@compiled
def _cone_sum(
    near: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    rapidity: float,
    phi: float,
    eta: float,
    cone: float,
) -> float:
    """The sum of pt^2 / Delta R^2 over the neighbours in a cone."""
    rapidities, phis, etas, pt2 = near
    total = 0.0
    for k in range(np.searchsorted(rapidities, rapidity - cone), len(rapidities)):
        d_rapidity = rapidities[k] - rapidity
        if d_rapidity > cone:
            break
        d_phi = abs(phis[k] - phi)
        d_phi = min(d_phi, 2.0 * math.pi - d_phi)
        r2 = (etas[k] - eta) ** 2 + d_phi * d_phi
        if d_rapidity * d_rapidity + d_phi * d_phi <= cone * cone and r2 >= NEAREST2:
            total += pt2[k] / r2
    return total


@compiled
def _background(
    candidates: Candidates, alpha: NDArray[np.float64], region: NDArray[np.int64], b: int, tables: PuppiTables
) -> tuple[int, float, float]:
    """How many candidates make pile-up's distribution of alpha in bin b; its median and its RMS."""
    charged = tables.use_charged[b]
    chosen = (region == b) & (candidates.pt >= tables.rms_pt_min[b])
    background = np.sort(alpha[chosen & ((candidates.kind != NEUTRAL) | (not charged))])
    n = len(background)
    if n == 0:
        return 0, 0.0, 0.0
    zeros = np.flatnonzero(background == 0.0)
    last_zero = zeros[-1] if len(zeros) else 0
    median = background[last_zero + int((n - last_zero) * 0.5)]
    # The lower half alone: the upper one holds what is not pile-up.
    below = background[(background != 0.0) & ((background <= median) | (not tables.low_pileup_correction[b]))]
    variance = np.mean((below - median) ** 2) if len(below) else 0.0
    return n, median, math.sqrt(variance if variance > 0.0 else 1e-5) * tables.rms_scale[b]
