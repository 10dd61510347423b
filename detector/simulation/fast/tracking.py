"""The tracker: which particles reach the calorimeters, and which of the charged ones are seen, how well.

As in the published card: an inner cylinder with the dense-track filter, then the outer one, then
efficiencies and smearing (Delphes' ParticlePropagator, DenseTrackFilter, Efficiency, MomentumSmearing
and EnergySmearing, arXiv:1307.6346).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.common.numba_cache import compiled
from detector.simulation.fast.parameters import Pieces, TrackerTables
from detector.simulation.fast.propagation import Circle, circle, eta_of, leave, transverse
from detector.simulation.particles import ELECTRON, HADRON, MUON, Particles, Tracks

MM = 1e-3  # metres
HASH = 2654435761  # a prime near 2^32 over the golden ratio: spreads neighbouring cells


@compiled
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


@compiled
def species(pid: int) -> int:
    """The tracker's species of a charged particle."""
    if abs(pid) == 11:
        return ELECTRON
    return MUON if abs(pid) == 13 else HADRON


class Survivors(NamedTuple):
    """Charged particles that the dense-track filter leaves.

    Attributes:
        indices: int64 (n), of particles, ascending.
        ways: float64 (n, 8), the `Circle` of each.
    """

    indices: NDArray[np.int64]
    ways: NDArray[np.float64]


