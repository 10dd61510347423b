"""Checks of an HDF5 file from an unknown source: no links, filters or sizes that the layout does not have.

Files come from other people. Shapes are checked before anything is allocated: 1.4 kB can claim 4 TB.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from jetimg.common.errors import DataError
from jetimg.event_file.layout import FILES, JAGGED, OPTIONAL, TABLES, Column, Version, tables

# Deflate packs 1032 bytes into one at most (zlib technical details).
MAX_COMPRESSION = 1032

# A chunk is decompressed whole, however few of its rows are asked for. Ours have 512 kB at most.
LARGEST_CHUNK = 64 * 2**20

# Filters that leave the size as it is, or nearly so: shuffle, fletcher32.
NOT_PACKING = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)

# What a file has: of each of its root's groups the datasets by name. Each is opened once, which takes h5py some 50 µs.
Datasets = Mapping[str, Mapping[str, h5py.Dataset]]


def check_layout(datasets: Datasets, path: Path, n_events: int, version: Version) -> None:
    """Holds every dataset of an event file against the layout of its version.

    Args:
        datasets: as of `datasets_inside`.
        path: the file.
        n_events: how many events it says it has.
        version: of its layout.

    Raises:
        DataError: a group or column is missing, of another type or length, or larger than its bytes
            can hold.
    """
    for table, columns in tables(version).items():
        if table in OPTIONAL and table not in datasets:
            continue
        n_rows = n_events
        if table in JAGGED:
            indptr = _member(datasets, table, "indptr", path)
            check_column(indptr, Column("int64", ""), n_events + 1, path)
            n_rows = int(indptr[-1])
        for name, column in columns.items():
            if name not in datasets.get(table, {}) and (1, column.since) > version:
                continue  # it has a default
            check_column(_member(datasets, table, name, path), column, n_rows, path)
    check_files(datasets, path)


def check_files(datasets: Datasets, path: Path) -> None:
    """Holds the group /files against its layout: one row an input; texts have a fixed length.

    Raises:
        DataError: it is missing or of another layout.
    """
    n_rows = None
    for name, kind in FILES.items():
        data = _member(datasets, "files", name, path)
        n_rows = data.shape if n_rows is None else n_rows
        if data.dtype.kind != kind or data.shape != n_rows or data.ndim != 1:
            raise DataError(f"{path}: `{data.name}` is {data.dtype} {data.shape}, not one row an input")
        _check_size(data, path)


def datasets_inside(file: h5py.File, path: Path) -> Datasets:
    """The datasets of each group, if there is nothing else: no links, groups in groups, or values in other files.

    Raises:
        DataError: naming the object.
    """
    found = {}
    for table in file:
        group = _own(file, table, path)
        if isinstance(group, h5py.Group):
            found[table] = {name: _own(group, name, path) for name in group}
            for name, data in found[table].items():
                if not isinstance(data, h5py.Dataset):
                    raise DataError(f"{path}: `/{table}/{name}` is not a dataset")
    return found


def _own(group: h5py.Group, name: str, path: Path) -> Any:
    """A member that is not a link to elsewhere and whose values lie in the file."""
    if group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
        raise DataError(f"{path}: `{_full(group.name, name)}` is a link, which event files do not have")
    item = group[name]
    if isinstance(item, h5py.Dataset):
        made = item.id.get_create_plist()
        if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
            raise DataError(f"{path}: `{_full(group.name, name)}` is stored outside the file")
    return item


def _full(group: str, name: str) -> str:
    return f"{group.rstrip('/')}/{name}"


def _member(datasets: Datasets, table: str, name: str, path: Path) -> h5py.Dataset:
    if table not in datasets or name not in datasets[table]:
        where = f"/{table}/{name}" if table in datasets else f"/{table}"
        raise DataError(f"{path}: no `{where}`; an event file has {', '.join(TABLES)}, files")
    return datasets[table][name]


def check_column(data: h5py.Dataset, column: Column, n_rows: int, path: Path) -> None:
    """Holds one dataset against its description.

    Raises:
        DataError: of another type or length, or larger than its bytes can hold.
    """
    shape = (n_rows,) if column.width == 1 else (n_rows, column.width)
    if data.shape != shape or data.dtype != np.dtype(column.dtype):
        found = f"{data.dtype} {data.shape}"
        raise DataError(f"{path}: `{data.name}` is {found}; expected {column.dtype} {shape}")
    _check_size(data, path)


def _check_size(data: h5py.Dataset, path: Path) -> None:
    made, itemsize = data.id.get_create_plist(), data.dtype.itemsize
    chunk = math.prod(made.get_chunk()) * itemsize if made.get_layout() == h5py.h5d.CHUNKED else 0
    if chunk > LARGEST_CHUNK:
        raise DataError(f"{path}: `{data.name}` has chunks of {chunk} bytes; at most {LARGEST_CHUNK} are read")
    packers = [made.get_filter(k)[0] for k in range(made.get_nfilters())]
    if len([code for code in packers if code not in NOT_PACKING]) > 1 or len(packers) > len(set(packers)):
        raise DataError(f"{path}: `{data.name}` is packed more than once: no size can be trusted")
    stored, claimed = data.id.get_storage_size(), math.prod(data.shape) * itemsize
    if claimed > MAX_COMPRESSION * max(stored, 1):
        raise DataError(f"{path}: `{data.name}` claims {claimed} bytes in {stored}: damaged or not honest")
