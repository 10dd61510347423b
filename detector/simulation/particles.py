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
        charge: int8.
        pileup: uint8, 1 for a particle of a soft collision.
        pt, mass, energy: float64, GeV.
        eta, phi: float64, direction of the momentum; a charged particle's at its closest approach to
            the beam.
        eta_outer, phi_outer: float64, position on the tracker's surface, seen from the origin.
        x, y, z: float64, production vertex, mm.
        resolution: float64, relative sigma of the measured momentum; 0 before it is measured.
    """

    pid: NDArray[np.int32]
    charge: NDArray[np.int8]
    pileup: NDArray[np.uint8]
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