@compiled
def dense_filter(particles: Particles, tables: TrackerTables) -> Survivors:
    """The charged particles that survive: that of highest pt in each cell of the inner cylinder.

    A point on a cell's edge belongs to the cell below it, as in Delphes. The cells' phi is exact round
    the circle, so the seam at +-pi is an edge like any other.
    """
    p, n_all = particles, len(particles.pid)
    index, cells, ways = np.empty(n_all, np.int64), np.empty(n_all, np.int64), np.empty((n_all, 8))
    n_eta, n_phi, width = tables.inner_eta_cells, tables.inner_phi_cells, tables.inner_cell
    field, radius, half_length = tables.field, tables.inner_radius, tables.inner_half_length
    sinh_max = math.sinh(n_eta // 2 * width)
    n = 0
    for i in range(n_all):
        x, y, z, px, py, pz = p.x[i] * MM, p.y[i] * MM, p.z[i] * MM, p.px[i], p.py[i], p.pz[i]
        if p.charge[i] == 0 or beyond(x, y, z, px, py, pz, half_length, sinh_max):
            continue
        way = circle(x, y, px, py, float(p.charge[i]), field)
        inside, x, y, z = leave(way, x, y, z, px, py, pz, radius, half_length)
        if inside:
            cell = _inner_cell(x, y, z, n_eta, n_phi, width)
            if cell >= 0:
                index[n], cells[n] = i, cell
                for k in range(8):
                    ways[n, k] = way[k]
                n += 1
    kept = _hardest(particles, index[:n], cells[:n])
    return Survivors(index[kept], ways[kept])


@compiled
def _inner_cell(x: float, y: float, z: float, n_eta: int, n_phi: int, width: float) -> int:
    """The inner cylinder's cell that holds a point (m), -1 beyond the last."""
    row = math.ceil(eta_of(z, transverse(x, y)) / width) + n_eta // 2 - 1
    if row < 0 or row >= n_eta:
        return -1
    column = math.ceil((math.atan2(y, x) + math.pi) * n_phi / (2.0 * math.pi)) - 1
    return int(row * n_phi + column % n_phi)


@compiled
def _hardest(particles: Particles, index: NDArray[np.int64], cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the particles of highest pt in their cell, ascending; of equal ones the first.

    There are millions of cells for a few thousand particles: cells are looked up in a table by a hash, linear probing.
    """
    size = 16
    while size < 2 * len(index):
        size *= 2
    best, kept = np.full(size, -1), np.ones(len(index), np.bool_)
    for row in range(len(index)):
        slot = ((cells[row] * HASH) >> 16) % size
        while best[slot] >= 0 and cells[best[slot]] != cells[row]:
            slot = (slot + 1) % size
        rival = best[slot]
        if rival >= 0 and _pt2(particles, index[row]) <= _pt2(particles, index[rival]):
            kept[row] = False
            continue
        if rival >= 0:
            kept[rival] = False
        best[slot] = row
    return np.flatnonzero(kept)


@compiled
def _pt2(particles: Particles, i: int) -> float:
    return float(particles.px[i] ** 2 + particles.py[i] ** 2)


@compiled
def beyond(x: float, y: float, z: float, px: float, py: float, pz: float, half_length: float, sinh_max: float) -> bool:
    """Whether a particle surely leaves through an end of a cylinder beyond the |eta| with this sinh.

    Nothing gets further from the axis than where it was born plus its transverse way to that end. A cheap
    test, for the many particles near the beam. Lengths are m, momenta GeV.
    """
    farthest = transverse(x, y) * abs(pz) + transverse(px, py) * (half_length + abs(z))
    return bool(farthest * sinh_max < half_length * abs(pz))


@compiled
def to_calorimeter(particles: Particles, tables: TrackerTables) -> Tracks:
    """All particles that reach the calorimeters: neutral ones, and survivors of the dense filter.

    A particle born outside the inner cylinder does not take part, as in the published card.
    """
    survivors, p, n = dense_filter(particles, tables), particles, len(particles.pid)
    index, values = np.empty(n, dtype=np.int64), np.empty((6, n))
    radius, half_length, sinh_max = tables.radius, tables.half_length, math.sinh(tables.abs_eta_max)
    found, row = 0, 0
    for i in range(n):
        if p.charge[i] != 0:
            if row == len(survivors.indices) or survivors.indices[row] != i:
                continue
            row += 1
        x, y, z, px, py, pz = p.x[i] * MM, p.y[i] * MM, p.z[i] * MM, p.px[i], p.py[i], p.pz[i]
        born_inside = transverse(x, y) <= tables.inner_radius and abs(z) <= tables.inner_half_length
        if not born_inside or beyond(x, y, z, px, py, pz, half_length, sinh_max):
            continue
        if p.charge[i] != 0:
            v = survivors.ways[row - 1]
            way = Circle(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
        else:
            way = circle(x, y, px, py, 0.0, 0.0)
        inside, x, y, z = leave(way, x, y, z, px, py, pz, radius, half_length)
        r = transverse(x, y)
        if not inside or r == 0.0:
            continue
        pt, mass = transverse(px, py), p.mass[i]
        index[found] = i
        values[0, found], values[1, found], values[2, found] = pt, eta_of(pz, pt), way.phi
        values[3, found] = math.sqrt(pt * pt + pz * pz + mass * mass)
        values[4, found], values[5, found] = eta_of(z, r), math.atan2(y, x)
        found += 1
    return _arrived(particles, index[:found], values[:, :found])


@compiled
def _arrived(particles: Particles, k: NDArray[np.int64], v: NDArray[np.float64]) -> Tracks:
    """Particles k with their pt, eta, phi, energy, outer eta and outer phi."""
    p = particles
    return Tracks(
        p.pid[k], p.charge[k], p.pileup[k], v[0].copy(), v[1].copy(), v[2].copy(), p.mass[k],
        v[3].copy(), v[4].copy(), v[5].copy(), p.x[k], p.y[k], p.z[k], np.zeros(len(k)),
    )  # fmt: skip


@compiled
def log_normal(mean: float, sigma: float, rng: np.random.Generator) -> float:
    """A log-normal number of this mean and standard deviation; 0 for a mean of 0.

    With b^2 = ln(1 + sigma^2 / mean^2), exp(ln mean - b^2 / 2 + b g), g a standard normal number.
    """
    if mean <= 0.0:
        return 0.0
    b2 = math.log(1.0 + (sigma / mean) ** 2)
    return mean * math.exp(math.sqrt(b2) * rng.standard_normal() - 0.5 * b2)


@compiled
def reconstruct(arrived: Tracks, tables: TrackerTables, rng: np.random.Generator) -> Tracks:
    """The tracks: charged particles that pass the efficiency, with measured momenta.

    Efficiency and resolution are taken at the eta of the tracker's surface and the true pt, as in the
    card. The direction is not smeared here.
    """
    n = len(arrived.pid)
    index = np.empty(n, dtype=np.int64)
    pt, resolution = np.empty(n), np.empty(n)
    found = 0
    for i in range(n):
        if arrived.charge[i] == 0:
            continue
        kind, abs_eta = species(arrived.pid[i]), abs(arrived.eta_outer[i])
        if rng.random() > _efficiency(tables, kind, abs_eta, arrived.pt[i]):
            continue
        if kind == ELECTRON:
            measured, sigma = _measure_electron(arrived, i, tables.electron, rng)
        else:
            momentum = tables.momentum[1] if kind == MUON else tables.momentum[0]
            sigma = min(piecewise(momentum, abs_eta, arrived.pt[i], False), tables.momentum_cap)
            measured = log_normal(arrived.pt[i], sigma * arrived.pt[i], rng)
        if measured > 0.0:
            index[found], pt[found], resolution[found] = i, measured, sigma
            found += 1
    k, a = index[:found], arrived
    energy = np.sqrt((pt[:found] * np.cosh(a.eta[k])) ** 2 + a.mass[k] ** 2)
    return Tracks(
        a.pid[k], a.charge[k], a.pileup[k], pt[:found].copy(), a.eta[k], a.phi[k], a.mass[k],
        energy, a.eta_outer[k], a.phi_outer[k], a.x[k], a.y[k], a.z[k], resolution[:found].copy(),
    )  # fmt: skip


@compiled
def _efficiency(tables: TrackerTables, kind: int, abs_eta: float, pt: float) -> float:
    if kind == ELECTRON:
        return piecewise(tables.efficiency[1], abs_eta, pt, True)
    if kind == MUON:
        return piecewise(tables.efficiency[2], abs_eta, pt, True)
    return piecewise(tables.efficiency[0], abs_eta, pt, True)


@compiled
def _measure_electron(
    arrived: Tracks, i: int, table: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float]:
    """An electron's measured pt and relative resolution: its energy is smeared, Gaussian."""
    energy = arrived.energy[i]
    measured = energy + _sigma(table, abs(arrived.eta_outer[i]), energy) * rng.standard_normal()
    if measured <= arrived.mass[i]:
        return 0.0, 0.0
    pt = math.sqrt(measured**2 - arrived.mass[i] ** 2) / math.cosh(arrived.eta[i])
    # Delphes evaluates the resolution at the measured energy and divides by the true one.
    return pt, _sigma(table, abs(arrived.eta[i]), measured) / energy


@compiled
def _sigma(table: NDArray[np.float64], abs_eta: float, energy: float) -> float:
    for b in range(len(table)):
        if abs_eta <= table[b, 0]:
            return math.sqrt((table[b, 1] * energy) ** 2 + table[b, 2] ** 2 * energy + table[b, 3] ** 2)
    return 0.0
