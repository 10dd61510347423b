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

from detector.simulation.fast.parameters import CalorimeterTables
from detector.simulation.fast.random_numbers import uniform
from detector.simulation.fast.showers import has_profile, lever, profile_of, strip
from detector.simulation.fast.tracking import copy_track, log_normal
from detector.simulation.particles import Towers, Tracks

NO_FRACTION = 1e-9  # smaller fractions count as none


class CalorimeterRoom(NamedTuple):
    """Memory for a calorimeter's work.

    Attributes:
        slots: int32 (n_cells), where a cell stands among those that anything reaches; all -1 between events.
        deposits, track_energy, track_variance: float64 (m), of reached cells: what is deposited, the energy of tracks
            there, GeV, and the variance of that, GeV^2.
        first_track: int64 (m), the first track that hits the cell, -1 for none.
        next_track: int64 (n), the next of the same cell.
        cells, shares: int64 and float64, of one particle's shower.
        neutrals, towers: float64 (8, m): energy, eta, phi, the four edges, track energy.
    """

    slots: NDArray[np.int32]
    deposits: NDArray[np.float64]
    track_energy: NDArray[np.float64]
    track_variance: NDArray[np.float64]
    first_track: NDArray[np.int64]
    next_track: NDArray[np.int64]
    cells: NDArray[np.int64]
    shares: NDArray[np.float64]
    neutrals: NDArray[np.float64]
    towers: NDArray[np.float64]


def calorimeter_room(tables: CalorimeterTables, n: int) -> CalorimeterRoom:
    """Memory for n particles and as many tracks."""
    n_cells = int(tables.first_cell[-1])
    # Each may reach a cell of its own; a shower may reach all.
    m = n_cells if tables.showers.abs_eta_max > 0.0 else min(2 * n, n_cells)
    most = n_cells + 3 * len(tables.n_phi)
    deposits, energy, variance = np.empty((3, m))
    neutrals, towers = np.empty((2, 8, m))
    return CalorimeterRoom(
        np.full(n_cells, -1, np.int32), deposits, energy, variance, np.empty(m, np.int64), np.empty(n, np.int64),
        np.empty(most, np.int64), np.empty(most), neutrals, towers,
    )  # fmt: skip


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
    return int(tables.first_cell[ring] + (column if column >= 0 else n_phi - 1))


def fraction_of(tables: CalorimeterTables, pid: int) -> float:
    """The fraction of its energy that a particle deposits here."""
    code = abs(pid)
    for k in range(len(tables.fraction_pdg)):
        if tables.fraction_pdg[k] >= code:
            return float(tables.fraction[k]) if tables.fraction_pdg[k] == code else tables.default_fraction
    return tables.default_fraction


def sigma_of(tables: CalorimeterTables, ring: int, energy: float) -> float:
    """Resolution of a cell in this ring, GeV."""
    return _sigma(_ring_of(tables, ring), energy)


def ring_of_cell(tables: CalorimeterTables, cell: int) -> int:
    """The ring that holds a cell, by halving."""
    low, high = 0, len(tables.n_phi)
    while high - low > 1:
        middle = (low + high) // 2
        if tables.first_cell[middle] <= cell:
            low = middle
        else:
            high = middle
    return low


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


def _ring_of(tables: CalorimeterTables, ring: int) -> _Ring:
    return _Ring(
        tables.eta_edges[ring], tables.eta_edges[ring + 1], tables.first_cell[ring], tables.n_phi[ring],
        tables.sigma[ring, 0], tables.sigma[ring, 1], tables.sigma[ring, 2], tables.energy_min, tables.significance_min,
    )  # fmt: skip


def _sigma(ring: _Ring, energy: float) -> float:
    return math.sqrt((ring.constant * energy) ** 2 + ring.stochastic**2 * energy + ring.noise**2)


