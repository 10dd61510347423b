"""Jets and their boxes from the generator's particles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from detector.geometry.angles import delta_r
from detector.geometry.grid import Grid
from jetimg.imaging.ancestry import inside_another
from jetimg.imaging.delphes_reader import Chunk
from jetimg.imaging.settings import ImageSettings

# Pythia's status codes of the hard process: 21 incoming, 22 resonance, 23 outgoing, 24-29 special cases.
HARD_PROCESS = (21, 29)


@dataclass(frozen=True)
class Labels:
    """Labelled jets of several events, in CSR form, by falling pt within an event.

    Attributes:
        indptr: int64 (n_events + 1).
        class_id: uint8 (n), index into the settings' classes.
        pdg_id: int32 (n), the particle's PDG id, signed.
        pt, eta, phi, mass: float32 (n), GeV and radians.
        box: float32 (n, 4), see `detector.geometry.boxes`.
    """

    indptr: NDArray[np.int64]
    class_id: NDArray[np.uint8]
    pdg_id: NDArray[np.int32]
    pt: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    mass: NDArray[np.float32]
    box: NDArray[np.float32]


@dataclass(frozen=True)
class _Selected:
    """Selected particles: their rows in the chunk, their events and classes."""

    row: NDArray[np.int64]
    event: NDArray[np.int64]
    class_id: NDArray[np.uint8]


def jets(chunk: Chunk, grid: Grid, settings: ImageSettings) -> Labels:
    """The labelled jets of a chunk of events, as the settings say."""
    selected = _select(chunk, settings)
    if settings.truth == "status":
        return _from_particles(chunk, selected, grid, settings)
    return _from_genjets(chunk, selected, grid, settings)


def has_hard_process(chunk: Chunk) -> NDArray[np.bool_]:
    """For each event of the chunk, whether any of its particles carries a hard-process status."""
    status = np.abs(chunk["Particle.Status"].content)
    found = (status >= HARD_PROCESS[0]) & (status <= HARD_PROCESS[1])
    counts = np.concatenate(([0], np.cumsum(found)))[chunk["Particle.Status"].offsets]
    return np.diff(counts) > 0


def _select(chunk: Chunk, settings: ImageSettings) -> _Selected:
    pid, status = np.abs(chunk["Particle.PID"].content), np.abs(chunk["Particle.Status"].content)
    class_of = np.full(len(pid), -1, np.int16)
    for number, jet_class in enumerate(settings.classes.values()):
        class_of[np.isin(pid, jet_class.pdg_ids) & (status == jet_class.status)] = number
    row = np.flatnonzero(class_of >= 0)
    if settings.nested == "outermost":
        row = row[~inside_another(chunk, row)]
    event = _event_of(chunk["Particle.PID"].offsets, row)
    return _Selected(row, event, class_of[row].astype(np.uint8))


def _from_particles(chunk: Chunk, selected: _Selected, grid: Grid, settings: ImageSettings) -> Labels:
    inside = np.abs(chunk["Particle.Eta"].content[selected.row]) < grid.eta_max
    row, event, class_id = selected.row[inside], selected.event[inside], selected.class_id[inside]
    return _jets(chunk, "Particle", row, event, class_id, chunk["Particle.PID"].content[row], grid, settings)


def _from_genjets(chunk: Chunk, selected: _Selected, grid: Grid, settings: ImageSettings) -> Labels:
    """Each generator jet takes the class that comes first in `priority` of the particles near its axis,
    then has to pass that class's minimum pt.
    """
    offsets = chunk[f"{settings.genjet}.PT"].offsets
    rank = [settings.priority.index(name) for name in settings.classes]
    minimum = [jet_class.genjet_min_pt for jet_class in settings.classes.values()]
    found: list[tuple[int, int, int, int]] = []
    eta, phi, pt = (chunk[f"{settings.genjet}.{name}"].content for name in ("Eta", "Phi", "PT"))
    particle_eta, particle_phi = chunk["Particle.Eta"].content, chunk["Particle.Phi"].content
    for event in np.unique(selected.event):
        mine = selected.event == event
        row, class_id = selected.row[mine], selected.class_id[mine]
        for jet in range(offsets[event], offsets[event + 1]):
            away = delta_r(particle_eta[row], particle_phi[row], eta[jet], phi[jet])
            near = np.flatnonzero(away < settings.genjet_delta_r)
            if len(near) == 0 or abs(eta[jet]) >= grid.eta_max:
                continue
            best = min(near, key=lambda k: (rank[class_id[k]], away[k]))
            if pt[jet] >= minimum[class_id[best]]:
                found.append((jet, event, class_id[best], row[best]))
    columns = np.array(found, dtype=np.int64).reshape(-1, 4).T
    pdg_id = chunk["Particle.PID"].content[columns[3]]
    return _jets(chunk, settings.genjet, columns[0], columns[1], columns[2], pdg_id, grid, settings)


def _jets(
    chunk: Chunk,
    branch: str,
    row: NDArray[np.int64],
    event: NDArray[np.int64],
    class_id: NDArray[np.integer],
    pdg_id: NDArray[np.int32],
    grid: Grid,
    settings: ImageSettings,
) -> Labels:
    pt = chunk[f"{branch}.PT"].content[row]
    order = np.lexsort((row, -pt, event))
    row = row[order]
    eta, phi, mass = (chunk[f"{branch}.{name}"].content[row] for name in ("Eta", "Phi", "Mass"))
    n_events = len(chunk["Particle.PID"].offsets) - 1
    return Labels(
        indptr=np.searchsorted(event[order], np.arange(n_events + 1)).astype(np.int64),
        class_id=class_id[order].astype(np.uint8),
        pdg_id=pdg_id[order].astype(np.int32),
        pt=pt[order],
        eta=eta,
        phi=phi,
        mass=mass,
        box=boxes.around(grid, eta, phi, settings.box_radius),
    )


def _event_of(offsets: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(offsets, row, side="right") - 1
