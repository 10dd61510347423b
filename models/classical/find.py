"""The rivals' detections in the events of a data set, as a file that is measured like any other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.detections import write
from jetimg.detections.layout import About
from jetimg.detections.table import DetectionTable
from jetimg.event_file.store import InputFile
from jetimg.imaging.settings import ImageSettings
from models.classical import orders, trees
from models.classical.jets import Candidates, as_table, candidates, places
from models.data.data_set import DataSet
from models.evaluation.event_set import EventSet
from models.evaluation.pairing import JetTable, joined

Kind = Literal["orders", "trees"]
KINDS: tuple[Kind, ...] = ("orders", "trees")
# What is learned from: never a test set.
LEARNED_ON = ("train", "validation")
MIN_SCORE = 0.01

# The score of every class for every jet, and which of these become detections.
Scores = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Rival:
    """A way to make detections of fat jets.

    Attributes:
        name: what the file calls it.
        classes: names of the classes that it can find.
        settings: what was chosen, for the file.
        of: the scores of jets, in the order of `classes`.
    """

    name: str
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    of: Callable[[Candidates], Scores]


def find(
    folder: Path,
    splits: Sequence[str],
    output: Path,
    kind: Kind,
    files: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Rival:
    """Learns from training and validation events, and writes detections of others.

    Args:
        folder: the data set.
        splits: whose events.
        output: the file; its suffix is its format.
        kind: orders, the best window and ratio of each tagged class; trees, boosted trees for all classes.
        files: folder of the Delphes files that the events came from, if it is not where the shards say.
        progress: told of each Delphes file that was read.

    Raises:
        DataError: no data set, no events to learn from or of a split, or Delphes files that are missing or others.
    """
    settings = _settings(folder)
    there = {shard.split for shard in manifest.read(folder).shards}
    if missing := [split for split in splits if split not in there] or (not there & set(LEARNED_ON) and ["train"]):
        raise DataError(f"{folder}: no {missing[0]} events; it has {manifest.splits(manifest.read(folder))}")
    learned = [_look_up(folder, split, settings, files, progress) for split in LEARNED_ON if split in there]
    rival = _orders(learned, settings) if kind == "orders" else _trees(learned)
    sets = [_look_up(folder, split, settings, files, progress) for split in splits]
    data = sets[0].events.data
    about = About(rival.classes, data.image_shape, data.geometry.eta_pitch, rival.name, "", rival.settings)
    digests = {shard.name: shard.sha256 for shard in manifest.read(folder).shards}
    with write.create(output, about) as writer:
        for one in sets:
            table, first = _detections(one, *rival.of(one)), 0
            for path, n_events in zip(one.events.shards, one.events.counts.tolist(), strict=True):
                writer.add(InputFile(str(path), digests[path.name], n_events), _slice(table, first, first + n_events))
                first += n_events
    return rival


def n_files(folder: Path, splits: Sequence[str]) -> int:
    """The Delphes files that `find` would read, those of several splits once for each.

    Raises:
        DataError: no data set, or a shard is missing or damaged.
    """
    data = DataSet.of(folder)
    return sum(len(places(shards).files) for split in (*LEARNED_ON, *splits) if (shards := getattr(data, split)))


def _settings(folder: Path) -> ImageSettings:
    return ImageSettings.model_validate(manifest.read(folder).config)


def _look_up(
    folder: Path, split: str, settings: ImageSettings, files: Path | None, progress: Callable[[int], None]
) -> Candidates:
    return candidates(EventSet.of(folder, split), settings.baseline, files, progress)


def _orders(learned: Sequence[Candidates], settings: ImageSettings) -> Rival:
    known = tuple(name for name in learned[0].events.truth.class_names if name in settings.tags)
    found = orders.best(learned, known)

    def of(jets: Candidates) -> Scores:
        ways = [found[name] for name in known]
        score, chosen = ([getattr(way, what)(jets) for way in ways] for what in ("score", "chosen"))
        return np.column_stack(score), np.column_stack(chosen)

    return Rival(
        "AK8, the best mass window and ratio of each class", known, {"probability": False} | orders.settings(found), of
    )


def _trees(learned: Sequence[Candidates]) -> Rival:
    made = trees.train(learned)

    def of(jets: Candidates) -> Scores:
        score = trees.scores(made, jets)
        return score, score >= MIN_SCORE

    names = learned[0].events.truth.class_names
    return Rival("AK8, boosted trees", names, {"features": ", ".join(trees.FEATURES)}, of)


def _detections(found: Candidates, score: np.ndarray[Any, Any], chosen: np.ndarray[Any, Any]) -> DetectionTable:
    parts: list[JetTable] = []
    for class_id in range(score.shape[1]):
        table = as_table(found.jets, found.events, np.full(len(score), class_id), score[:, class_id])
        parts.append(table.take(chosen[:, class_id]))
    table = joined(parts)
    table = table.take(np.lexsort((-table.score, table.event)))
    counts = np.bincount(table.event, minlength=len(found.jets.indptr) - 1)
    columns = {name: getattr(table, name) for name in ("class_id", "score", "pt", "eta", "phi", "box")}
    return DetectionTable.of(counts, **columns)


def _slice(table: DetectionTable, first: int, last: int) -> DetectionTable:
    rows = slice(int(table.indptr[first]), int(table.indptr[last]))
    columns = {name: getattr(table, name)[rows] for name in ("class_id", "score", "pt", "eta", "phi", "box")}
    return DetectionTable.of(np.diff(table.indptr[first : last + 1]), **columns)
