"""Event files: writing them in one step, reading ranges of events.

An event file is HDF5 in the layout of `jetimg.event_file.layout`, readable without plugins. What one event file
holds is a `Batch`; batches can be appended, sliced and put in another order. They hold pixels, files the steps between.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from jetimg.common import hdf5_file
from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from jetimg.event_file import attributes as file_attributes
from jetimg.event_file.batch import Batch as Batch
from jetimg.event_file.batch import Columns as Columns
from jetimg.event_file.batch import concatenate as concatenate
from jetimg.event_file.batch import joined
from jetimg.event_file.chunks import Chunks
from jetimg.event_file.columns import LEVEL, ROUNDED_LEVEL, GrowingColumn
from jetimg.event_file.full_disk import DiskFile
from jetimg.event_file.layout import (
    EVERY,
    EXTRA,
    FILES,
    FORMAT,
    JAGGED,
    MAX_JETS,
    MAX_PARTICLES,
    NEWEST,
    OF_PIXELS,
    OPTIONAL,
    TABLES,
    VERSION,
    Column,
    tables,
)
from jetimg.event_file.rounding import MANTISSA_BITS
from jetimg.event_file.steps import add_up, with_steps
from jetimg.event_file.validate import check_column, check_layout, datasets_inside

# Bytes of events that are read at once, at most; 4096 events take 100 MB. A file of 16 MB can hold 16 GB.
MAX_READ = 2**30

# Bytes that `Reader.steps` puts together.
STEP_BYTES = 2**28


@dataclass(frozen=True)
class InputFile:
    """A row of /files: an input, what it held, and what became of it.

    Attributes:
        name: as given.
        sha256: hexadecimal digest; empty where the file could not be read.
        entries: events in the file; 0 where unknown.
        verdict: "ok", or why none of its events are here.
    """

    name: str
    sha256: str
    entries: int
    verdict: str = "ok"
    reason: str = ""


class Writer:
    """Appends batches to an open event file.

    Attributes:
        n_events: events written.
        files: rows of /files, to be filled.
        attributes: the file's attributes, to be added to.
    """

    def __init__(self, file: h5py.File, attributes: dict[str, Any], check: Callable[[], None] = lambda: None) -> None:
        self._file = file
        self._check = check
        self.attributes = dict(attributes)
        self.files: list[InputFile] = []
        self._indptr = dict.fromkeys(JAGGED, 0)
        self._columns: dict[tuple[str, str], GrowingColumn] = {}
        self._optional: set[str] | None = None
        self.n_events = 0
        for table in TABLES:
            self._add(table)

    def _add(self, table: str) -> None:
        group = self._file.create_group(table)
        if table in JAGGED:
            text = "rows of event i: indptr[i] to indptr[i + 1]"
            self._columns[table, "indptr"] = GrowingColumn(group, "indptr", Column("int64", text))
            self._columns[table, "indptr"].append(np.zeros(1, np.int64))
        for name, column in EVERY[table].items():
            self._columns[table, name] = GrowingColumn(group, name, column, self._level(name))

    def _level(self, name: str) -> int:
        rounded = self.attributes.get("config", {}).get("value_bits", MANTISSA_BITS) < MANTISSA_BITS
        return ROUNDED_LEVEL if rounded and name in ("step", "value") else LEVEL

    def append(self, batch: Batch) -> None:
        """Appends a batch's events; columns that came after version 1.0 may be missing.

        The first batch says which optional tables the file has.

        Raises:
            ValueError: a later batch has others.
        """
        optional = {name for name in OPTIONAL if name in batch.tables}
        if self._optional is None:
            self._optional = optional
            for table in (name for name in OPTIONAL if name in optional):
                self._add(table)
        if optional != self._optional:
            raise ValueError(f"optional tables {sorted(optional)} after events with {sorted(self._optional)}")
        for table, columns in batch.tables.items():
            n_rows = int(columns["indptr"][-1]) if table in JAGGED else len(batch)
            stored = with_steps(columns) if table in OF_PIXELS else columns
            for name, rows in (_defaults(table, n_rows) | stored).items():
                if name == "indptr":
                    rows = rows[1:] + self._indptr[table]
                    self._indptr[table] += n_rows
                self._columns[table, name].append(rows)
        self.n_events += len(batch)
        self._check()

    def add_extra(self, name: str, column: Column) -> GrowingColumn:
        """A column beyond the layout, in the group /extra: kept in this file, ignored by its readers."""
        self._columns[EXTRA, name] = GrowingColumn(self._file.require_group(EXTRA), name, column)
        return self._columns[EXTRA, name]

    def finish(self) -> None:
        """Writes what waits in buffers, the input files and the attributes; `complete` comes last."""
        for column in self._columns.values():
            column.finish()
        write_files(self._file, self.files)
        own = {"format": FORMAT, "format_version": VERSION, "n_events": self.n_events}
        file_attributes.write(self._file, own | self.attributes)
        self._file.flush()
        self._file.attrs["complete"] = True


@contextmanager
def create(path: Path, attributes: dict[str, Any]) -> Iterator[Writer]:
    """Makes an event file; it appears under its name only when it is complete.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_write(path) as partial, closing(DiskFile(partial)) as disk:
        with h5py.File(disk, "w", libver=("earliest", "v110")) as file:
            writer = Writer(file, attributes, disk.check)
            yield writer
            writer.finish()
        disk.check()


