"""Files of detections from anywhere, as detectors that can be measured.

A file says for each detection in which event it lies: ours by the shards that they were made of, others by the event's
number, counted from 0 over the shards of the split in the manifest's order.
"""

from collections.abc import Sequence
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
    if path.suffix not in READERS:
        raise DataError(f"{path}: detections are read from {', '.join(READERS)}")
    rows = READERS[path.suffix](path)
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
    _check(table, path, int(events.counts.sum()))
    order = np.argsort(table.event, kind="stable")
    known = tuple(sorted(set(classes.tolist())))
    about = {"kind": "file", "file": path.name, "sha256": sha256(path), "score": SCORE}
    return DetectionSet(name, table.take(order).of_events(events.numbers), known, about, rows.probability)


def _classes(rows: Rows, events: EventSet, path: Path) -> NDArray[np.int64]:
    """The data set's class_id of each class of a file."""
    names = events.data.class_names
    if unknown := [name for name in rows.class_names if name not in names]:
        said = " ".join(", ".join(unknown).split())
        raise DataError(f"{path}: classes {said}; the data set has {', '.join(names)}")
    outside = (rows.class_id < 0) | (rows.class_id >= len(rows.class_names or names))
    if outside.any():
        n_classes = len(rows.class_names or names)
        raise DataError(f"{path}: class_id {rows.class_id[outside][0]} is none of the {n_classes} classes")
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


def _check(table: JetTable, path: Path, n_events: int) -> None:
    """Refuses numbers that make no sense, before they become a wrong figure."""
    if len(table.event) and (int(table.event.max()) >= n_events or int(table.event.min()) < -1):
        number = table.event.max() if table.event.max() >= n_events else table.event.min()
        raise DataError(f"{path}: a detection in event {number}; the split has events 0 to {n_events - 1}")
    for name in ("score", "box", "eta", "phi"):
        if not np.isfinite(getattr(table, name)).all():
            raise DataError(f"{path}: a {name} that is not a finite number")
    size = table.box[:, 2:] - table.box[:, :2]
    if np.any(size <= 0):
        raise DataError(f"{path}: a box without area: {table.box[(size <= 0).any(axis=1)][0].tolist()}")
