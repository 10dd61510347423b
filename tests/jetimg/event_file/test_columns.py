"""Columns: any HDF5 reader gets back what was appended, whatever the pieces."""

import io
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jetimg.event_file.columns import GrowingColumn
from jetimg.event_file.layout import Column


def stored(column: Column, pieces: list[NDArray[Any]]) -> tuple[bytes, NDArray[Any]]:
    """The file's bytes, and what plain h5py reads from them."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver=("earliest", "v110")) as file:
        growing = GrowingColumn(file.create_group("table"), "column", column)
        for piece in pieces:
            growing.append(piece)
        growing.finish()
    with h5py.File(io.BytesIO(memory.getvalue())) as file:
        return memory.getvalue(), file["table/column"][:]


@given(
    st.sampled_from(["uint8", "uint32", "int32", "int64", "float32"]),
    st.sampled_from([1, 4]),
    st.lists(st.integers(0, 25), max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_any_pieces_give_the_rows_and_the_same_bytes(dtype: str, width: int, lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (sum(lengths),) if width == 1 else (sum(lengths), width)
    rows = rng.integers(0, 256, (*shape, 8), dtype=np.uint8).view(np.uint64)[..., 0].astype(dtype)
    column = Column(dtype, "text", width, chunk=7)
    pieces = np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []
    in_pieces, found = stored(column, pieces)
    at_once, _ = stored(column, [rows])
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found, rows)
    assert in_pieces == at_once


def test_the_filters_are_those_of_every_hdf5() -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        GrowingColumn(file.create_group("table"), "column", Column("float32", "what it is"))
        data = file["table/column"]
        assert (data.compression, data.shuffle, data.chunks) == ("gzip", True, (4096,))
        assert data.attrs["description"] == "what it is"


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 8, 14, 15])
def test_lengths_around_a_chunk(rows: int) -> None:
    values = np.arange(rows, dtype=np.int32)
    _, found = stored(Column("int32", "", chunk=7), [values])
    np.testing.assert_array_equal(found, values)
