"""The tracker: which particles reach the calorimeters, and which of the charged ones are seen, how well.

As in the published card: an inner cylinder with the dense-track filter, then the outer one, then
efficiencies and smearing (Delphes' ParticlePropagator, DenseTrackFilter, Efficiency, MomentumSmearing
and EnergySmearing, arXiv:1307.6346).
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from detector.common.numba_cache import compiled
from detector.simulation.fast.parameters import Pieces, TrackerTables
from detector.simulation.fast.propagation import helix, straight
from detector.simulation.particles import ELECTRON, HADRON, MUON, Particles, Tracks

MM = 1e-3  # metres


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


@compiled
def dense_filter(particles: Particles, tables: TrackerTables) -> NDArray[np.int64]:
    """The charged particles that survive: that of highest pt in each cell of the inner cylinder.

    A point on a cell's edge belongs to the cell below it, as in Delphes. The cells' phi is exact round
    the circle, so the seam at +-pi is an edge like any other.

    Returns:
        int64 (n_survivors), indices of particles, ascending.
    """
    best = numba.typed.Dict.empty(numba.int64, numba.int64)
    half = tables.inner_eta_cells // 2
    sinh_max = math.sinh(half * tables.inner_cell)
    for i in range(len(particles.pid)):
        if particles.charge[i] == 0 or beyond(particles, i, tables.inner_half_length, sinh_max):
            continue
        inside, x, y, z, _ = _leave(particles, i, tables.field, tables.inner_radius, tables.inner_half_length)
        if not inside:
            continue
        row = math.ceil(math.asinh(z / math.hypot(x, y)) / tables.inner_cell) + half - 1
        if row < 0 or row >= tables.inner_eta_cells:
            continue
        column = math.ceil((math.atan2(y, x) + math.pi) * tables.inner_phi_cells / (2.0 * math.pi)) - 1
        cell = row * tables.inner_phi_cells + column % tables.inner_phi_cells
        if cell not in best or _pt2(particles, i) > _pt2(particles, best[cell]):
            best[cell] = i
    survivors = np.empty(len(best), dtype=np.int64)
    for k, i in enumerate(best.values()):
        survivors[k] = i
    survivors.sort()
    return survivors


@compiled
def _pt2(particles: Particles, i: int) -> float:
    return float(particles.px[i] ** 2 + particles.py[i] ** 2)


@compiled
def beyond(particles: Particles, i: int, half_length: float, sinh_max: float) -> bool:
    """Whether particle i surely leaves through an end of a cylinder beyond the |eta| with this sinh.

    Nothing gets further from the axis than where it was born plus its transverse way to that end. A cheap
    test, for the many particles near the beam.
    """
    way = half_length + abs(particles.z[i]) * MM
    born = math.sqrt(particles.x[i] ** 2 + particles.y[i] ** 2) * MM
    farthest = born * abs(particles.pz[i]) + math.sqrt(_pt2(particles, i)) * way
    return bool(farthest * sinh_max < half_length * abs(particles.pz[i]))


@compiled
def _leave(
    particles: Particles, i: int, field: float, radius: float, half_length: float
) -> tuple[bool, float, float, float, float]:
    """Where particle i leaves a cylinder (m), and the phi of its momentum at the closest approach."""
    x, y, z = particles.x[i] * MM, particles.y[i] * MM, particles.z[i] * MM
    px, py, pz = particles.px[i], particles.py[i], particles.pz[i]
    charge = particles.charge[i]
    if charge == 0 or field == 0.0:
        inside, x, y, z = straight(x, y, z, px, py, pz, radius, half_length)
        return inside, x, y, z, math.atan2(py, px)
    return helix(x, y, z, px, py, pz, charge, field, radius, half_length)


@compiled
def to_calorimeter(particles: Particles, tables: TrackerTables) -> Tracks:
    """All particles that reach the calorimeters: neutral ones, and survivors of the dense filter.

    A particle born outside the inner cylinder does not take part, as in the published card.
    """
    alive = particles.charge == 0
    alive[dense_filter(particles, tables)] = True
    return _at_surface(particles, alive, tables)


@compiled
def _at_surface(particles: Particles, alive: NDArray[np.bool_], tables: TrackerTables) -> Tracks:
    n = len(particles.pid)
    index = np.empty(n, dtype=np.int64)
    values = np.empty((6, n))
    sinh_max = math.sinh(tables.abs_eta_max)
    born_r, born_z = tables.inner_radius / MM, tables.inner_half_length / MM
    found = 0
    for i in range(n):
        if not alive[i] or beyond(particles, i, tables.half_length, sinh_max):
            continue
        if math.hypot(particles.x[i], particles.y[i]) > born_r or abs(particles.z[i]) > born_z:
            continue
        inside, x, y, z, phi = _leave(particles, i, tables.field, tables.radius, tables.half_length)
        r = math.sqrt(x * x + y * y)
        if not inside or r == 0.0:
            continue
        pt2, pz, mass = _pt2(particles, i), particles.pz[i], particles.mass[i]
        pt = math.sqrt(pt2)
        index[found] = i
        values[0, found], values[1, found], values[2, found] = pt, math.asinh(pz / pt), phi
        values[3, found] = math.sqrt(pt2 + pz * pz + mass * mass)
        values[4, found], values[5, found] = math.asinh(z / r), math.atan2(y, x)
        found += 1
    k, v, p = index[:found], values[:, :found], particles
    return Tracks(
        p.pid[k], p.charge[k], p.pileup[k], v[0].copy(), v[1].copy(), v[2].copy(), p.mass[k],
        v[3].copy(), v[4].copy(), v[5].copy(), p.x[k], p.y[k], p.z[k], np.zeros(found),
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
