"""Event files: writing them whole, reading ranges of events.

An event file is HDF5 in the layout of `jetimg.event_file.layout`, readable without plugins. What one event file
holds is a `Batch`; batches can be appended, sliced and put in another order.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from jetimg.event_file.columns import LEVEL, ROUNDED_LEVEL, GrowingColumn
from jetimg.event_file.full_disk import DiskFile
from jetimg.event_file.layout import FORMAT, JAGGED, TABLES, VERSION, Column
from jetimg.event_file.rounding import MANTISSA_BITS
from jetimg.event_file.validate import check_attributes, check_column, check_datasets_inside, check_layout

Columns = dict[str, NDArray[Any]]

# What h5py raises on damaged bytes; JSON and unicode errors are ValueErrors.
HDF5_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError)


@dataclass(frozen=True)
class Batch:
    """Some events, as the columns of each table; jagged tables have `indptr` from 0."""

    tables: dict[str, Columns]

    def __len__(self) -> int:
        return len(self.tables["events"]["entry"])

    def take(self, events: NDArray[np.int64]) -> "Batch":
        """Some of the events, in the order given."""
        return Batch({name: _take(columns, events) for name, columns in self.tables.items()})


def concatenate(batches: Sequence[Batch]) -> Batch:
    """The events of several batches with the same tables, one batch after the other."""
    return Batch({name: _concatenate([batch.tables[name] for batch in batches]) for name in batches[0].tables})


def _take(columns: Columns, events: NDArray[np.int64]) -> Columns:
    if "indptr" not in columns:
        return {name: rows[events] for name, rows in columns.items()}
    first, counts = columns["indptr"][:-1][events], np.diff(columns["indptr"])[events]
    indptr = np.concatenate(([0], np.cumsum(counts)))
    # Row k of the result comes from its event's first row, plus its distance from the event's start.
    rows = np.arange(indptr[-1]) + np.repeat(first - indptr[:-1], counts)
    return {name: indptr if name == "indptr" else column[rows] for name, column in columns.items()}


def _concatenate(parts: Sequence[Columns]) -> Columns:
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "indptr"}
    if "indptr" in parts[0]:
        counts = np.concatenate([np.diff(part["indptr"]) for part in parts])
        joined["indptr"] = np.concatenate(([0], np.cumsum(counts)))
    return joined


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
        attributes: the file's attributes, to be added to; lists and mappings are stored as JSON.
    """

    def __init__(self, file: h5py.File, attributes: dict[str, Any], check: Callable[[], None] = lambda: None) -> None:
        self._file = file
        self._check = check
        self.attributes = dict(attributes)
        self.files: list[InputFile] = []
        self._indptr = dict.fromkeys(JAGGED, 0)
        self._columns: dict[tuple[str, str], GrowingColumn] = {}
        self.n_events = 0
        for table, columns in TABLES.items():
            group = file.create_group(table)
            if table in JAGGED:
                text = "rows of event i: indptr[i] to indptr[i + 1]"
                self._columns[table, "indptr"] = GrowingColumn(group, "indptr", Column("int64", text))
                self._columns[table, "indptr"].append(np.zeros(1, np.int64))
            for name, column in columns.items():
                self._columns[table, name] = GrowingColumn(group, name, column, self._level(name))

    def _level(self, name: str) -> int:
        rounded = self.attributes.get("config", {}).get("value_bits", MANTISSA_BITS) < MANTISSA_BITS
        return ROUNDED_LEVEL if rounded and name in ("pixel", "value") else LEVEL

    def append(self, batch: Batch) -> None:
        """Appends a batch's events."""
        for table, columns in batch.tables.items():
            for name, rows in columns.items():
                if name == "indptr":
                    rows = rows[1:] + self._indptr[table]
                    self._indptr[table] += int(columns["indptr"][-1])
                self._columns[table, name].append(rows)
        self.n_events += len(batch)
        self._check()

    def add_extra(self, name: str, column: Column) -> GrowingColumn:
        """A column beyond the layout, in the group /extra: kept in this file, ignored by its readers."""
        self._columns["extra", name] = GrowingColumn(self._file.require_group("extra"), name, column)
        return self._columns["extra", name]

    def finish(self) -> None:
        """Writes what waits in buffers, the input files and the attributes; `complete` comes last."""
        for column in self._columns.values():
            column.finish()
        _write_files(self._file, self.files)
        own = {"format": FORMAT, "format_version": VERSION, "n_events": self.n_events}
        for key, value in (own | self.attributes).items():
            self._file.attrs[key] = json.dumps(value) if isinstance(value, dict | list | tuple) else value
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


