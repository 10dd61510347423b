"""Event files to one file in the published PF-Jet-SSD layout, which their programs read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from detector.geometry.grid import Grid
from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from jetimg.event_file.store import Columns, Reader
from jetimg.pfjet_format.layout import CHANNELS, CLASSES, ORDER, RATIO, TAG_ORDER, names

# Events at once.
STEP = 500

INDEX_DTYPES = ("int16", "int32", "int64", "float32")


@dataclass
class Exported:
    """What was written: events; and left out: jets by class that their layout has no id for."""

    n_events: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def count(self, class_id: NDArray[np.uint8], class_names: Sequence[str]) -> None:
        """Counts the jets of classes that they do not have."""
        for number, name in enumerate(class_names):
            if name not in CLASSES and (n_jets := int(np.sum(class_id == number))):
                self.left_out[name] = self.left_out.get(name, 0) + n_jets


def export_reference(
    paths: Sequence[Path],
    output: Path,
    index_dtype: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Writes the events of event files in their layout.

    Args:
        paths: event files or shards, in the order of their events in the output.
        output: the file to make.
        index_dtype: type of the pixel indices; if None that of the imported file, int16 for others.
        progress: called with the number of events done since its last call.

    Raises:
        DataError: an event file cannot be read, or the output cannot be written.
    """
    exported = Exported()
    total, kinds = survey(paths)
    kind = np.dtype(index_dtype or (kinds.pop() if len(kinds) == 1 else "int16"))
    with atomic_write(output) as partial, h5py.File(partial, "w", libver=("earliest", "v110")) as file:
        for channel in CHANNELS:
            for name, dtype in zip(names(channel), (kind, kind, np.dtype("<f4")), strict=True):
                file.create_dataset(name, (total,), h5py.vlen_dtype(dtype))
        for name in ("labels", "baseline"):
            file.create_dataset(name, (total,), h5py.vlen_dtype(np.dtype("<f4")))
        for path in paths:
            with Reader(path) as reader:
                _write_events(reader, file, exported, progress)
    return exported


def survey(paths: Sequence[Path]) -> tuple[int, set[str]]:
    """The number of events of all files, and the types of pixel indices that they were imported with.

    Raises:
        DataError: a file is no event file, or says another type.
    """
    total, kinds = 0, set()
    for path in paths:
        with Reader(path) as reader:
            total += reader.n_events
            kind = reader.attributes.get("reference_index_dtype", "int16")
        if kind not in INDEX_DTYPES:
            raise DataError(f"{path}: reference_index_dtype {kind!r}; expected one of {', '.join(INDEX_DTYPES)}")
        kinds.add(kind)
    return total, kinds


def _write_events(reader: Reader, file: h5py.File, exported: Exported, progress: Callable[[int], None]) -> None:
    n_eta, n_phi = reader.attributes["image_shape"]
    grid = Grid(reader.attributes["eta_pitch"], n_eta, n_phi)
    ids = _their_ids(reader.attributes["class_names"])
    ratio, first = reader.read_extra("ratio", RATIO, "baseline"), 0
    order, first_jet = reader.read_extra("order", ORDER, "jets"), 0
    for start in range(0, reader.n_events, STEP):
        batch = reader.read(start, min(start + STEP, reader.n_events))
        jets, baseline = batch.tables["jets"], batch.tables["baseline"]
        stop, last_jet = first + len(baseline["score"]), first_jet + len(jets["pt"])
        if order is not None:
            jets = _in_order(jets, order[first_jet:last_jet])
        score = np.float32(1) - baseline["score"] if ratio is None else ratio[first:stop]
        rows = {
            "labels": _Flat.of(jets, [jets["pt"]], ids, grid),
            "baseline": _Flat.of(baseline, [baseline["pt"], score], ids, grid),
        }
        # Theirs lists tagged jets class by class; an imported file's order is already theirs.
        if ratio is None:
            rows["baseline"] = rows["baseline"].by_class()
        events = slice(exported.n_events, exported.n_events + len(batch))
        for name, flat in rows.items():
            _write_rows(file[name], events, flat.values.ravel(), flat.indptr * flat.values.shape[1])
        for channel in CHANNELS:
            _write_hits(file, channel, events, batch.tables[channel], n_phi)
        exported.count(jets["class_id"], reader.attributes["class_names"])
        exported.n_events, first = exported.n_events + len(batch), stop
        first_jet = last_jet
        progress(len(batch))


def _in_order(jets: Columns, order: NDArray[np.uint16]) -> Columns:
    """The jets as their event had them in the imported file."""
    event = np.repeat(np.arange(len(jets["indptr"]) - 1), np.diff(jets["indptr"]))
    rows = np.lexsort((order, event))
    return {name: column if name == "indptr" else column[rows] for name, column in jets.items()}


def _write_hits(file: h5py.File, channel: str, events: slice, hits: Columns, n_phi: int) -> None:
    columns = (hits["pixel"] // n_phi, hits["pixel"] % n_phi, hits["value"])
    for name, content in zip(names(channel), columns, strict=True):
        _write_rows(file[name], events, content, hits["indptr"])


def _their_ids(class_names: Sequence[str]) -> NDArray[np.int64]:
    """For each of our classes, their id; -1 where they have none."""
    return np.array([CLASSES.index(name) if name in CLASSES else -1 for name in class_names], np.int64)


@dataclass(frozen=True)
class _Flat:
    """Jets as rows of their values: id, eta, phi, pt, perhaps score."""

    values: NDArray[np.float32]
    indptr: NDArray[np.int64]

    @classmethod
    def of(cls, jets: Columns, last: list[NDArray[np.float32]], ids: NDArray[np.int64], grid: Grid) -> "_Flat":
        """The jets whose class they have."""
        class_id = ids[jets["class_id"]]
        row, column = grid.to_continuous(jets["eta"], jets["phi"])
        values = np.stack([class_id, np.floor(row), np.floor(column), *last], axis=-1).astype(np.float32)
        kept = np.concatenate(([0], np.cumsum(class_id >= 0)))
        return cls(values[class_id >= 0], kept[jets["indptr"]])

    def by_class(self) -> "_Flat":
        """The same jets in their order within each event: all that are tagged t, then H, then V."""
        event = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))
        rank = np.array([TAG_ORDER.index(name) for name in CLASSES])[self.values[:, 0].astype(np.int64)]
        return _Flat(self.values[np.lexsort((rank, event))], self.indptr)


def _write_rows(data: h5py.Dataset, events: slice, content: NDArray[Any], offsets: NDArray[np.int64]) -> None:
    """Writes one array an event.

    `data[events] = rows` would make a table of rows that happen to be of equal length, and fail.
    """
    content = content.astype(h5py.check_vlen_dtype(data.dtype))
    rows = np.empty(len(offsets) - 1, data.dtype)
    for event in range(len(rows)):
        rows[event] = content[offsets[event] : offsets[event + 1]]
    space = data.id.get_space()
    space.select_hyperslab((events.start,), rows.shape)
    data.id.write(h5py.h5s.create_simple(rows.shape), space, rows, h5py.h5t.py_create(data.dtype))
