"""Simulated events as the columns of Delphes' branches."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import Detector
from detector.simulation.fast.crossing import SimulatedEvent
from detector.simulation.fast.jet_finding import FoundJets, find, inside
from detector.simulation.fast.particle_filter import kept
from detector.simulation.fast.root_writer import GROUPS, JET, SUBSTRUCTURE, EventFile, Group
from detector.simulation.particles import Towers

FLAT = ("EFlowPhoton.Edges", "EFlowNeutralHadron.Edges")
RHO_EDGES = "Rho.Edges"
TOWER_EDGES = "Tower.Edges"
TOWER_GROUP = {"Tower": dict.fromkeys(("ET", "Eta", "Phi", "E", "Eem", "Ehad"), "f4")}
ALONG_BEAM = 999.9  # Delphes' eta of a particle without transverse momentum
LIGHT_MM_PER_S = 2.99792458e11


def groups(detector: Detector, *, towers: bool = False) -> dict[str, dict[str, str]]:
    """The file's branches with their leaves' types.

    Args:
        detector: the description.
        towers: whether the file has `Tower` too, all that the calorimeters measured.
    """
    generator = {jets.name: JET for jets in detector.jets.generator}
    made = GROUPS | generator | {detector.jets.baseline.name: JET | SUBSTRUCTURE}
    return made | TOWER_GROUP if towers else made


def flat(detector: Detector, *, towers: bool = False) -> tuple[str, ...]:
    """The file's flat branches; with those of `Tower` or without."""
    return (*FLAT, RHO_EDGES, f"{detector.jets.baseline.name}.Tau", *([TOWER_EDGES] if towers else []))


def write(
    file: EventFile, events: Sequence[SimulatedEvent], first: int, detector: Detector, *, towers: bool = False
) -> None:
    """Finds the jets of some events and adds all to a file.

    Args:
        file: as made with `groups` and `flat`.
        events: as simulated.
        first: number of the first of them in the file.
        detector: the description.
        towers: whether the file has `Tower`.
    """
    photons, hadrons = [e.flow.photons for e in events], [e.flow.neutral_hadrons for e in events]
    batch = {
        "Event": _events(events, first, detector),
        "Particle": _join(_particles(event, detector.record.pt_min) for event in events),
        "Vertex": _join(map(_vertices, events)),
        "MissingET": _join(map(_missing, events)),
        "Rho": _join({"Rho": event.rho} for event in events),
        "EFlowTrack": _join(_tracks(event) for event in events),
        "EFlowPhoton": _join(map(_towers, photons)),
        "EFlowNeutralHadron": _join(map(_towers, hadrons)),
    }
    for collection in detector.jets.generator:
        batch[collection.name] = _jets(find([event.visible for event in events], collection))
    baseline = detector.jets.baseline
    candidates = [event.candidates for event in events]
    jets = find(candidates, baseline, members=True)
    contents = inside(candidates, jets, baseline)
    counts, columns = _jets(jets)
    batch[baseline.name] = counts, columns | {"SoftDroppedMass": contents.mass}
    edges = {name: _edges(towers) for name, towers in zip(FLAT, (photons, hadrons), strict=True)}
    tau = {f"{baseline.name}.Tau": (counts * contents.tau.shape[1], contents.tau.ravel())}
    if towers:
        batch["Tower"], edges[TOWER_EDGES] = _all_towers(events)
    file.extend(batch, edges | {RHO_EDGES: _rho_edges(len(events), detector)} | tau)


def _events(events: Sequence[SimulatedEvent], first: int, detector: Detector) -> Group:
    n = len(events)
    mean, weight = np.full(n, detector.pileup.mean), np.array([event.record.weight for event in events])
    return np.ones(n, np.int64), {"Number": np.arange(first, first + n), "Weight": weight, "TruePileUp": mean}


