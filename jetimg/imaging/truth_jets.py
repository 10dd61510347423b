"""Jets and their boxes from the generator's particles, in one of three truth modes."""

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from detector.geometry.grid import Grid
from jetimg.imaging.decays import LARGEST_QUARK, Decays, find
from jetimg.imaging.delphes_reader import Chunk
from jetimg.imaging.jet_labels import INSIDE, LABELLED, OUTSIDE, Found, Labels, Selected, TruthCounts
from jetimg.imaging.matched_jets import matched
from jetimg.imaging.sample_jets import pick
from jetimg.imaging.settings import ImageSettings

# Pythia's status codes of the hard process: 21 incoming, 22 resonance, 23 outgoing, 24-29 special cases.
HARD_PROCESS = (21, 29)

# A quark of H -> V V has two resonances above it, and those none.
MAX_GENERATIONS = 3


def jets(
    chunk: Chunk, grid: Grid, settings: ImageSettings, counts: TruthCounts | None = None, sample: str = ""
) -> Labels:
    """The labelled jets of a chunk of events, as the settings say.

    Args:
        chunk: the branches of `jetimg.imaging.delphes_reader.wanted`.
        grid: of the image.
        settings: the truth mode and its numbers.
        counts: what became of each candidate is added to it; in mode genjet labels alone.
        sample: name of the sample; mode genjet knows some by their names.
    """
    counts = TruthCounts() if counts is None else counts
    if settings.truth == "jets":
        return matched(chunk, grid, settings, counts)
    decays = find(chunk) if "Particle.D1" in chunk else None
    selected = _select(chunk, settings, decays, counts)
    if settings.truth == "status":
        beyond = np.abs(chunk["Particle.Eta"].content[selected.row]) >= grid.eta_max
        _count(counts, settings, OUTSIDE, selected.class_id[beyond])
        mine = selected.take(~beyond)
        found = _found(chunk, "Particle", mine.row, mine, decays, settings)
    else:
        jet, mine = pick(chunk, selected, grid, settings, sample)
        found = _found(chunk, settings.genjet, jet, mine, decays, settings)
    _count(counts, settings, LABELLED, found.class_id)
    return found.sorted_with_boxes(len(chunk["Particle.PID"].offsets) - 1, grid, settings.box_radius)


def has_hard_process(chunk: Chunk) -> NDArray[np.bool_]:
    """For each event of the chunk, whether any of its particles carries a hard-process status."""
    status = np.abs(chunk["Particle.Status"].content)
    found = (status >= HARD_PROCESS[0]) & (status <= HARD_PROCESS[1])
    counts = np.concatenate(([0], np.cumsum(found)))[chunk["Particle.Status"].offsets]
    return np.diff(counts) > 0


def _select(chunk: Chunk, settings: ImageSettings, decays: Decays | None, counts: TruthCounts) -> Selected:
    pid, status = np.abs(chunk["Particle.PID"].content), np.abs(chunk["Particle.Status"].content)
    class_of = np.full(len(pid), -1, np.int64)
    for number, jet_class in enumerate(settings.classes.values()):
        class_of[np.isin(pid, jet_class.pdg_ids) & (status == jet_class.status)] = number
    row = np.flatnonzero(class_of >= 0)
    event = np.searchsorted(chunk["Particle.PID"].offsets, row, side="right") - 1
    selected = Selected(row, event, class_of[row])
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


def _found(
    chunk: Chunk,
    branch: str,
    row: NDArray[np.int64],
    selected: Selected,
    decays: Decays | None,
    settings: ImageSettings,
) -> Found:
    """Labels with the kinematics of some rows of a branch, made by as many selected particles, or by none."""
    pt, eta, phi, mass = (chunk[f"{branch}.{name}"].content[row] for name in ("PT", "Eta", "Phi", "Mass"))
    decay_pdg_id, parton_pt, contained = _of_decays(chunk, selected, decays, (eta, phi), settings.contained_within)
    pdg_id = np.append(chunk["Particle.PID"].content, np.int32(0))[selected.row]
    return Found(selected.event, selected.class_id, row, pdg_id, pt, eta, phi, mass, decay_pdg_id, parton_pt, contained)


def _of_decays(
    chunk: Chunk,
    selected: Selected,
    decays: Decays | None,
    axis: tuple[NDArray[np.float32], NDArray[np.float32]],
    radius: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """What particles decayed to, the pt of their last copies, and the share of quarks near the labels' axes."""
    pid = np.abs(chunk["Particle.PID"].content)
    # One more entry, at -1, for labels that no particle made.
    pt, *angles = (np.append(chunk[f"Particle.{name}"].content, np.float32(0)) for name in ("PT", "Eta", "Phi"))
    nothing = np.zeros(len(selected.row), np.int64)
    if decays is None:
        return nothing, pt[selected.row], np.full(len(nothing), -1.0)
    number = np.full(len(pid) + 1, -1, np.int64)
    number[decays.row] = np.arange(len(decays.row))
    mine = number[selected.row]
    last = np.where(mine >= 0, np.append(decays.last, -1)[mine], -1)
    products = np.append(decays.products, np.full((1, decays.products.shape[1]), -1), axis=0)[mine]
    quark = (products >= 0) & (np.append(pid, 0)[products] <= LARGEST_QUARK)
    eta, phi = (angle[products] for angle in angles)
    near = quark & (delta_r(eta, phi, axis[0][:, None], axis[1][:, None]) < radius)
    share = near.sum(axis=1) / np.maximum(quark.sum(axis=1), 1)
    contained = np.where(mine < 0, 1.0, np.where(np.append(decays.known, False)[mine], share, -1.0))
    contained[selected.row < 0] = -1.0
    return np.append(decays.decay_pdg_id, 0)[mine], pt[np.where(last >= 0, last, selected.row)], contained


def _count(counts: TruthCounts, settings: ImageSettings, outcome: str, class_id: NDArray[np.int64]) -> None:
    for name, number in zip(settings.classes, np.bincount(class_id, minlength=len(settings.classes)), strict=True):
        counts.add(name, outcome, number)
