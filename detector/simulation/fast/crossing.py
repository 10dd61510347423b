"""One bunch crossing through the whole detector: Pythia's record in, energy-flow objects out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import Detector
from detector.simulation.fast import puppi
from detector.simulation.fast.density import densities
from detector.simulation.fast.parameters import tables
from detector.simulation.fast.passage import Flow, Passage
from detector.simulation.particles import Tracks
from detector.simulation.pileup import Pool, Vertices, crossing
from detector.simulation.pythia import Collision

LEPTONS = (11, 13)
METRES = 1e-3  # m / mm

# pt, eta, phi and mass, each float64 (n).
Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


class SimulatedEvent(NamedTuple):
    """A simulated crossing.

    Attributes:
        record: the hard collision.
        vertices: the hard vertex first.
        flow: what the detector saw.
        visible: float64 (n, 4), px, py, pz, E of the hard collision's stable particles but neutrinos.
        candidates: float64 (m, 4), the same of what PUPPI leaves.
        missing: float64 (3), px, py, pz that the whole energy flow lacks to balance, pile-up included, GeV.
        rho: float64 (n_ranges), density of what vertices cannot tell from the hard collision, GeV an area.
    """

    record: Collision
    vertices: Vertices
    flow: Flow
    visible: NDArray[np.float64]
    candidates: NDArray[np.float64]
    missing: NDArray[np.float64]
    rho: NDArray[np.float64]


class Simulation:
    """A detector with its pile-up, ready to simulate; not for several threads at once.

    Args:
        detector: the description.
        pool: soft collisions.
        rng: all random numbers of pile-up and detector.
    """

    def __init__(self, detector: Detector, pool: Pool, rng: np.random.Generator) -> None:
        self._detector, self._pool, self._rng = detector, pool, rng
        self._detect = Passage(tables(detector), rng)
        self._puppi = puppi.puppi_tables(detector.puppi)

    def event(self, record: Collision) -> SimulatedEvent:
        """Simulates one hard collision in its own crossing."""
        particles, vertices = crossing(record, self._pool, self._detector.pileup, self._rng)
        flow = self._detect(particles)
        tracks = flow.tracks
        resolution = self._detector.tracker.vertex_resolution / METRES
        pileup = (tracks.pileup == 1) & (np.abs(tracks.z - vertices.z[0]) > resolution)
        columns = self._columns(flow)
        everything = momenta(*columns, rapidity=False)
        charged, neutral = np.split(everything, [len(pileup)])
        candidates = self._candidates(tracks, columns, everything, pileup, len(vertices.z))
        missing = -(charged.sum(axis=0) + neutral.sum(axis=0))[:3]
        rho = densities(np.concatenate([charged[~pileup], neutral]), self._detector.density)
        return SimulatedEvent(record, vertices, flow, record.momentum[record.visible], candidates, missing, rho)

    def _columns(self, flow: Flow) -> Columns:
        """pt, eta, phi and mass of tracks, then of photons, with all their smearing, and of neutral hadrons."""
        tracks, photons, hadrons = flow.tracks, flow.photons, flow.neutral_hadrons
        smeared = photons.energy * self._rng.normal(1.0, self._detector.response.ecal.extra_smearing, len(photons.eta))
        energy = np.concatenate([np.maximum(smeared, 0.0), hadrons.energy])
        eta, phi = np.concatenate([photons.eta, hadrons.eta]), np.concatenate([photons.phi, hadrons.phi])
        neutral = energy / np.cosh(eta), eta, phi, np.zeros(len(eta))
        charged = tracks.pt, tracks.eta, tracks.phi, tracks.mass
        pt, eta, phi, mass = map(np.concatenate, zip(charged, neutral, strict=True))
        return pt, eta, phi, mass

    def _candidates(
        self,
        tracks: Tracks,
        columns: Columns,
        everything: NDArray[np.float64],
        pileup: NDArray[np.bool_],
        n_vertices: int,
    ) -> NDArray[np.float64]:
        """What PUPPI leaves: weighted particles, and the leptons of the primary vertex as they are."""
        code = np.abs(tracks.pid)
        lepton = (code == LEPTONS[0]) | (code == LEPTONS[1])
        kind = np.full(len(everything), puppi.NEUTRAL)
        kind[: len(lepton)] = np.where(pileup, puppi.PILEUP, puppi.PRIMARY)
        found = columns[0] > 0.0
        found[: len(lepton)] &= ~lepton
        pt, eta, phi, mass = (column[found] for column in columns)
        weight = puppi.weights(puppi.Candidates(pt, eta, phi, mass, kind[found]), n_vertices, self._puppi)
        # PUPPI's four-momenta take eta for the rapidity (see detector.simulation.fast.puppi); those of leptons do not.
        left = weight > 0.0
        weighted = weight[left, None] * momenta(pt[left], eta[left], phi[left], mass[left], rapidity=True)
        return np.concatenate([weighted, everything[: len(lepton)][lepton & ~pileup]])


def momenta(
    pt: NDArray[np.float64],
    eta: NDArray[np.float64],
    phi: NDArray[np.float64],
    mass: NDArray[np.float64],
    rapidity: bool,
) -> NDArray[np.float64]:
    """Four-momenta px, py, pz, E, float64 (n, 4), GeV; with `rapidity`, eta holds the rapidity."""
    transverse = np.hypot(pt, mass) if rapidity else pt
    pz = transverse * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pz, energy], axis=1)
