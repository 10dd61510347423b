"""What an HDF5 file may not do: claim, link or hide things that the layout does not have.

Files come from other people. Shapes are checked before anything is allocated: 1.4 kB can claim 4 TB.
"""

from pathlib import Path

import h5py
import numpy as np

from jetimg.errors import DataError
from jetimg.layout import JAGGED, TABLES, Column

# Deflate packs 1032 bytes into one at most (zlib technical details).
MOST_COMPRESSION = 1032


def check_layout(file: h5py.File, path: Path, n_events: int) -> None:
    """Holds every dataset of an event file against the layout.

    Raises:
        DataError: a group or column is missing, of another type or length, stored outside the file, or
            larger than its bytes can hold.
    """
    for table, columns in TABLES.items():
        group = _member(file, table, path, h5py.Group)
        n_rows = n_events
        if table in JAGGED:
            indptr = _member(group, "indptr", path, h5py.Dataset)
            _check_column(indptr, Column("int64", ""), n_events + 1, path)
            n_rows = int(indptr[-1])
        for name, column in columns.items():
            _check_column(_member(group, name, path, h5py.Dataset), column, n_rows, path)


def check_datasets_inside(file: h5py.File, path: Path) -> None:
    """Refuses links and storage that lead out of the file, anywhere in it.

    Raises:
        DataError: naming the object.
    """

    def look(group: h5py.Group) -> None:
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise DataError(f"{path}: `{group.name}/{name}` is a link, which event files do not have")
            item = group[name]
            if isinstance(item, h5py.Group):
                look(item)
            elif item.external or item.is_virtual:
                raise DataError(f"{path}: `{item.name}` is stored outside the file")

    look(file)


def _member(group: h5py.Group, name: str, path: Path, kind: type) -> h5py.Dataset:
    item = group.get(name) if name in group else None
    if not isinstance(item, kind):
        where = f"{group.name.rstrip('/')}/{name}"
        raise DataError(f"{path}: no `{where}`; an event file has {', '.join(TABLES)}, files")
    return item


def _check_column(data: h5py.Dataset, column: Column, n_rows: int, path: Path) -> None:
    shape = (n_rows,) if column.width == 1 else (n_rows, column.width)
    if data.shape != shape or data.dtype != np.dtype(column.dtype):
        found = f"{data.dtype} {data.shape}"
        raise DataError(f"{path}: `{data.name}` is {found}; expected {column.dtype} {shape}")
    stored = data.id.get_storage_size()
    if data.nbytes > MOST_COMPRESSION * max(stored, 1):
        raise DataError(f"{path}: `{data.name}` claims {data.nbytes} bytes in {stored}: damaged or not honest")
