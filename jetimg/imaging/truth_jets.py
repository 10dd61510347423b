"""Jets and their boxes from the generator's particles, in one of three truth modes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from detector.geometry.grid import Grid
from jetimg.imaging.decays import LARGEST_QUARK, Decays, find
from jetimg.imaging.delphes_reader import Chunk
from jetimg.imaging.jet_labels import INSIDE, LABELLED, OUTSIDE, Found, Labels, TruthCounts
from jetimg.imaging.matched_jets import matched
from jetimg.imaging.settings import ImageSettings

# Pythia's status codes of the hard process: 21 incoming, 22 resonance, 23 outgoing, 24-29 special cases.
HARD_PROCESS = (21, 29)

# A quark of H -> V V has two resonances above it, and those none.
MAX_GENERATIONS = 3


@dataclass(frozen=True)
class _Selected:
    """Selected particles: their rows in the chunk, their events and classes."""

    row: NDArray[np.int64]
    event: NDArray[np.int64]
    class_id: NDArray[np.int64]

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> "_Selected":
        """Some of them."""
        return _Selected(self.row[which], self.event[which], self.class_id[which])


def jets(chunk: Chunk, grid: Grid, settings: ImageSettings, counts: TruthCounts | None = None) -> Labels:
    """The labelled jets of a chunk of events, as the settings say.

    Args:
        chunk: the branches of `jetimg.imaging.delphes_reader.wanted`.
        grid: of the image.
        settings: the truth mode and its numbers.
        counts: what became of each candidate is added to it; in mode genjet labels alone.
    """
    counts = TruthCounts() if counts is None else counts
    if settings.truth == "jets":
        return matched(chunk, grid, settings, counts)
    decays = find(chunk) if "Particle.D1" in chunk else None
    selected = _select(chunk, settings, decays, counts)
    make = _from_particles if settings.truth == "status" else _from_genjets
    found = make(chunk, selected, decays, grid, settings)
    _count(counts, settings, LABELLED, found.class_id)
    if settings.truth == "status":
        beyond = np.abs(chunk["Particle.Eta"].content[selected.row]) >= grid.eta_max
        _count(counts, settings, OUTSIDE, selected.class_id[beyond])
    return found.sorted_with_boxes(len(chunk["Particle.PID"].offsets) - 1, grid, settings.box_radius)


def has_hard_process(chunk: Chunk) -> NDArray[np.bool_]:
    """For each event of the chunk, whether any of its particles carries a hard-process status."""
    status = np.abs(chunk["Particle.Status"].content)
    found = (status >= HARD_PROCESS[0]) & (status <= HARD_PROCESS[1])
    counts = np.concatenate(([0], np.cumsum(found)))[chunk["Particle.Status"].offsets]
    return np.diff(counts) > 0


def _select(chunk: Chunk, settings: ImageSettings, decays: Decays | None, counts: TruthCounts) -> _Selected:
    pid, status = np.abs(chunk["Particle.PID"].content), np.abs(chunk["Particle.Status"].content)
    class_of = np.full(len(pid), -1, np.int64)
    for number, jet_class in enumerate(settings.classes.values()):
        class_of[np.isin(pid, jet_class.pdg_ids) & (status == jet_class.status)] = number
    row = np.flatnonzero(class_of >= 0)
    event = np.searchsorted(chunk["Particle.PID"].offsets, row, side="right") - 1
    selected = _Selected(row, event, class_of[row])
    if settings.nested == "all":
        return selected
    assert decays is not None  # its branches are required
    inside = _inside_another(decays, row)
    _count(counts, settings, INSIDE, selected.class_id[inside])
    return selected.take(~inside)


def _inside_another(decays: Decays, row: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each selected particle, whether it comes from the decay of a selected one."""
    chosen = np.append(np.isin(decays.row, row), False)
    above = np.append(decays.parent[decays.row], -1)
    mother, nested = decays.parent[row], np.zeros(len(row), np.bool_)
    for _ in range(MAX_GENERATIONS):
        nested |= chosen[mother]
        mother = above[mother]
    return nested


def _from_particles(
    chunk: Chunk, selected: _Selected, decays: Decays | None, grid: Grid, settings: ImageSettings
) -> Found:
    mine = selected.take(np.abs(chunk["Particle.Eta"].content[selected.row]) < grid.eta_max)
    return _found(chunk, "Particle", mine.row, mine, decays, settings)


