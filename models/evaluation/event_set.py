"""The events that detectors are measured on: what is to be found in them, and what the classical baseline tagged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.event_file.store import Batch, Columns, Reader
from models.data.data_set import DataSet
from models.evaluation.measure import TrueJets
from models.evaluation.pairing import Ints, JetTable, joined


@dataclass(frozen=True)
class EventSet:
    """Some events of a split of a data set.

    Attributes:
        data: the data set.
        shards: of the split.
        counts: int64 (shards), events of each.
        numbers: int64 (n_events), the chosen events, counted over the shards.
        truth: their true jets.
        tagged: their classical jets.
        tags: class_ids that those can have.
    """

    data: DataSet
    shards: tuple[Path, ...]
    counts: Ints
    numbers: Ints
    truth: TrueJets
    tagged: JetTable
    tags: tuple[int, ...]

    @classmethod
    def of(cls, folder: Path, split: str, sample: str = "") -> "EventSet":
        """The events of a split; of one sample, or of all.

        Raises:
            DataError: no data set, no such events or no such sample.
        """
        data = DataSet.of(folder)
        shards: tuple[Path, ...] = getattr(data, split)
        if not shards:
            raise DataError(f"{folder}: no {split} events; it has {manifest.splits(manifest.read(folder))}")
        numbers = _events_of(shards, sample)
        if not len(numbers):
            known = ", ".join(manifest.read(folder).samples)
            raise DataError(f"{folder}: no {split} events of sample {sample}; its samples are {known}")
        truth, tagged, counts = _tables(shards, data)
        vertices = truth.n_vertices[numbers]
        truth = replace(truth, jets=truth.jets.of_events(numbers), n_events=len(numbers), n_vertices=vertices)
        tags = tuple(data.class_names.index(name) for name in manifest.read(folder).config.get("tags", {}))
        return cls(data, shards, counts, numbers, truth, tagged.of_events(numbers), tags)


def _events_of(shards: Sequence[Path], sample: str) -> NDArray[np.int64]:
    """The events of a sample, or all, by their numbers counted over the shards."""
    chosen = []
    for path in shards:
        with Reader(path) as reader:
            names = reader.attributes["sample_names"]
            wanted = [number for number, name in enumerate(names) if sample in ("", name)]
            chosen.append(np.isin(reader.read(tables=("events",)).tables["events"]["sample"], wanted))
    return np.flatnonzero(np.concatenate(chosen))


def _tables(shards: Sequence[Path], data: DataSet) -> tuple[TrueJets, JetTable, Ints]:
    """True jets and baseline jets of all events, numbered over the shards as `JetImages` does; events of each shard."""
    true, tagged, vertices, first = [], [], [], 0
    for path in shards:
        with Reader(path) as reader:
            batch: Batch = reader.read(tables=("jets", "baseline", "events"))
        jets, tags = batch.tables["jets"], batch.tables["baseline"]
        true.append(_jets(jets, first, jets["box"], np.ones(len(jets["pt"]), np.float32)))
        around = boxes.around(data.grid, tags["eta"], tags["phi"], data.box_radius)
        tagged.append(_jets(tags, first, around, tags["score"]))
        vertices.append(batch.tables["events"]["n_vertices"].astype(np.int64))
        first += len(batch)
    n_eta, n_phi = data.image_shape
    truth = TrueJets(joined(true), first, data.class_names, n_phi, n_eta, np.concatenate(vertices))
    return truth, joined(tagged), np.array([len(one) for one in vertices], np.int64)


def _jets(table: Columns, first: int, box: np.ndarray[Any, Any], score: np.ndarray[Any, Any]) -> JetTable:
    counts = np.diff(table["indptr"])
    return JetTable(
        event=first + np.repeat(np.arange(len(counts)), counts),
        class_id=table["class_id"].astype(np.int64),
        box=box,
        eta=table["eta"].astype(np.float64),
        phi=table["phi"].astype(np.float64),
        pt=table["pt"].astype(np.float64),
        score=score,
    )