def _join(parts: Iterable[dict[str, NDArray[Any]]]) -> Group:
    listed = list(parts)
    counts = np.array([len(next(iter(part.values()))) for part in listed], dtype=np.int64)
    return counts, {name: np.concatenate([part[name] for part in listed]) for name in listed[0]}


def _particles(event: SimulatedEvent, pt_min: float) -> dict[str, NDArray[Any]]:
    record, rows = event.record, kept(event.record, pt_min)
    px, py, pz, e = record.momentum[rows].T
    pt = np.hypot(px, py)
    along = pt < 1e-10 * np.abs(pz)
    eta = np.where(along, np.copysign(ALONG_BEAM, pz), np.arcsinh(pz / np.where(along, 1.0, pt)))
    links = np.concatenate([record.mothers[rows], record.daughters[rows]], axis=1).T
    return {
        "PID": record.pid[rows], "Status": record.status[rows], "Charge": record.charge[rows],
        "M1": links[0], "M2": links[1], "D1": links[2], "D2": links[3],
        "Mass": record.mass[rows], "E": e, "Px": px, "Py": py, "Pz": pz,
        "PT": pt, "Eta": eta, "Phi": np.arctan2(py, px),
    }  # fmt: skip


def _vertices(event: SimulatedEvent) -> dict[str, NDArray[Any]]:
    z, t, n_charged = event.vertices
    return {"Z": z, "T": t / LIGHT_MM_PER_S, "NCharged": n_charged}


def _missing(event: SimulatedEvent) -> dict[str, NDArray[Any]]:
    px, py, pz = event.missing
    pt = np.hypot(px, py)
    eta = np.array(np.arcsinh(pz / pt) if pt > 0.0 else 0.0)  # 0 where nothing was seen, as in Delphes
    return {"MET": pt[None], "Eta": eta[None], "Phi": np.arctan2(py, px)[None]}


def _rho_edges(n: int, detector: Detector) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Both ends of each range, in every event."""
    ranges = np.array(list(pairwise(detector.density.edges)))
    return np.full(n, ranges.size), np.tile(ranges.ravel(), n)


def _tracks(event: SimulatedEvent) -> dict[str, NDArray[Any]]:
    tracks = event.flow.tracks
    return {
        "PID": tracks.pid, "Charge": tracks.charge, "IsPU": tracks.pileup, "PT": tracks.pt, "Eta": tracks.eta,
        "Phi": tracks.phi, "Mass": tracks.mass, "EtaOuter": tracks.eta_outer, "PhiOuter": tracks.phi_outer,
        "Z": tracks.z,
    }  # fmt: skip


def _towers(towers: Towers) -> dict[str, NDArray[Any]]:
    et = towers.energy / np.cosh(towers.eta)
    return {"ET": et, "Eta": towers.eta, "Phi": towers.phi, "E": towers.energy, "Etrk": towers.track_energy}


def _all_towers(events: Sequence[SimulatedEvent]) -> tuple[Group, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """The towers of both calorimeters, each with its energy in one of them, as Delphes merges them."""
    parts = [part for event in events for part in (event.flow.ecal, event.flow.hcal)]
    counts, columns = _join(map(_towers, parts))
    values, edges = _edges(parts)
    ecal = np.repeat(np.arange(len(counts)) % 2 == 0, counts)
    energy = columns["E"]
    columns |= {"Eem": np.where(ecal, energy, 0.0), "Ehad": np.where(ecal, 0.0, energy)}
    chosen = {name: columns[name] for name in TOWER_GROUP["Tower"]}
    return (counts.reshape(-1, 2).sum(axis=1), chosen), (values.reshape(-1, 2).sum(axis=1), edges)


def _edges(parts: Sequence[Towers]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    counts = np.array([part.edges.size for part in parts], dtype=np.int64)
    return counts, np.concatenate([part.edges.ravel() for part in parts])


def _jets(jets: FoundJets) -> Group:
    return jets.counts, {"PT": jets.pt, "Eta": jets.eta, "Phi": jets.phi, "Mass": jets.mass}