def _from_genjets(
    chunk: Chunk, selected: _Selected, decays: Decays | None, grid: Grid, settings: ImageSettings
) -> Found:
    """Each generator jet takes the class that comes first in `priority` of the particles near its axis,
    then has to pass that class's minimum pt.
    """
    offsets = chunk[f"{settings.genjet}.PT"].offsets
    rank = [settings.priority.index(name) for name in settings.classes]
    minimum = [jet_class.genjet_min_pt for jet_class in settings.classes.values()]
    found: list[tuple[int, int]] = []
    eta, phi, pt = (chunk[f"{settings.genjet}.{name}"].content for name in ("Eta", "Phi", "PT"))
    particle_eta, particle_phi = chunk["Particle.Eta"].content, chunk["Particle.Phi"].content
    for event in np.unique(selected.event):
        mine = np.flatnonzero(selected.event == event)
        row, class_id = selected.row[mine], selected.class_id[mine]
        for jet in range(offsets[event], offsets[event + 1]):
            away = delta_r(particle_eta[row], particle_phi[row], eta[jet], phi[jet])
            near = np.flatnonzero(away < settings.genjet_delta_r)
            if len(near) == 0 or abs(eta[jet]) >= grid.eta_max:
                continue
            best = min(near, key=lambda k: (rank[class_id[k]], away[k]))
            if pt[jet] >= minimum[class_id[best]]:
                found.append((jet, mine[best]))
    rows = np.array(found, dtype=np.int64).reshape(-1, 2)
    return _found(chunk, settings.genjet, rows[:, 0], selected.take(rows[:, 1]), decays, settings)


def _found(
    chunk: Chunk,
    branch: str,
    row: NDArray[np.int64],
    selected: _Selected,
    decays: Decays | None,
    settings: ImageSettings,
) -> Found:
    """Labels with the kinematics of some rows of a branch, made by as many selected particles."""
    pt, eta, phi, mass = (chunk[f"{branch}.{name}"].content[row] for name in ("PT", "Eta", "Phi", "Mass"))
    decay_pdg_id, parton_pt, contained = _of_decays(chunk, selected, decays, (eta, phi), settings.contained_within)
    pdg_id = chunk["Particle.PID"].content[selected.row]
    return Found(selected.event, selected.class_id, row, pdg_id, pt, eta, phi, mass, decay_pdg_id, parton_pt, contained)


def _of_decays(
    chunk: Chunk,
    selected: _Selected,
    decays: Decays | None,
    axis: tuple[NDArray[np.float32], NDArray[np.float32]],
    radius: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """What selected particles decayed to, the pt of their last copies, the share of quarks near the labels' axes."""
    pid, pt = np.abs(chunk["Particle.PID"].content), chunk["Particle.PT"].content
    nothing = np.zeros(len(selected.row), np.int64)
    if decays is None:
        return nothing, pt[selected.row], np.full(len(nothing), -1.0)
    number = np.full(len(pid), -1, np.int64)
    number[decays.row] = np.arange(len(decays.row))
    mine = number[selected.row]
    last = np.where(mine >= 0, np.append(decays.last, -1)[mine], -1)
    products = np.append(decays.products, np.full((1, decays.products.shape[1]), -1), axis=0)[mine]
    quark = (products >= 0) & (pid[products] <= LARGEST_QUARK)
    eta, phi = chunk["Particle.Eta"].content[products], chunk["Particle.Phi"].content[products]
    near = quark & (delta_r(eta, phi, axis[0][:, None], axis[1][:, None]) < radius)
    share = near.sum(axis=1) / np.maximum(quark.sum(axis=1), 1)
    contained = np.where(mine < 0, 1.0, np.where(np.append(decays.known, False)[mine], share, -1.0))
    return np.append(decays.decay_pdg_id, 0)[mine], pt[np.where(last >= 0, last, selected.row)], contained


def _count(counts: TruthCounts, settings: ImageSettings, outcome: str, class_id: NDArray[np.int64]) -> None:
    for name, number in zip(settings.classes, np.bincount(class_id, minlength=len(settings.classes)), strict=True):
        counts.add(name, outcome, number)
