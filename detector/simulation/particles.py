"""What travels through the detector: plain arrays, which both numpy and numba take."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HADRON, ELECTRON, MUON = 0, 1, 2  # the tracker's species, and the rows of its tables


class Particles(NamedTuple):
    """Stable particles where they were born, one event, each array (n).

    Attributes:
        pid: int32, PDG code.
        charge: int8, units of the positron's.
        px, py, pz, mass: float64, GeV.
        x, y, z: float64, production vertex, mm.
        pileup: uint8, 1 for a particle of a soft collision.
    """

    pid: NDArray[np.int32]
    charge: NDArray[np.int8]
    px: NDArray[np.float64]
    py: NDArray[np.float64]
    pz: NDArray[np.float64]
    mass: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    pileup: NDArray[np.uint8]


class Tracks(NamedTuple):
    """Particles at the calorimeters' face, or the tracks made of them, each array (n).

    Attributes:
        pid: int32, PDG code.
        charge: int32.
        pileup: int32, 1 for a particle of a soft collision.
        pt, mass, energy: float64, GeV.
        eta, phi: float64, direction of the momentum; a charged particle's at its closest approach to
            the beam.
        eta_outer, phi_outer: float64, position on the tracker's surface, seen from the origin.
        x, y, z: float64, production vertex, mm.
        resolution: float64, relative sigma of the measured momentum; 0 before it is measured.
    """

    pid: NDArray[np.int32]
    charge: NDArray[np.int32]
    pileup: NDArray[np.int32]
    pt: NDArray[np.float64]
    eta: NDArray[np.float64]
    phi: NDArray[np.float64]
    mass: NDArray[np.float64]
    energy: NDArray[np.float64]
    eta_outer: NDArray[np.float64]
    phi_outer: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    resolution: NDArray[np.float64]


class TrackRoom(NamedTuple):
    """Memory for tracks: whole int32 (3, n) and real float64 (11, n), the columns of `Tracks`."""

    whole: NDArray[np.int32]
    real: NDArray[np.float64]


def track_room(n: int) -> TrackRoom:
    """Memory for n tracks."""
    return TrackRoom(np.empty((3, n), np.int32), np.empty((11, n)))


def tracks_in(room: TrackRoom, n: int) -> Tracks:
    """The first n tracks of a memory; not copied."""
    w, r = room.whole, room.real
    return Tracks(
        w[0, :n], w[1, :n], w[2, :n], r[0, :n], r[1, :n], r[2, :n], r[3, :n], r[4, :n], r[5, :n], r[6, :n], r[7, :n],
        r[8, :n], r[9, :n], r[10, :n],
    )  # fmt: skip


class Towers(NamedTuple):
    """Objects in the cells of a calorimeter, in the order of rings and cells, each array (n, ...).

    Attributes:
        energy: float64, GeV.
        eta, phi: float64, a random point inside the cell.
        edges: float64 (n, 4), the cell: eta from, to, phi from, to.
        track_energy: float64, GeV, of the tracks in the cell.
    """

    energy: NDArray[np.float64]
    eta: NDArray[np.float64]
    phi: NDArray[np.float64]
    edges: NDArray[np.float64]
    track_energy: NDArray[np.float64]
