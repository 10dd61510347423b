"""Columns read by libdeflate are those that HDF5 reads; what is stored otherwise, or damaged, is left to HDF5."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from jetimg.event_file import chunks
from jetimg.event_file.columns import GrowingColumn
from jetimg.event_file.layout import Column

ROWS, SIZE = 1000, 64


def _read(data: h5py.Dataset, start: int, stop: int) -> np.ndarray[Any, Any]:
    rows = np.zeros((stop - start, *data.shape[1:]), data.dtype)
    chunks.Chunks(data).read_into(rows, start)
    return rows


def _is_inflated(data: h5py.Dataset, start: int, stop: int) -> bool:
    one = chunks.Chunks(data)
    return one._known and one._inflated(np.zeros((stop - start, *data.shape[1:]), data.dtype), start)


def _column(file: h5py.File, dtype: str, width: int = 1) -> h5py.Dataset:
    rows = np.random.default_rng(1).integers(0, 2**31, (ROWS, width)).astype(dtype)
    column = GrowingColumn(file, "x", Column(dtype, "", width=width, chunk=SIZE))
    column.append(rows if width > 1 else rows[:, 0])
    column.finish()
    return file["x"]


@pytest.mark.parametrize("dtype", ["uint32", "float32", "int32", "int64", "uint8"])
def test_any_range_is_as_hdf5_reads_it(dtype: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = _column(file, dtype)
        if dtype in ("uint32", "float32", "int32"):
            assert _is_inflated(data, 0, ROWS)
        for start, stop in (
            (0, ROWS),
            (0, 1),
            (0, 0),
            (SIZE - 1, SIZE + 1),
            (SIZE, 2 * SIZE),
            (700, ROWS),
            (999, ROWS),
        ):
            found = _read(data, start, stop)
            np.testing.assert_array_equal(found, data[start:stop])
            assert found.dtype == data.dtype


def test_rows_of_several_numbers_are_read_too(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = _column(file, "float32", 4)
        assert _is_inflated(data, 10, 200)
        np.testing.assert_array_equal(_read(data, 10, 200), data[10:200])


@pytest.mark.parametrize(
    "stored",
    [{}, {"compression": "gzip"}, {"shuffle": True}, {"compression": "gzip", "shuffle": True, "fletcher32": True}],
    ids=str,
)
def test_what_others_stored_otherwise_is_left_to_hdf5(stored: dict[str, Any], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset("x", data=np.arange(100, dtype=np.uint32), chunks=(SIZE,), **stored)
        assert not _is_inflated(data, 0, 100)
        np.testing.assert_array_equal(_read(data, 3, 99), np.arange(3, 99))


def test_a_chunk_that_is_not_there_is_left_to_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset(
            "x", (100,), np.uint32, chunks=(SIZE,), compression="gzip", shuffle=True, fillvalue=7
        )
        data[:SIZE] = np.arange(SIZE)
        assert not _is_inflated(data, 0, 100)
        np.testing.assert_array_equal(_read(data, 0, 100), [*range(SIZE), *[7] * 36])


def test_a_damaged_chunk_is_refused_by_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        data = _column(file, "uint32")
        at = data.id.get_chunk_info(2).byte_offset
    content = bytearray(path.read_bytes())
    content[at + 20 : at + 24] = b"\xff\x00\xff\x00"
    path.write_bytes(content)
    with h5py.File(path) as file:
        assert not _is_inflated(file["x"], 0, 300)
        np.testing.assert_array_equal(_read(file["x"], 0, SIZE), file["x"][:SIZE])
        with pytest.raises(OSError, match="filter"):
            _read(file["x"], 0, 300)
