"""All classical fat jets of Delphes files, tagged or not, with their substructure."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import BadFile
from jetimg.imaging import bad_values
from jetimg.imaging.delphes_reader import WIDTHS, Chunk, DelphesFile, Wanted

# Read at once: the branches are small.
STEP = 2000


@dataclass(frozen=True)
class FatJets:
    """Jets of several events, in CSR form.

    Attributes:
        indptr: int64 (n_events + 1).
        pt, eta, phi, mass: float32 (n), GeV and radians; the mass is the soft-dropped one.
        tau: float32 (n, 5), N-subjettiness of 1 to 5 axes.
    """

    indptr: NDArray[np.int64]
    pt: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    mass: NDArray[np.float32]
    tau: NDArray[np.float32]

    def take(self, events: NDArray[np.int64]) -> "FatJets":
        """The jets of some events, in the order given."""
        counts, first = np.diff(self.indptr)[events], self.indptr[:-1][events]
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        rows = np.arange(indptr[-1]) + np.repeat(first - indptr[:-1], counts)
        return FatJets(indptr, *(getattr(self, name)[rows] for name in ("pt", "eta", "phi", "mass", "tau")))


def soft_drop_mass(chunk: Chunk, branch: str) -> NDArray[np.float32]:
    """Soft-drop masses: our simulation writes them, Delphes the four-momentum."""
    if f"{branch}.SoftDroppedMass" in chunk:
        return chunk[f"{branch}.SoftDroppedMass"].content
    momentum = chunk[f"{branch}.SoftDroppedJet"].content
    square: NDArray[np.float64] = momentum[:, 3] ** 2 - (momentum[:, :3] ** 2).sum(axis=1)
    return np.sqrt(np.maximum(square, 0.0)).astype(np.float32)


def read(path: Path, branch: str) -> FatJets:
    """The jets of all events of a file.

    Args:
        path: a Delphes file.
        branch: of the jets.

    Raises:
        BadFile: unreadable, without these jets, or with values that cannot be.
    """
    jets = tuple(f"{branch}.{name}" for name in ("PT", "Eta", "Phi", "Tau"))
    forms: dict[str, tuple[str, ...]] = {name: (f"{branch}.{name}",) for name in ("SoftDroppedJet", "SoftDroppedMass")}
    file = DelphesFile(path, Wanted(jets, forms))
    try:
        if len(file.absent) == len(forms):
            raise BadFile(
                path, "missing-branch", f"needs one of {', '.join(name for names in forms.values() for name in names)}"
            )
        parts = []
        for chunk in file.chunks(STEP):
            if (bad := bad_values.first_in(chunk)) is not None:
                raise BadFile(path, "bad-value", str(bad), file.n_events)
            parts.append(_of_chunk(chunk, branch))
    finally:
        file.close()
    return joined(parts)


def _of_chunk(chunk: Chunk, branch: str) -> FatJets:
    pt, eta, phi, tau = (chunk[f"{branch}.{name}"] for name in ("PT", "Eta", "Phi", "Tau"))
    rows = tau.content.reshape(-1, WIDTHS["Tau"])
    return FatJets(pt.offsets, pt.content, eta.content, phi.content, soft_drop_mass(chunk, branch), rows)


def joined(parts: list[FatJets]) -> FatJets:
    """The jets of several runs of events, one after the other."""
    counts = np.concatenate([np.zeros(0, np.int64), *(np.diff(part.indptr) for part in parts)])
    columns = ("pt", "eta", "phi", "mass")
    flat = {
        name: np.concatenate([np.empty(0, np.float32), *(getattr(part, name) for part in parts)]) for name in columns
    }
    tau = np.concatenate([np.empty((0, WIDTHS["Tau"]), np.float32), *(part.tau for part in parts)])
    return FatJets(np.concatenate(([0], np.cumsum(counts))).astype(np.int64), **flat, tau=tau)
