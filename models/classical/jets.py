"""The fat jets of a split's events, looked up in the Delphes files that the events came from.

Shards hold only jets in the windows of their settings (`/baseline`), and of each only one ratio of N-subjettiness. A
fair rival needs all jets, with all of their substructure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.event_file.store import Reader
from jetimg.imaging import fat_jets
from jetimg.imaging.fat_jets import FatJets
from models.evaluation.counting import Matched
from models.evaluation.event_set import EventSet
from models.evaluation.pairing import Bools, Floats, JetTable
from models.evaluation.rule import IOU


@dataclass(frozen=True)
class Candidates:
    """The fat jets of some events inside the image.

    Attributes:
        jets: with all columns; event i of `events` has those of indptr[i] to indptr[i + 1].
        events: where they are.
        right: bool (jets, classes), whether the jet lies on a true jet of the class.
    """

    jets: FatJets
    events: EventSet
    right: Bools

    @property
    def ratios(self) -> Floats:
        """tau2 / tau1 and tau3 / tau2, (jets, 2); 1 where the denominator is 0."""
        above, below = self.jets.tau[:, 1:3].astype(np.float64), self.jets.tau[:, :2].astype(np.float64)
        return np.divide(above, below, out=np.ones_like(above), where=below > 0)


def candidates(
    events: EventSet, branch: str, folder: Path | None, progress: Callable[[int], None] = lambda _: None
) -> Candidates:
    """Looks up the jets of all events of a split.

    Args:
        events: all of a split.
        branch: of the jets in the Delphes files.
        folder: where those are, by the last part of their name or more; where the shards say, if None.
        progress: told of each file.

    Raises:
        DataError: a Delphes file is not there, or is another one.
    """
    place = places(events.shards)
    parts, first = list[FatJets](), dict[str, int]()
    for digest, name in place.files.items():
        first[digest] = sum(len(part.indptr) - 1 for part in parts)
        parts.append(_read(_path(name, folder), digest, branch))
        progress(1)
    whole = fat_jets.joined(parts)
    rows = np.array([first[digest] for digest in place.files], np.int64)[place.file] + place.entry
    found = _inside(whole.take(rows), events)
    return Candidates(found, events, _right(found, events))


@dataclass(frozen=True)
class Places:
    """Where the events of shards came from: files by sha256, and for each event its file's number and its entry."""

    files: dict[str, str]
    file: NDArray[np.int64]
    entry: NDArray[np.int64]


def places(shards: Sequence[Path]) -> Places:
    """Looks up where the events of shards came from.

    Raises:
        DataError: a shard is missing or damaged.
    """
    files: dict[str, str] = {}
    numbers, entries = [], []
    for path in shards:
        with Reader(path) as reader:
            rows, table = reader.files, reader.read(tables=("events",)).tables["events"]
        for row in rows:
            files.setdefault(row.sha256, row.name)
        known = list(files)
        number = np.array([known.index(row.sha256) for row in rows], np.int64)
        numbers.append(number[table["file"]])
        entries.append(table["entry"].astype(np.int64))
    return Places(files, np.concatenate(numbers), np.concatenate(entries))


def _path(name: str, folder: Path | None) -> Path:
    """The Delphes file of this name; under another folder, by as many last parts of the name as it takes."""
    if folder is None:
        return Path(name)
    parts = Path(name).parts
    tried = [folder.joinpath(*parts[-n:]) for n in range(1, len(parts))]
    return next((path for path in reversed(tried) if path.is_file()), tried[0])


def _read(path: Path, digest: str, branch: str) -> FatJets:
    if not path.is_file():
        raise DataError(
            f"{path}: not there: the shards hold tagged jets only, all others are read from the Delphes files that the "
            "events came from; name their folder with --files"
        )
    if sha256(path) != digest:
        raise DataError(f"{path}: not the file that the events came from: another sha256")
    return fat_jets.read(path, branch)


def _inside(jets: FatJets, events: EventSet) -> FatJets:
    """Without jets beyond the image."""
    inside = np.abs(jets.eta) < events.data.grid.eta_max
    event = np.repeat(np.arange(len(jets.indptr) - 1), np.diff(jets.indptr))
    counts = np.bincount(event[inside], minlength=len(jets.indptr) - 1)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return FatJets(indptr, *(getattr(jets, name)[inside] for name in ("pt", "eta", "phi", "mass", "tau")))


def _right(jets: FatJets, events: EventSet) -> Bools:
    truth = events.truth
    right = np.zeros((len(jets.pt), len(truth.class_names)), np.bool_)
    for class_id in range(len(truth.class_names)):
        table = as_table(jets, events, np.full(len(jets.pt), class_id), jets.pt)
        partner = Matched.of(table, truth.jets, truth.shape, IOU).partner
        right[:, class_id] = partner >= 0
    return right


def as_table(jets: FatJets, events: EventSet, class_id: NDArray[np.int64], score: NDArray[np.floating]) -> JetTable:
    """Each jet as a detection.

    Args:
        jets: of all events.
        events: whose they are.
        class_id, score: (jets), of each.
    """
    counts = np.diff(jets.indptr)
    return JetTable(
        event=np.repeat(np.arange(len(counts)), counts),
        class_id=class_id,
        box=boxes.around(events.data.grid, jets.eta, jets.phi, events.data.box_radius),
        eta=jets.eta.astype(np.float64),
        phi=jets.phi.astype(np.float64),
        pt=jets.pt.astype(np.float64),
        score=score.astype(np.float32),
    )
