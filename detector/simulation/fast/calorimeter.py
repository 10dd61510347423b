"""One calorimeter: towers and energy flow, as Delphes' SimpleCalorimeter (arXiv:1307.6346, section 3.3).

A cell sums the energy fractions of all particles that reach it; the sum is smeared, then compared with
the tracks of the same cell: a significant excess becomes a neutral object, otherwise the tracks are
scaled to the best estimate of both measurements. Beyond Delphes, showers may spread over cells
(`detector.simulation.fast.showers`); the energy of tracks spreads in the same way, and each track is scaled in
the cell that it hits.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.common.numba_cache import compiled
from detector.simulation.fast.parameters import CalorimeterTables
from detector.simulation.fast.showers import has_profile, lever, profile_of, strip
from detector.simulation.fast.tracking import log_normal
from detector.simulation.particles import Towers, Tracks

NO_FRACTION = 1e-9  # smaller fractions count as none


class CalorimeterOutput(NamedTuple):
    """What a calorimeter hands on.

    Attributes:
        tracks: all tracks, in the order of cells; those with a fraction here may be scaled.
        neutrals: the energy-flow objects.
        towers: the plain towers, tracks ignored.
    """

    tracks: Tracks
    neutrals: Towers
    towers: Towers


@compiled
def cell_of(tables: CalorimeterTables, eta: float, phi: float) -> int:
    """The cell that holds a point, -1 outside; a point on an edge belongs to the cell below (Delphes)."""
    edges = tables.eta_edges
    if eta <= edges[0] or eta > edges[-1]:
        return -1
    # The bin's ring is that of its lower edge; the point may lie past the ring's upper edge.
    ring = tables.ring_of_bin[int((eta - edges[0]) * tables.bins_per_eta)]
    while eta > edges[ring + 1]:
        ring += 1
    while eta <= edges[ring]:
        ring -= 1
    n_phi = tables.n_phi[ring]
    column = math.ceil((phi + math.pi) * n_phi / (2.0 * math.pi)) - 1
    return int(tables.first_cell[ring] + column % n_phi)


@compiled
def fraction_of(tables: CalorimeterTables, pid: int) -> float:
    """The fraction of its energy that a particle deposits here."""
    code = abs(pid)
    for k in range(len(tables.fraction_pdg)):
        if tables.fraction_pdg[k] >= code:
            return float(tables.fraction[k]) if tables.fraction_pdg[k] == code else tables.default_fraction
    return tables.default_fraction


@compiled
def sigma_of(tables: CalorimeterTables, ring: int, energy: float) -> float:
    """Resolution of a cell in this ring, GeV."""
    return _sigma(_ring_of(tables, ring), energy)


class _Ring(NamedTuple):
    """What the loop over cells needs of a ring, as plain numbers: passing all tables to each function takes longer
    than what most of them do.
    """

    eta_min: float
    eta_max: float
    first_cell: int
    n_phi: int
    constant: float
    stochastic: float
    noise: float
    energy_min: float
    significance_min: float


@compiled
def _ring_of(tables: CalorimeterTables, ring: int) -> _Ring:
    return _Ring(
        tables.eta_edges[ring], tables.eta_edges[ring + 1], tables.first_cell[ring], tables.n_phi[ring],
        tables.sigma[ring, 0], tables.sigma[ring, 1], tables.sigma[ring, 2], tables.energy_min, tables.significance_min,
    )  # fmt: skip


@compiled
def _sigma(ring: _Ring, energy: float) -> float:
    return math.sqrt((ring.constant * energy) ** 2 + ring.stochastic**2 * energy + ring.noise**2)


@compiled
def measure(
    particles: Tracks, tracks: Tracks, tables: CalorimeterTables, rng: np.random.Generator
) -> CalorimeterOutput:
    """Towers and energy flow of one calorimeter.

    Args:
        particles: all particles at its face.
        tracks: what the tracker, or the calorimeter before, saw.
        tables: its numbers.
        rng: smearing, and the position inside the cell.
    """
    slots, deposits = _deposit(particles, tracks, tables)
    order, cells, fractions = _sort_tracks(tracks, tables)
    track_energies, track_variances = _track_sums(tracks, fractions, slots, len(deposits), tables)
    neutrals, n_neutrals = np.empty((8, len(deposits))), 0
    towers, n_towers = np.empty((8, len(deposits))), 0
    pt, energies = tracks.pt.copy(), tracks.energy.copy()
    first, ring = 0, 0
    here = _ring_of(tables, ring)
    for cell in range(len(slots)):
        slot = slots[cell]
        if slot < 0:
            continue
        last = first
        while last < len(order) and cells[last] == cell:
            last += 1
        while tables.first_cell[ring + 1] <= cell:
            ring += 1
            here = _ring_of(tables, ring)
        track_energy, track_sigma = track_energies[slot], math.sqrt(track_variances[slot])
        energy, sigma = _smear(deposits[slot], here, rng)
        excess, scale = _flow(energy, sigma, track_energy, track_sigma, here)
        if energy > 0.0:
            position = _position(here, cell, rng)
            _fill(towers, n_towers, energy, position, track_energy)
            n_towers += 1
            if excess > 0.0:
                _fill(neutrals, n_neutrals, excess, position, track_energy)
                n_neutrals += 1
        for i in order[first:last]:
            if fractions[i] > NO_FRACTION and scale != 1.0:
                pt[i] *= scale
                energies[i] = _scaled_energy(tracks.energy[i], tracks.mass[i], scale)
        first = last
    flow = _in_order(tracks, order, pt, energies)
    return CalorimeterOutput(flow, _towers(neutrals, n_neutrals), _towers(towers, n_towers))


@compiled
def _scaled_energy(energy: float, mass: float, scale: float) -> float:
    """The mass stays; scaling the momentum by s scales E^2 - m^2 by s^2."""
    return math.sqrt(scale**2 * (energy**2 - mass**2) + mass**2)


@compiled
def _in_order(tracks: Tracks, order: NDArray[np.int64], pt: NDArray[np.float64], energy: NDArray[np.float64]) -> Tracks:
    """The tracks in another order, with other pt and energies."""
    t = tracks
    return Tracks(
        t.pid[order], t.charge[order], t.pileup[order], pt[order], t.eta[order], t.phi[order], t.mass[order],
        energy[order], t.eta_outer[order], t.phi_outer[order], t.x[order], t.y[order], t.z[order], t.resolution[order],
    )  # fmt: skip


@compiled
def spread(
    tables: CalorimeterTables, pid: int, eta: float, phi: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The cells that a particle's energy goes to, and their shares, which sum to 1; none for a point outside.

    What would go beyond the calorimeter's border goes to the cells inside it. A cell may stand twice.
    """
    centre = cell_of(tables, eta, phi)
    if centre < 0:
        return np.empty(0, np.int64), np.empty(0)
    if not has_profile(tables.showers, eta):
        return np.full(1, centre), np.ones(1)
    profile, metres = profile_of(tables.showers, pid), lever(tables.showers, eta)
    half = min(profile.reach / metres, math.pi)
    first, last, n = _rings(tables, eta, half)
    cells, shares = np.empty(n, np.int64), np.empty(n)
    n = 0
    for ring in range(first, last):
        x0 = max(tables.eta_edges[ring] - eta, -half) * metres
        x1 = min(tables.eta_edges[ring + 1] - eta, half) * metres
        n_phi = tables.n_phi[ring]
        width = 2.0 * math.pi / n_phi
        column = math.floor((phi - half + math.pi) / width)
        below = strip(profile, x0, x1, -half * metres)
        while column * width - math.pi < phi + half:
            above = strip(profile, x0, x1, min((column + 1) * width - math.pi - phi, half) * metres)
            cells[n], shares[n] = tables.first_cell[ring] + column % n_phi, max(above - below, 0.0)
            below = above
            column, n = column + 1, n + 1
    return cells[:n], shares[:n] / shares[:n].sum()


