"""A crossing's particles through tracker, ECAL and HCAL."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.common.native import Packed, compiled
from detector.simulation.fast.calorimeter import CalorimeterRoom, calorimeter_room, measure, towers
from detector.simulation.fast.parameters import Tables
from detector.simulation.fast.random_numbers import address
from detector.simulation.fast.tracking import TrackerRoom, reconstruct, to_calorimeter, tracker_room
from detector.simulation.particles import Particles, Towers, TrackRoom, Tracks, track_room, tracks_in

N_COUNTS = 5  # tracks; photons and towers of the ECAL; neutral hadrons and towers of the HCAL


class Flow(NamedTuple):
    """What the detector saw of a crossing.

    Attributes:
        tracks, photons, neutral_hadrons: energy flow; photons are of the ECAL, neutral hadrons of the HCAL.
        ecal, hcal: all that the calorimeters measured, of tracks too.
    """

    tracks: Tracks
    photons: Towers
    neutral_hadrons: Towers
    ecal: Towers
    hcal: Towers


class Room(NamedTuple):
    """Memory for a crossing of n particles; tracks where they arrive, after the tracker, the ECAL and the HCAL."""

    tracker: TrackerRoom
    arrived: TrackRoom
    tracks: TrackRoom
    after_ecal: TrackRoom
    after_hcal: TrackRoom
    ecal: CalorimeterRoom
    hcal: CalorimeterRoom


class Passage:
    """The way through the detector; its memory stays from crossing to crossing, so not for several threads at once.

    Args:
        numbers: the detector's.
        rng: smearing, efficiencies and positions.
    """

    def __init__(self, numbers: Tables, rng: np.random.Generator) -> None:
        self._numbers, self._rng, self._address = numbers, rng, address(rng)
        self._tables = Packed(numbers)
        self._grow(1024)

    def __call__(self, particles: Particles) -> Flow:
        """What the detector sees of them."""
        n = len(particles.pid)
        if n > self._capacity:
            self._grow(n + n // 4)
        counts = np.zeros(N_COUNTS, np.int64)
        _pass(particles, self._tables, self._address, self._packed, counts)
        n_tracks, *n_others = counts.tolist()
        whole, real = self._room.after_hcal
        tracks = tracks_in(TrackRoom(whole[:, :n_tracks].copy(), real[:, :n_tracks].copy()), n_tracks)
        ecal, hcal = self._room.ecal, self._room.hcal
        objects = ecal.neutrals, ecal.towers, hcal.neutrals, hcal.towers
        photons, in_ecal, hadrons, in_hcal = map(towers, objects, n_others)
        return Flow(tracks, photons, hadrons, in_ecal, in_hcal)

    def _grow(self, n: int) -> None:
        self._capacity, parts = n, (self._numbers.ecal, self._numbers.hcal)
        rooms = (calorimeter_room(part, n) for part in parts)
        self._room = Room(tracker_room(n), track_room(n), track_room(n), track_room(n), track_room(n), *rooms)
        self._packed = Packed(self._room)


@compiled
def _pass(particles: Particles, tables: Tables, rng: int, room: Room, counts: NDArray[np.int64]) -> None:
    n = len(particles.pid)
    arrived = tracks_in(
        room.arrived, to_calorimeter(particles, tables.tracker, room.tracker, tracks_in(room.arrived, n))
    )
    tracks = tracks_in(room.tracks, reconstruct(arrived, tables.tracker, rng, tracks_in(room.tracks, n)))
    left, counts[1], counts[2] = measure(arrived, tracks, tables.ecal, rng, room.ecal, tracks_in(room.after_ecal, n))
    tracks = tracks_in(room.after_ecal, left)
    counts[0], counts[3], counts[4] = measure(
        arrived, tracks, tables.hcal, rng, room.hcal, tracks_in(room.after_hcal, n)
    )