def write_files(file: h5py.File, files: Sequence[InputFile]) -> None:
    """Writes the group /files."""
    group = file.create_group("files")
    for field in ("name", "sha256", "verdict", "reason"):
        texts = [getattr(row, field).encode() for row in files]
        length = max((len(text) for text in texts), default=1) or 1
        group.create_dataset(field, data=np.array(texts, h5py.string_dtype("utf-8", length)))
    group.create_dataset("entries", data=np.array([row.entries for row in files], np.uint64))


class Reader:
    """An open event file.

    Attributes:
        path: the file.
        n_events: events in it.
        attributes: the file's attributes, as they were given to the writer.
        files: the rows of /files.
        tables: names of its tables: those that all files have, then its optional ones.
    """

    def __init__(self, path: str | Path) -> None:
        """Opens an event file.

        Raises:
            DataError: not an event file, of a version to come, not complete, or not what the layout says.
        """
        self.path = path = Path(path)
        self._file = hdf5_file.opened(path)
        self._chunks: dict[tuple[str, str], Chunks | None] = {}
        try:
            with hdf5_file.damage_of(path):
                self._check()
                self.files = read_files(self._file)
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        self.attributes, self._version = file_attributes.read(self._file, self.path)
        self.n_events = self.attributes["n_events"]
        check_layout(datasets_inside(self._file, self.path), self.path, self.n_events, self._version)
        self._layout = tables(self._version)
        self.tables = (*TABLES, *(name for name in OPTIONAL if name in self._file))

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._chunks.clear()
        self._file.close()

    def read(self, start: int = 0, stop: int | None = None, tables: Iterable[str] | None = None) -> Batch:
        """Events start to stop (the end if None); of the tables that are named, or all of the file's.

        Raises:
            DataError: a chunk cannot be decompressed or is missing; an event has more rows than it can have; or the
                events take more than MAX_READ bytes.
        """
        stop = self.n_events if stop is None else stop
        return read_together([(self, start, stop)], self.tables if tables is None else tuple(tables))

    def steps(self, n_events: int, n_bytes: int = STEP_BYTES) -> Iterator[tuple[int, int]]:
        """Ranges of events that are read one after the other: at most so many, and so many bytes (one event at least).

        Raises:
            DataError: damaged, or an event has more rows than it can have.
        """
        n_bytes = min(n_bytes, MAX_READ)
        for start in range(0, self.n_events, n_events):
            stop = min(start + n_events, self.n_events)
            with hdf5_file.damage_of(self.path):
                jagged = [name for name in self.tables if name in JAGGED]
                ends = np.sum([self._indptr(name, start, stop) * row_bytes(name) for name in jagged], axis=0)
            first = 0
            while first < stop - start:
                last = int(np.searchsorted(ends, ends[first] + n_bytes, side="right")) - 1
                last = min(max(last, first + 1), stop - start)
                yield start + first, start + last
                first = last

    def unknown(self) -> list[str]:
        """Groups and columns that the layout of the file's version does not have; none of a version to come."""
        if self._version > NEWEST:
            return []
        known = {table: self._layout[table] for table in self.tables} | {"files": FILES}
        columns = {f"/{table}/{name}" for table, names in known.items() for name in names}
        columns |= {f"/{table}/indptr" for table in JAGGED}
        found = [f"/{name}" for name in self._file if name not in (*known, EXTRA)]
        return found + [
            f"/{table}/{name}" for table in known for name in self._file[table] if f"/{table}/{name}" not in columns
        ]

    def read_extra(self, name: str, column: Column, table: str) -> NDArray[Any] | None:
        """A whole column of the group /extra with a value for each row of a table; None if there is none.

        Raises:
            DataError: of another type or length than expected, or damaged.
        """
        if EXTRA not in self._file or name not in self._file[EXTRA]:
            return None
        data = self._file[EXTRA][name]
        check_column(data, column, int(self._file[table]["indptr"][-1]), self.path)
        with hdf5_file.damage_of(self.path):
            return np.asarray(data[:])

    def _indptr(self, name: str, start: int, stop: int) -> NDArray[np.int64]:
        """Where the events' rows begin and end; no event has more rows than it can have."""
        indptr: NDArray[np.int64] = self._file[name]["indptr"][start : stop + 1]
        counts = np.diff(indptr)
        if np.any(counts < 0) or indptr[0] < 0 or (start == 0 and indptr[0] != 0):
            raise DataError(f"{self.path}: /{name}/indptr does not rise from 0")
        limits = dict.fromkeys(OF_PIXELS, math.prod(self.attributes["image_shape"])) | {"particles": MAX_PARTICLES}
        limit = limits.get(name, MAX_JETS)
        if np.any(counts > limit):
            event = int(np.argmax(counts > limit))
            raise DataError(f"{self.path}: event {start + event} has {counts[event]} rows of /{name}, at most {limit}")
        return indptr

    def _ends(self, start: int, stop: int, tables: Iterable[str]) -> dict[str, NDArray[np.int64]]:
        """Where the events' rows of each table begin and end, if that many may be read at once."""
        with hdf5_file.damage_of(self.path):
            ends = {name: self._indptr(name, start, stop) for name in tables if name in JAGGED}
        n_bytes = sum(int(rows[-1] - rows[0]) * row_bytes(name) for name, rows in ends.items())
        if n_bytes > MAX_READ:
            raise DataError(
                f"{self.path}: events {start} to {stop} take {n_bytes} bytes; at most {MAX_READ} are read at once"
            )
        return ends | {"events": np.array([start, stop])}

    def _read_into(self, columns: Columns, table: str, ends: NDArray[np.int64]) -> None:
        """Fills the columns of a table with rows from the first to the last end; steps are added up to pixels."""
        with hdf5_file.damage_of(self.path):
            for name in self._layout[table]:
                rows, stored = columns["pixel" if name == "step" else name], self._column(table, name)
                if stored is None:
                    rows[:] = EVERY[table][name].default
                else:
                    stored.read_into(rows, int(ends[0]))
        if "step" in self._layout[table]:
            add_up(columns, ends - ends[0])

    def _column(self, table: str, name: str) -> Chunks | None:
        """A column, looked for once; None if the file has none."""
        if (table, name) not in self._chunks:
            group = self._file[table]
            self._chunks[table, name] = Chunks(group[name]) if name in group else None
        return self._chunks[table, name]


