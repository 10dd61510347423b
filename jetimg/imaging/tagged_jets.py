"""The classical baseline: fat jets tagged by soft-drop mass and N-subjettiness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.geometry.grid import Grid
from jetimg.imaging.delphes_reader import WIDTHS, Chunk
from jetimg.imaging.fat_jets import soft_drop_mass
from jetimg.imaging.settings import ImageSettings


@dataclass(frozen=True)
class Baseline:
    """Tagged jets of several events, in CSR form; a jet stands once for each class it passes.

    Attributes:
        indptr: int64 (n_events + 1).
        class_id: uint8 (n), index into the settings' classes.
        pt, eta, phi: float32 (n), GeV and radians.
        mass: float32 (n), soft-drop mass, GeV.
        score: float32 (n), 1 - tau_n / tau_(n-1): near 1 for n prongs; 0 where tau_(n-1) is 0.
    """

    indptr: NDArray[np.int64]
    class_id: NDArray[np.uint8]
    pt: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    mass: NDArray[np.float32]
    score: NDArray[np.float32]


def tagged(chunk: Chunk, n_events: int, grid: Grid, settings: ImageSettings) -> Baseline:
    """Tags the jets inside the image; no jets where the file has none, or where no class is tagged."""
    if f"{settings.baseline}.Tau" not in chunk or not settings.tags:
        nothing = np.empty(0, np.float32)
        return Baseline(np.zeros(n_events + 1, np.int64), np.empty(0, np.uint8), *[nothing] * 5)
    branch = {name: chunk[f"{settings.baseline}.{name}"].content for name in ("PT", "Eta", "Phi")}
    offsets = chunk[f"{settings.baseline}.PT"].offsets
    mass = soft_drop_mass(chunk, settings.baseline)
    tau = chunk[f"{settings.baseline}.Tau"].content.reshape(-1, WIDTHS["Tau"])
    inside = np.abs(branch["Eta"]) < grid.eta_max
    jet, class_id, score = [], [], []
    for name, tag in settings.tags.items():
        found = np.flatnonzero(inside & (mass >= tag.mass_min) & (mass < tag.mass_max))
        jet.append(found)
        class_id.append(np.full(len(found), list(settings.classes).index(name), np.uint8))
        score.append(_score(tau[found, tag.prongs - 1], tau[found, tag.prongs - 2]))
    row, classes, scores = np.concatenate(jet), np.concatenate(class_id), np.concatenate(score)
    order = np.lexsort((classes, row))
    row = row[order]
    return Baseline(
        indptr=np.searchsorted(row, offsets).astype(np.int64),
        class_id=classes[order],
        pt=branch["PT"][row],
        eta=branch["Eta"][row],
        phi=branch["Phi"][row],
        mass=mass[row],
        score=scores[order],
    )


def _score(tau: NDArray[np.float32], tau_before: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # an infinite score is a verdict on the file
        ratio = np.divide(tau, tau_before, out=np.ones_like(tau), where=tau_before > 0)
    return (1.0 - ratio).astype(np.float32)
