"""Checks of an HDF5 file from an unknown source: no links, filters or sizes that the layout does not have.

Files come from other people. Shapes are checked before anything is allocated: 1.4 kB can claim 4 TB.
"""

import math
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


def check_layout(file: h5py.File, path: Path, n_events: int, version: Version) -> None:
    """Holds every dataset of an event file against the layout of its version.

    Raises:
        DataError: a group or column is missing, of another type or length, or larger than its bytes
            can hold.
    """
    for table, columns in tables(version).items():
        if table in OPTIONAL and table not in file:
            continue
        group = _member(file, table, path, h5py.Group)
        n_rows = n_events
        if table in JAGGED:
            indptr = _member(group, "indptr", path, h5py.Dataset)
            check_column(indptr, Column("int64", ""), n_events + 1, path)
            n_rows = int(indptr[-1])
        for name, column in columns.items():
            if name not in group and (1, column.since) > version:
                continue  # it has a default
            check_column(_member(group, name, path, h5py.Dataset), column, n_rows, path)
    check_files(file, path)


def check_files(file: h5py.File, path: Path) -> None:
    """Holds the group /files against its layout: one row an input; texts have a fixed length.

    Raises:
        DataError: it is missing or of another layout.
    """
    group = _member(file, "files", path, h5py.Group)
    n_rows = None
    for name, kind in FILES.items():
        data = _member(group, name, path, h5py.Dataset)
        n_rows = data.shape if n_rows is None else n_rows
        if data.dtype.kind != kind or data.shape != n_rows or data.ndim != 1:
            raise DataError(f"{path}: `{data.name}` is {data.dtype} {data.shape}, not one row an input")
        _check_size(data, path)


def check_datasets_inside(file: h5py.File, path: Path) -> None:
    """Refuses whatever is not a dataset of the file itself in a group of the file's root.

    Raises:
        DataError: naming the object.
    """
    for table in file:
        group = _own(file, table, path)
        if isinstance(group, h5py.Group):
            for name in group:
                if not isinstance(_own(group, name, path), h5py.Dataset):
                    raise DataError(f"{path}: `/{table}/{name}` is not a dataset")


def _own(group: h5py.Group, name: str, path: Path) -> Any:
    """A member that is not a link to elsewhere and whose values lie in the file."""
    full = f"{group.name.rstrip('/')}/{name}"
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{path}: `{full}` is a link, which event files do not have")
    item = group[name]
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise DataError(f"{path}: `{full}` is stored outside the file")
    return item


def _member(group: h5py.Group, name: str, path: Path, kind: type) -> h5py.Dataset:
    item = group.get(name) if name in group else None
    if not isinstance(item, kind):
        where = f"{group.name.rstrip('/')}/{name}"
        raise DataError(f"{path}: no `{where}`; an event file has {', '.join(TABLES)}, files")
    return item


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
    chunk = math.prod(data.chunks or ()) * data.dtype.itemsize
    if chunk > LARGEST_CHUNK:
        raise DataError(f"{path}: `{data.name}` has chunks of {chunk} bytes; at most {LARGEST_CHUNK} are read")
    filters = data.id.get_create_plist()
    packers = [filters.get_filter(k)[0] for k in range(filters.get_nfilters())]
    if len([code for code in packers if code not in NOT_PACKING]) > 1 or len(packers) > len(set(packers)):
        raise DataError(f"{path}: `{data.name}` is packed more than once: no size can be trusted")
    stored = data.id.get_storage_size()
    if data.nbytes > MAX_COMPRESSION * max(stored, 1):
        raise DataError(f"{path}: `{data.name}` claims {data.nbytes} bytes in {stored}: damaged or not honest")