def measure(
    particles: Tracks, tracks: Tracks, tables: CalorimeterTables, rng: int, room: CalorimeterRoom, flow: Tracks
) -> tuple[int, int, int]:
    """Towers and energy flow of one calorimeter.

    Args:
        particles: all particles at its face.
        tracks: what the tracker, or the calorimeter before, saw.
        tables: its numbers.
        rng: address of the generator for smearing, and for the position inside the cell.
        room: memory; afterwards it holds the energy-flow objects (neutrals) and the plain towers, tracks ignored.
        flow: gets the tracks that hit a cell, in the order of cells; those with a fraction here may be scaled.

    Returns:
        Numbers of tracks, of neutrals and of towers.
    """
    _add_up(particles, tracks, tables, room)
    n_tracks, n_neutrals, n_towers, ring = 0, 0, 0, 0
    here = _ring_of(tables, ring)
    for cell in range(len(room.slots)):
        slot = room.slots[cell]
        if slot < 0:
            continue
        room.slots[cell] = -1
        while tables.first_cell[ring + 1] <= cell:
            ring += 1
            here = _ring_of(tables, ring)
        track_energy, track_sigma = room.track_energy[slot], math.sqrt(room.track_variance[slot])
        energy, sigma = _smear(room.deposits[slot], here, rng)
        excess, scale = _flow(energy, sigma, track_energy, track_sigma, here)
        if energy > 0.0:
            position = _position(here, cell, rng)
            _fill(room.towers, n_towers, energy, position, track_energy)
            n_towers += 1
            if excess > 0.0:
                _fill(room.neutrals, n_neutrals, excess, position, track_energy)
                n_neutrals += 1
        n_tracks = _hand_on(tracks, room.first_track[slot], scale, tables, room, flow, n_tracks)
    return n_tracks, n_neutrals, n_towers


def _hand_on(
    tracks: Tracks, i: int, scale: float, tables: CalorimeterTables, room: CalorimeterRoom, flow: Tracks, n: int
) -> int:
    """Adds the tracks of a cell, from track i on, to the n that are in the flow already; how many they are then."""
    while i >= 0:
        pt, energy = tracks.pt[i], tracks.energy[i]
        if scale != 1.0 and fraction_of(tables, tracks.pid[i]) > NO_FRACTION:
            pt, energy = pt * scale, _scaled_energy(energy, tracks.mass[i], scale)
        copy_track(tracks, i, flow, n, pt, energy, tracks.resolution[i])
        n, i = n + 1, room.next_track[i]
    return n


def _scaled_energy(energy: float, mass: float, scale: float) -> float:
    """The mass stays; scaling the momentum by s scales E^2 - m^2 by s^2."""
    return math.sqrt(scale**2 * (energy**2 - mass**2) + mass**2)


def spread(
    tables: CalorimeterTables, pid: int, eta: float, phi: float, cells: NDArray[np.int64], shares: NDArray[np.float64]
) -> int:
    """The cells that a particle's energy goes to, and their shares, which sum to 1; none for a point outside.

    What would go beyond the calorimeter's border goes to the cells inside it. A cell may stand twice.

    Returns:
        How many; they stand at the beginning of `cells` and `shares`.
    """
    centre = cell_of(tables, eta, phi)
    if centre < 0:
        return 0
    if not has_profile(tables.showers, eta):
        cells[0], shares[0] = centre, 1.0
        return 1
    profile, metres = profile_of(tables.showers, pid), lever(tables.showers, eta)
    half = min(profile.reach / metres, math.pi)
    first, last = _rings(tables, eta, half)
    n, total = 0, 0.0
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
            below, total = above, total + shares[n]
            column, n = column + 1, n + 1
    for k in range(n):
        shares[k] /= total
    return n


def _rings(tables: CalorimeterTables, eta: float, half: float) -> tuple[int, int]:
    """The rings from eta - half to eta + half: the first, and that past the last."""
    edges = tables.eta_edges
    first, last = 0, len(edges) - 1
    while first < last - 1 and edges[first + 1] <= eta - half:
        first += 1
    while last > first + 1 and edges[last - 1] >= eta + half:
        last -= 1
    return first, last


