"""Stages of the detector one by one, with memory of their own for each call."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.common.native import compiled
from detector.simulation.fast import calorimeter, tracking
from detector.simulation.fast.calorimeter import CalorimeterRoom, calorimeter_room, towers
from detector.simulation.fast.calorimeter import measure as measure_into
from detector.simulation.fast.parameters import CalorimeterTables, TrackerTables
from detector.simulation.fast.random_numbers import address
from detector.simulation.particles import Particles, Towers, TrackRoom, Tracks, track_room, tracks_in


class Measured(NamedTuple):
    """What a calorimeter hands on."""

    tracks: Tracks
    neutrals: Towers
    towers: Towers


dense_filter = compiled(tracking.dense_filter)
to_calorimeter = compiled(tracking.to_calorimeter)
reconstruct = compiled(tracking.reconstruct)
cells_and_shares = compiled(calorimeter.spread)


def survivors(particles: Particles, tables: TrackerTables) -> list[int]:
    """The particles that the dense-track filter leaves."""
    room = tracking.tracker_room(len(particles.pid))
    n = dense_filter(particles, tables, room)
    return room.numbers[:n].tolist()


def arrived(particles: Particles, tables: TrackerTables) -> Tracks:
    """The particles that reach the calorimeters."""
    n = len(particles.pid)
    room = track_room(n)
    return tracks_in(room, to_calorimeter(particles, tables, tracking.tracker_room(n), tracks_in(room, n)))


def reconstructed(particles: Tracks, tables: TrackerTables, rng: np.random.Generator) -> Tracks:
    """The tracks of particles at the calorimeters."""
    n = len(particles.pid)
    room = track_room(n)
    return tracks_in(room, reconstruct(particles, tables, address(rng), tracks_in(room, n)))


@compiled
def _measure(
    particles: Tracks,
    tracks: Tracks,
    tables: CalorimeterTables,
    rng: int,
    room: CalorimeterRoom,
    flow: TrackRoom,
    counts: NDArray[np.int64],
) -> None:
    out = tracks_in(flow, len(tracks.pid))
    counts[0], counts[1], counts[2] = measure_into(particles, tracks, tables, rng, room, out)


def measure(particles: Tracks, tracks: Tracks, tables: CalorimeterTables, rng: np.random.Generator) -> Measured:
    """What a calorimeter makes of particles and tracks."""
    flow, counts = track_room(len(tracks.pid)), np.zeros(3, np.int64)
    room = calorimeter_room(tables, max(len(particles.pid), len(tracks.pid)))
    _measure(particles, tracks, tables, address(rng), room, flow, counts)
    n_tracks, n_neutrals, n_towers = counts.tolist()
    assert np.all(room.slots == -1)  # ready for the next crossing
    return Measured(tracks_in(flow, n_tracks), towers(room.neutrals, n_neutrals), towers(room.towers, n_towers))


def spread(
    tables: CalorimeterTables, pid: int, eta: float, phi: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The cells that a particle's energy goes to, and their shares."""
    room = calorimeter_room(tables, 1)
    n = cells_and_shares(tables, pid, eta, phi, room.cells, room.shares)
    return room.cells[:n], room.shares[:n]
