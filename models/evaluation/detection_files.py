"""Files of detections from anywhere, as detectors that can be measured.

A file says for each detection in which event it lies: ours by the shards that they were made of, others by the event's
number, counted from 0 over the shards of the split in the manifest's order.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.detections import coco_json, hdf5, parquet
from jetimg.detections.foreign import Rows
from jetimg.event_file.store import InputFile
from models.evaluation.event_set import EventSet
from models.evaluation.measure import DetectionSet
from models.evaluation.pairing import JetTable

READERS = {".parquet": parquet.read, ".json": coco_json.read, ".h5": hdf5.read_rows, ".hdf5": hdf5.read_rows}
SCORE = "as its file has it"

logger = logging.getLogger(__name__)


def read(name: str, path: Path, folder: Path, events: EventSet) -> DetectionSet:
    """The detections of a file in the chosen events.

    Args:
        name: what to call the detector.
        path: .h5 or .parquet of `jetimg models detect`; .parquet or COCO .json of others.
        folder: the data set.
        events: what was to be detected in.

    Raises:
        DataError: not such a file, for other classes, images or events, or with numbers that cannot be.
    """
    if (suffix := path.suffix.lower()) not in READERS:
        raise DataError(f"{path}: detections are read from {', '.join(READERS)}")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    rows = READERS[suffix](path)
    classes = _classes(rows, events, path)
    event = _events(rows, path, folder, events)
    box, eta, phi = _places(rows, path, events)
    table = JetTable(
        event=event,
        class_id=classes[rows.class_id],
        box=box,
        eta=eta,
        phi=phi,
        pt=rows.pt.astype(np.float64),
        score=rows.score,
    )
    _check(table, path, int(events.counts.sum()), of_shards=rows.inputs is not None)
    if rows.inputs is None:
        _warn_of_repeats(table, path)
    order = np.argsort(table.event, kind="stable")
    known = tuple(sorted(set(classes.tolist())))
    about = {"kind": "file", "file": path.name, "sha256": sha256(path), "score": SCORE}
    # A score that leaves 0 to 1 is an order only.
    probability = rows.probability and bool(np.all((table.score >= 0) & (table.score <= 1)))
    return DetectionSet(name, table.take(order).of_events(events.numbers), known, about, probability)


def _classes(rows: Rows, events: EventSet, path: Path) -> NDArray[np.int64]:
    """The data set's class_id of each class of a file."""
    names = events.data.class_names
    if unknown := [name for name in rows.class_names if name not in names]:
        said = " ".join(", ".join(unknown).split())
        raise DataError(f"{path}: classes {said}; the data set has {', '.join(names)}")
    outside = (rows.class_id < 0) | (rows.class_id >= len(rows.class_names or names))
    if outside.any():
        row, n_classes = int(np.flatnonzero(outside)[0]), len(rows.class_names or names)
        raise DataError(f"{path}: row {row}: class_id {rows.class_id[row]} is none of the {n_classes} classes")
    return np.array([names.index(name) for name in rows.class_names or names], np.int64)


def _events(rows: Rows, path: Path, folder: Path, events: EventSet) -> NDArray[np.int64]:
    """The number of each detection's event, counted over the shards of the split."""
    if rows.inputs is None:
        return rows.event
    first = _first_of_inputs(rows.inputs, path, folder, events)
    # The input of an event of the file, and the event's place in it.
    starts = np.concatenate(([0], np.cumsum([row.entries for row in rows.inputs if row.verdict == "ok"])))
    number = np.searchsorted(starts, rows.event, side="right") - 1
    there = first[number] >= 0
    # Events of other splits, if the file has more than this one: they are left out by their number.
    return np.where(there, first[number] + rows.event - starts[number], -1)


def _first_of_inputs(inputs: Sequence[InputFile], path: Path, folder: Path, events: EventSet) -> NDArray[np.int64]:
    """The number of the first event of each good input; -1 where it is no shard of the split."""
    digests = {shard.name: shard.sha256 for shard in manifest.read(folder).shards}
    starts = np.concatenate(([0], np.cumsum(events.counts)))
    number = {digests[shard.name]: k for k, shard in enumerate(events.shards)}
    good = [row for row in inputs if row.verdict == "ok"]
    first = np.array([starts[number[row.sha256]] if row.sha256 in number else -1 for row in good] or [-1], np.int64)
    there = {row.sha256 for row in good}
    if missing := [shard.name for shard in events.shards if digests[shard.name] not in there]:
        raise DataError(
            f"{path}: no detections in {len(missing)} of the {len(events.shards)} shards ({missing[0]}, ...); make "
            f"them by `jetimg models detect NETWORK {folder} --split ... --output FILE`"
        )
    return first


def _places(rows: Rows, path: Path, events: EventSet) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Boxes and axes; of a file with one of both, the other follows."""
    grid = events.data.grid
    if rows.image_shape is not None and rows.image_shape != events.data.image_shape:
        raise DataError(
            f"{path}: boxes on images of {rows.image_shape} pixels; the data set's {events.data.image_shape}"
        )
    if rows.box is None:
        assert rows.eta is not None
        assert rows.phi is not None
        eta, phi = rows.eta.astype(np.float64), rows.phi.astype(np.float64)
        return boxes.around(grid, eta, phi, events.data.box_radius), eta, phi
    eta, phi = boxes.centre(grid, rows.box)
    return rows.box.astype(np.float32), eta, phi


def _check(table: JetTable, path: Path, n_events: int, of_shards: bool) -> None:
    """Refuses numbers that make no sense, before they become a wrong figure."""
    for wrong, values, what in _faults(table, n_events, -1 if of_shards else 0):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(f"{path}: row {row}: {what.format(values[row].tolist())}")


def _faults(table: JetTable, n_events: int, first: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[Any], str]]:
    """Which rows are wrong, the column, and what is wrong with its value. Event -1 is one of another split."""
    outside = (table.event < first) | (table.event >= n_events)
    yield outside, table.event, f"a detection in event {{}}; the split has events 0 to {n_events - 1}"
    for name in ("score", "box", "eta", "phi"):
        values = getattr(table, name)
        finite = np.isfinite(values).reshape(len(table), -1).all(axis=1)
        yield ~finite, values, f"a {name} that is not a finite number: {{}}"
    eta_min, phi_min, eta_max, phi_max = table.box.T
    yield (
        (eta_max <= eta_min) | (phi_max <= phi_min),
        table.box,
        "a box without area: {}; where it crosses the seam, phi_max is above n_phi",
    )


def _warn_of_repeats(table: JetTable, path: Path) -> None:
    """Tells of detections that stand in the file twice: at most one of them can be right."""
    columns = [table.event, table.class_id, table.score, *table.box.T]
    n_repeats = len(table) - len(np.unique(np.stack(columns, axis=1), axis=0))
    if n_repeats:
        logger.warning("%s: %d rows repeat another (event, class, score and box); each counts", path, n_repeats)
