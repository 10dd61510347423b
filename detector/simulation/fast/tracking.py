"""The tracker: which particles reach the calorimeters, and which of the charged ones are seen, how well.

As in the published card: an inner cylinder with the dense-track filter, then the outer one, then
efficiencies and smearing (Delphes' ParticlePropagator, DenseTrackFilter, Efficiency, MomentumSmearing
and EnergySmearing, arXiv:1307.6346).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.simulation.fast.parameters import Pieces, TrackerTables
from detector.simulation.fast.propagation import Circle, arrive, circle, eta_of, transverse
from detector.simulation.fast.random_numbers import standard_normal, uniform
from detector.simulation.particles import ELECTRON, HADRON, MUON, Particles, Tracks

MM = 1e-3  # metres
HASH = 2654435761  # a prime near 2^32 over the golden ratio: spreads neighbouring cells


def piecewise(table: Pieces, abs_eta: float, pt: float, closed: bool) -> float:
    """Constant + slope * pt of the bin and piece that hold (|eta|, pt); 0 beyond the last |eta|.

    Args:
        table: the pieces.
        abs_eta: |eta|.
        pt: GeV.
        closed: an upper edge belongs to the bin below it (the card's efficiencies), not to the one
            above it (its resolutions).
    """
    for b in range(len(table.abs_eta_max)):
        if abs_eta < table.abs_eta_max[b] or (closed and abs_eta == table.abs_eta_max[b]):
            for p in range(table.pt_max.shape[1]):
                if pt < table.pt_max[b, p] or (closed and pt == table.pt_max[b, p]):
                    return float(table.constant[b, p] + table.slope[b, p] * pt)
    return 0.0


def species(pid: int) -> int:
    """The tracker's species of a charged particle."""
    if abs(pid) == 11:
        return ELECTRON
    return MUON if abs(pid) == 13 else HADRON


class TrackerRoom(NamedTuple):
    """Memory for the tracker's work on n particles.

    Attributes:
        numbers, cells: int64 (n), particles that reach the inner cylinder, and the cells that they hit there.
        ways: float64 (n, 8), the `Circle` of each.
        kept: bool (n), whether they are the hardest of their cells.
        best: int64, a table by hash, 2 n at least and a power of two.
    """

    numbers: NDArray[np.int64]
    cells: NDArray[np.int64]
    ways: NDArray[np.float64]
    kept: NDArray[np.bool_]
    best: NDArray[np.int64]


def tracker_room(n: int) -> TrackerRoom:
    """Memory for n particles."""
    best = np.empty(max(16, 2 << n.bit_length()), np.int64)
    return TrackerRoom(np.empty(n, np.int64), np.empty(n, np.int64), np.empty((n, 8)), np.empty(n, np.bool_), best)


def dense_filter(particles: Particles, tables: TrackerTables, room: TrackerRoom) -> int:
    """The charged particles that survive: that of highest pt in each cell of the inner cylinder.

    A point on a cell's edge belongs to the cell below it, as in Delphes. The cells' phi is exact round
    the circle, so the seam at +-pi is an edge like any other.

    Returns:
        How many; their numbers, ascending, and ways stand in the room.
    """
    p, n = particles, 0
    n_eta, n_phi, width = tables.inner_eta_cells, tables.inner_phi_cells, tables.inner_cell
    field, radius, half_length = tables.field, tables.inner_radius, tables.inner_half_length
    sinh_max = math.sinh(n_eta // 2 * width)
    for i in range(len(p.pid)):
        x, y, z, px, py, pz = p.x[i] * MM, p.y[i] * MM, p.z[i] * MM, p.px[i], p.py[i], p.pz[i]
        if p.charge[i] == 0 or beyond(x, y, z, px, py, pz, half_length, sinh_max):
            continue
        way = circle(x, y, px, py, float(p.charge[i]), field)
        inside, r, phi, z = arrive(way, x, y, z, px, py, pz, radius, half_length)
        if inside:
            cell = _inner_cell(r, phi, z, n_eta, n_phi, width)
            if cell >= 0:
                room.numbers[n], room.cells[n] = i, cell
                for k in range(8):
                    room.ways[n, k] = way[k]
                n += 1
    _choose_hardest(particles, n, room)
    return _close_gaps(n, room)


def _close_gaps(n: int, room: TrackerRoom) -> int:
    """Moves the kept ones of n rows together; how many."""
    left = 0
    for row in range(n):
        if room.kept[row]:
            room.numbers[left] = room.numbers[row]
            for k in range(8):
                room.ways[left, k] = room.ways[row, k]
            left += 1
    return left


def _inner_cell(r: float, phi: float, z: float, n_eta: int, n_phi: int, width: float) -> int:
    """The inner cylinder's cell that holds a point (m), -1 beyond the last."""
    row = math.ceil(eta_of(z, r) / width) + n_eta // 2 - 1
    if row < 0 or row >= n_eta:
        return -1
    column = math.ceil((phi + math.pi) * n_phi / (2.0 * math.pi)) - 1
    return int(row * n_phi + (column if column >= 0 else n_phi - 1))


def _choose_hardest(particles: Particles, n: int, room: TrackerRoom) -> None:
    """Tells which of n rows are the particles of highest pt in their cell; of equal ones the first.

    There are millions of cells for a few thousand particles: cells are looked up in a table by a hash, linear probing.
    """
    numbers, cells, kept, best = room.numbers, room.cells, room.kept, room.best
    size = 16
    while size < 2 * n:
        size *= 2
    best[:size] = -1
    for row in range(n):
        kept[row] = True
        slot = ((cells[row] * HASH) >> 16) & (size - 1)
        while best[slot] >= 0 and cells[best[slot]] != cells[row]:
            slot = (slot + 1) & (size - 1)
        rival = best[slot]
        if rival >= 0 and _pt2(particles, numbers[row]) <= _pt2(particles, numbers[rival]):
            kept[row] = False
            continue
        if rival >= 0:
            kept[rival] = False
        best[slot] = row


def _pt2(particles: Particles, i: int) -> float:
    return float(particles.px[i] ** 2 + particles.py[i] ** 2)


def beyond(x: float, y: float, z: float, px: float, py: float, pz: float, half_length: float, sinh_max: float) -> bool:
    """Whether a particle surely leaves through an end of a cylinder beyond the |eta| with this sinh.

    Nothing gets further from the axis than where it was born plus its transverse way to that end. A cheap
    test, for the many particles near the beam. Lengths are m, momenta GeV.
    """
    farthest = transverse(x, y) * abs(pz) + transverse(px, py) * (half_length + abs(z))
    return bool(farthest * sinh_max < half_length * abs(pz))


def to_calorimeter(particles: Particles, tables: TrackerTables, room: TrackerRoom, arrived: Tracks) -> int:
    """All particles that reach the calorimeters: neutral ones, and survivors of the dense filter.

    A particle born outside the inner cylinder does not take part, as in the published card.

    Returns:
        How many; they stand at the beginning of `arrived`.
    """
    n_survivors, p = dense_filter(particles, tables, room), particles
    radius, half_length, sinh_max = tables.radius, tables.half_length, math.sinh(tables.abs_eta_max)
    found, row = 0, 0
    for i in range(len(p.pid)):
        if p.charge[i] != 0:
            if row == n_survivors or room.numbers[row] != i:
                continue
            row += 1
        x, y, z, px, py, pz = p.x[i] * MM, p.y[i] * MM, p.z[i] * MM, p.px[i], p.py[i], p.pz[i]
        born_inside = transverse(x, y) <= tables.inner_radius and abs(z) <= tables.inner_half_length
        if not born_inside or beyond(x, y, z, px, py, pz, half_length, sinh_max):
            continue
        if p.charge[i] != 0:
            v = room.ways[row - 1]
            way = Circle(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
        else:
            way = circle(x, y, px, py, 0.0, 0.0)
        inside, r, phi, z = arrive(way, x, y, z, px, py, pz, radius, half_length)
        if not inside or r == 0.0:
            continue
        arrived.phi[found], arrived.eta_outer[found], arrived.phi_outer[found] = way.phi, eta_of(z, r), phi
        _arrive(p, i, arrived, found)
        found += 1
    return found


def _arrive(p: Particles, i: int, arrived: Tracks, k: int) -> None:
    """What the way through the field does not change."""
    a, pz, mass = arrived, p.pz[i], p.mass[i]
    pt = transverse(p.px[i], p.py[i])
    a.pid[k], a.charge[k], a.pileup[k] = p.pid[i], p.charge[i], p.pileup[i]
    a.pt[k], a.eta[k], a.mass[k], a.energy[k] = pt, eta_of(pz, pt), mass, math.sqrt(pt * pt + pz * pz + mass * mass)
    a.x[k], a.y[k], a.z[k], a.resolution[k] = p.x[i], p.y[i], p.z[i], 0.0


def log_normal(mean: float, sigma: float, rng: int) -> float:
    """A log-normal number of this mean and standard deviation; 0 for a mean of 0; rng: a generator's address.

    With b^2 = ln(1 + sigma^2 / mean^2), exp(ln mean - b^2 / 2 + b g), g a standard normal number.
    """
    if mean <= 0.0:
        return 0.0
    b2 = math.log(1.0 + (sigma / mean) ** 2)
    return mean * math.exp(math.sqrt(b2) * standard_normal(rng) - 0.5 * b2)


def reconstruct(arrived: Tracks, tables: TrackerTables, rng: int, tracks: Tracks) -> int:
    """The tracks: charged particles that pass the efficiency, with measured momenta.

    Efficiency and resolution are taken at the eta of the tracker's surface and the true pt, as in the
    card. The direction is not smeared here.

    Returns:
        How many; they stand at the beginning of `tracks`.
    """
    found = 0
    for i in range(len(arrived.pid)):
        if arrived.charge[i] == 0:
            continue
        kind, abs_eta = species(arrived.pid[i]), abs(arrived.eta_outer[i])
        if uniform(rng) > _efficiency(tables, kind, abs_eta, arrived.pt[i]):
            continue
        if kind == ELECTRON:
            measured, sigma = _measure_electron(arrived, i, tables.electron, rng)
        else:
            momentum = tables.momentum[1] if kind == MUON else tables.momentum[0]
            sigma = min(piecewise(momentum, abs_eta, arrived.pt[i], False), tables.momentum_cap)
            measured = log_normal(arrived.pt[i], sigma * arrived.pt[i], rng)
        if measured > 0.0:
            energy = math.sqrt((measured * math.cosh(arrived.eta[i])) ** 2 + arrived.mass[i] ** 2)
            copy_track(arrived, i, tracks, found, measured, energy, sigma)
            found += 1
    return found


def copy_track(from_: Tracks, i: int, to: Tracks, k: int, pt: float, energy: float, resolution: float) -> None:
    """Writes track i of one memory as track k of another, with another pt, energy and resolution."""
    f, t = from_, to
    t.pid[k], t.charge[k], t.pileup[k] = f.pid[i], f.charge[i], f.pileup[i]
    t.pt[k], t.eta[k], t.phi[k], t.mass[k], t.energy[k] = pt, f.eta[i], f.phi[i], f.mass[i], energy
    t.eta_outer[k], t.phi_outer[k] = f.eta_outer[i], f.phi_outer[i]
    t.x[k], t.y[k], t.z[k], t.resolution[k] = f.x[i], f.y[i], f.z[i], resolution


def _efficiency(tables: TrackerTables, kind: int, abs_eta: float, pt: float) -> float:
    if kind == ELECTRON:
        return piecewise(tables.efficiency[1], abs_eta, pt, True)
    if kind == MUON:
        return piecewise(tables.efficiency[2], abs_eta, pt, True)
    return piecewise(tables.efficiency[0], abs_eta, pt, True)


def _measure_electron(arrived: Tracks, i: int, table: NDArray[np.float64], rng: int) -> tuple[float, float]:
    """An electron's measured pt and relative resolution: its energy is smeared, Gaussian."""
    energy = arrived.energy[i]
    measured = energy + _sigma(table, abs(arrived.eta_outer[i]), energy) * standard_normal(rng)
    if measured <= arrived.mass[i]:
        return 0.0, 0.0
    pt = math.sqrt(measured**2 - arrived.mass[i] ** 2) / math.cosh(arrived.eta[i])
    # Delphes evaluates the resolution at the measured energy and divides by the true one.
    return pt, _sigma(table, abs(arrived.eta[i]), measured) / energy


def _sigma(table: NDArray[np.float64], abs_eta: float, energy: float) -> float:
    for b in range(len(table)):
        if abs_eta <= table[b, 0]:
            return math.sqrt((table[b, 1] * energy) ** 2 + table[b, 2] ** 2 * energy + table[b, 3] ** 2)
    return 0.0