def _add_up(particles: Tracks, tracks: Tracks, tables: CalorimeterTables, room: CalorimeterRoom) -> None:
    """Fills the slots: the cells that anything reaches, some 3,000 of 120,000, with their deposits and tracks.

    Cells with tracks alone matter too: Delphes scales those tracks towards zero energy.
    """
    n = 0
    for i in range(len(particles.pid)):
        pid, eta, phi = particles.pid[i], particles.eta_outer[i], particles.phi_outer[i]
        fraction = fraction_of(tables, pid)
        if fraction < NO_FRACTION:
            continue
        energy = fraction * particles.energy[i]
        if has_profile(tables.showers, eta):
            for k in range(spread(tables, pid, eta, phi, room.cells, room.shares)):
                n = _add(room, n, room.cells[k], room.shares[k] * energy)
        else:
            n = _add(room, n, cell_of(tables, eta, phi), energy)
    # From the last track to the first, so that each cell has its tracks in their order.
    for i in range(len(tracks.pid) - 1, -1, -1):
        cell = cell_of(tables, tracks.eta_outer[i], tracks.phi_outer[i])
        if cell >= 0:
            n = _add(room, n, cell, 0.0)
            slot = room.slots[cell]
            room.next_track[i], room.first_track[slot] = room.first_track[slot], i
    for i in range(len(tracks.pid)):
        _add_track(tracks, i, tables, room)


def _add(room: CalorimeterRoom, n: int, cell: int, energy: float) -> int:
    """Adds energy to a cell; n cells have a slot before, the returned number after. Outside (-1) nothing is added."""
    if cell < 0:
        return n
    if room.slots[cell] < 0:
        room.slots[cell], room.deposits[n], room.first_track[n] = n, 0.0, -1
        room.track_energy[n], room.track_variance[n] = 0.0, 0.0
        n += 1
    room.deposits[room.slots[cell]] += energy
    return n


def _add_track(tracks: Tracks, i: int, tables: CalorimeterTables, room: CalorimeterRoom) -> None:
    """Adds a track to the energies of tracks, and to their variances."""
    fraction, energy, resolution = fraction_of(tables, tracks.pid[i]), tracks.energy[i], tracks.resolution[i]
    if fraction <= NO_FRACTION:
        return
    for k in range(spread(tables, tracks.pid[i], tracks.eta_outer[i], tracks.phi_outer[i], room.cells, room.shares)):
        slot, share = room.slots[room.cells[k]], room.shares[k]
        if slot < 0:  # a shower's edge that no particle reaches
            continue
        better = sigma_of(tables, ring_of_cell(tables, room.cells[k]), energy) / energy < resolution
        guess = energy * fraction if better else energy
        room.track_energy[slot] += share * (energy * fraction)
        room.track_variance[slot] += (share * (resolution * guess)) ** 2


def _smear(deposit: float, ring: _Ring, rng: int) -> tuple[float, float]:
    """A cell's measured energy, 0 if below threshold, and the resolution at it before that cut, GeV."""
    energy = log_normal(deposit, _sigma(ring, deposit), rng)
    sigma = _sigma(ring, energy)
    if energy < ring.energy_min or energy < ring.significance_min * sigma:
        return 0.0, sigma
    return energy, sigma


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


def _position(ring: _Ring, cell: int, rng: int) -> tuple[float, float, float, float, float, float]:
    """A random point in a cell and its edges: eta, phi, eta from, to, phi from, to."""
    eta0, eta1 = ring.eta_min, ring.eta_max
    column, n_phi = cell - ring.first_cell, ring.n_phi
    phi0 = (column - n_phi / 2) * 2.0 * math.pi / n_phi
    phi1 = (column + 1 - n_phi / 2) * 2.0 * math.pi / n_phi
    eta, phi = eta0 + (eta1 - eta0) * uniform(rng), phi0 + (phi1 - phi0) * uniform(rng)
    return eta, phi, eta0, eta1, phi0, phi1


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


def towers(columns: NDArray[np.float64], n: int) -> Towers:
    """The first n towers or neutrals of a memory, copied."""
    c = columns[:, :n].copy()
    return Towers(c[0], c[1], c[2], np.ascontiguousarray(c[3:7].T), c[7])