def read_together(pieces: Sequence[tuple[Reader, int, int]], tables: Sequence[str]) -> Batch:
    """Events of some files one after the other, read straight to where they lie in the end.

    Args:
        pieces: of each, its file, its first event and the one past its last.
        tables: which tables.

    Raises:
        DataError: as `Reader.read`.
    """
    # All sizes are looked at before anything of that size is asked for.
    ends = [reader._ends(start, stop, tables) for reader, start, stop in pieces]
    found = {}
    for table in tables:
        mine = [one[table] for one in ends]
        columns = _room(table, sum(int(rows[-1] - rows[0]) for rows in mine))
        at = 0
        for (reader, _, _), rows in zip(pieces, mine, strict=True):
            n_rows = int(rows[-1] - rows[0])
            reader._read_into({name: column[at : at + n_rows] for name, column in columns.items()}, table, rows)
            at += n_rows
        indptr = {"indptr": joined([np.diff(rows) for rows in mine])} if table in JAGGED else {}
        found[table] = indptr | columns
    return Batch(found)


def _room(table: str, n_rows: int) -> Columns:
    """Columns of a table as programs have them, to be filled."""
    columns = {}
    # Those that came later first, as they always stood.
    for name, column in sorted(EVERY[table].items(), key=lambda item: (not item[1].since, item[0] == "step")):
        shape = (n_rows,) if column.width == 1 else (n_rows, column.width)
        columns["pixel" if name == "step" else name] = np.empty(shape, column.dtype)
    return columns


def row_bytes(table: str) -> int:
    """Bytes of a row of a table in memory."""
    return sum(np.dtype(column.dtype).itemsize * column.width for column in EVERY[table].values())


def _defaults(table: str, n_rows: int) -> Columns:
    """The columns of a table that came after version 1.0, where they are unknown."""
    later = {name: column for name, column in EVERY[table].items() if column.since}
    return {name: np.full(n_rows, column.default, column.dtype) for name, column in later.items()}


def read_files(file: h5py.File) -> list[InputFile]:
    """The rows of the group /files, whose layout was checked."""
    group = file["files"]
    texts = {name: [text.decode() for text in group[name][:]] for name in ("name", "sha256", "verdict", "reason")}
    entries = [int(n) for n in group["entries"][:]]
    return [
        InputFile(name, digest, n, verdict, reason)
        for name, digest, n, verdict, reason in zip(
            texts["name"], texts["sha256"], entries, texts["verdict"], texts["reason"], strict=True
        )
    ]