@compiled
def _rings(tables: CalorimeterTables, eta: float, half: float) -> tuple[int, int, int]:
    """The rings from eta - half to eta + half: the first, that past the last, and room for all cells in the square."""
    edges = tables.eta_edges
    first = max(int(np.searchsorted(edges, eta - half, side="right")) - 1, 0)
    last = min(int(np.searchsorted(edges, eta + half, side="left")), len(edges) - 1)
    n = 0
    for ring in range(first, last):
        n += int(half / math.pi * tables.n_phi[ring]) + 3
    return first, last, n


@compiled
def _deposit(
    particles: Tracks, tracks: Tracks, tables: CalorimeterTables
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Where a cell stands among those that anything reaches, -1 for the others; the energy in each of these, GeV.

    Some 3,000 of 120,000 cells are reached. Cells with tracks alone matter too: Delphes scales those tracks towards
    zero energy.
    """
    slots, energies = np.full(tables.first_cell[-1], -1, np.int32), np.empty(tables.first_cell[-1])
    n = 0
    for i in range(len(particles.pid)):
        pid, eta, phi = particles.pid[i], particles.eta_outer[i], particles.phi_outer[i]
        fraction = fraction_of(tables, pid)
        if fraction < NO_FRACTION:
            continue
        energy = fraction * particles.energy[i]
        if has_profile(tables.showers, eta):
            cells, shares = spread(tables, pid, eta, phi)
            for k in range(len(cells)):
                n = _add(slots, energies, n, cells[k], shares[k] * energy)
        else:
            n = _add(slots, energies, n, cell_of(tables, eta, phi), energy)
    for i in range(len(tracks.pid)):
        n = _add(slots, energies, n, cell_of(tables, tracks.eta_outer[i], tracks.phi_outer[i]), 0.0)
    return slots, energies[:n]


@compiled
def _add(slots: NDArray[np.int32], energies: NDArray[np.float64], n: int, cell: int, energy: float) -> int:
    """Adds energy to a cell; n cells have a slot before, the returned number after. Outside (-1) nothing is added."""
    if cell < 0:
        return n
    if slots[cell] < 0:
        slots[cell], energies[n] = n, 0.0
        n += 1
    energies[slots[cell]] += energy
    return n


@compiled
def _sort_tracks(
    tracks: Tracks, tables: CalorimeterTables
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The tracks that hit a cell, in the order of cells; those cells; the fraction of every track."""
    n = len(tracks.pid)
    cells, fractions = np.empty(n, dtype=np.int64), np.empty(n)
    for i in range(n):
        cells[i] = cell_of(tables, tracks.eta_outer[i], tracks.phi_outer[i])
        fractions[i] = fraction_of(tables, tracks.pid[i])
    order = np.argsort(cells, kind="mergesort")
    order = order[cells[order] >= 0]
    return order, cells[order], fractions


@compiled
def _track_sums(
    tracks: Tracks, fractions: NDArray[np.float64], slots: NDArray[np.int32], n: int, tables: CalorimeterTables
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Summed energy of the tracks in each of n slots, GeV, and the variance of that sum, GeV^2."""
    total, variance = np.zeros(n), np.zeros(n)
    for i in range(len(tracks.pid)):
        if fractions[i] <= NO_FRACTION:
            continue
        energy = tracks.energy[i]
        cells, shares = spread(tables, tracks.pid[i], tracks.eta_outer[i], tracks.phi_outer[i])
        for k in range(len(cells)):
            slot = slots[cells[k]]
            if slot < 0:  # a shower's edge that no particle reaches
                continue
            ring = int(np.searchsorted(tables.first_cell, cells[k], side="right") - 1)
            total[slot] += shares[k] * (energy * fractions[i])
            better = sigma_of(tables, ring, energy) / energy < tracks.resolution[i]
            guess = energy * fractions[i] if better else energy
            variance[slot] += (shares[k] * (tracks.resolution[i] * guess)) ** 2
    return total, variance


@compiled
def _smear(deposit: float, ring: _Ring, rng: np.random.Generator) -> tuple[float, float]:
    """A cell's measured energy, 0 if below threshold, and the resolution at it before that cut, GeV."""
    energy = log_normal(deposit, _sigma(ring, deposit), rng)
    sigma = _sigma(ring, energy)
    if energy < ring.energy_min or energy < ring.significance_min * sigma:
        return 0.0, sigma
    return energy, sigma


@compiled
def _flow(energy: float, sigma: float, track_energy: float, track_sigma: float, ring: _Ring) -> tuple[float, float]:
    """Energy of the neutral object (0: none), GeV, and the factor on the tracks' pt."""
    excess = max(energy - track_energy, 0.0)
    if excess > ring.energy_min and excess > ring.significance_min * math.hypot(track_sigma, sigma):
        return excess, 1.0
    if track_energy <= 0.0:
        return 0.0, 1.0
    weight_track = 1.0 / track_sigma**2 if track_sigma > 0.0 else 0.0
    weight_tower = 1.0 / sigma**2 if sigma > 0.0 else 0.0
    if weight_track + weight_tower == 0.0:
        return 0.0, 1.0
    best = (weight_track * track_energy + weight_tower * energy) / (weight_track + weight_tower)
    return 0.0, best / track_energy


@compiled
def _position(ring: _Ring, cell: int, rng: np.random.Generator) -> tuple[float, float, float, float, float, float]:
    """A random point in a cell and its edges: eta, phi, eta from, to, phi from, to."""
    eta0, eta1 = ring.eta_min, ring.eta_max
    column, n_phi = cell - ring.first_cell, ring.n_phi
    phi0 = (column - n_phi / 2) * 2.0 * math.pi / n_phi
    phi1 = (column + 1 - n_phi / 2) * 2.0 * math.pi / n_phi
    eta, phi = eta0 + (eta1 - eta0) * rng.random(), phi0 + (phi1 - phi0) * rng.random()
    return eta, phi, eta0, eta1, phi0, phi1


@compiled
def _fill(
    columns: NDArray[np.float64],
    k: int,
    energy: float,
    position: tuple[float, float, float, float, float, float],
    track_energy: float,
) -> None:
    columns[0, k], columns[7, k] = energy, track_energy
    for j in range(6):
        columns[1 + j, k] = position[j]


@compiled
def _towers(columns: NDArray[np.float64], n: int) -> Towers:
    kept = columns[:, :n]
    return Towers(kept[0].copy(), kept[1].copy(), kept[2].copy(), kept[3:7].T.copy(), kept[7].copy())