def _write_files(file: h5py.File, files: Sequence[InputFile]) -> None:
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
        attributes: the file's attributes; JSON texts are decoded.
        files: the rows of /files.
    """

    def __init__(self, path: Path) -> None:
        """Opens an event file.

        Raises:
            DataError: not an event file of this version, not complete, or not what the layout says.
        """
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path}: not a readable HDF5 file: {' '.join(str(error).split())}") from error
        try:
            self._check()
            self.files = _read_files(self._file)
        except HDF5_ERRORS as error:
            self._file.close()
            raise DataError(f"{path}: damaged: {_one_line(error)}") from error
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        attributes = self.attributes = {key: _decoded(value) for key, value in self._file.attrs.items()}
        if attributes.get("format") != FORMAT or str(attributes.get("format_version", "")).split(".")[0] != "1":
            found = f"format {attributes.get('format')!r}, version {attributes.get('format_version')!r}"
            raise DataError(f"{self.path}: {found}; expected an event file of format {FORMAT!r}, version {VERSION}")
        if not attributes.get("complete", False):
            raise DataError(f"{self.path}: not complete: its writer was stopped; make it again")
        check_attributes(attributes, self.path)
        self.n_events = attributes["n_events"]
        check_datasets_inside(self._file, self.path)
        check_layout(self._file, self.path, self.n_events)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def read(self, start: int = 0, stop: int | None = None, tables: Iterable[str] = tuple(TABLES)) -> Batch:
        """Events start to stop (the end if None); of the tables that are named.

        Raises:
            DataError: a chunk cannot be decompressed or is missing.
        """
        stop = self.n_events if stop is None else stop
        try:
            return Batch({name: self._read_table(name, start, stop) for name in tables})
        except HDF5_ERRORS as error:
            raise DataError(f"{self.path}: damaged: {_one_line(error)}") from error

    def read_extra(self, name: str, column: Column, table: str) -> NDArray[Any] | None:
        """A whole column of the group /extra with a value for each row of a table; None if there is none.

        Raises:
            DataError: of another type or length than expected, or damaged.
        """
        if "extra" not in self._file or name not in self._file["extra"]:
            return None
        data = self._file["extra"][name]
        check_column(data, column, int(self._file[table]["indptr"][-1]), self.path)
        try:
            return np.asarray(data[:])
        except OSError as error:
            raise DataError(f"{self.path}: damaged: {' '.join(str(error).split())}") from error

    def _read_table(self, name: str, start: int, stop: int) -> Columns:
        group, columns = self._file[name], {}
        if name in JAGGED:
            indptr = group["indptr"][start : stop + 1]
            if np.any(np.diff(indptr) < 0) or indptr[0] < 0 or (start == 0 and indptr[0] != 0):
                raise DataError(f"{self.path}: /{name}/indptr does not rise from 0")
            start, stop = int(indptr[0]), int(indptr[-1])
            columns["indptr"] = indptr - start
        return columns | {column: group[column][start:stop] for column in TABLES[name]}


def _read_files(file: h5py.File) -> list[InputFile]:
    group = file["files"]
    texts = {name: [text.decode() for text in group[name][:]] for name in ("name", "sha256", "verdict", "reason")}
    entries = [int(n) for n in group["entries"][:]]
    return [
        InputFile(name, digest, n, verdict, reason)
        for name, digest, n, verdict, reason in zip(
            texts["name"], texts["sha256"], entries, texts["verdict"], texts["reason"], strict=True
        )
    ]


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.item() if isinstance(value, np.generic) else value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
