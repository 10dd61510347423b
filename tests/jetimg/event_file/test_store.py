"""Event files: what is written is read back, in any pieces, by any HDF5 reader."""

import itertools
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jetimg.dataset.verify import verify
from jetimg.event_file import store
from jetimg.event_file.layout import HITS_CHUNK, JAGGED, TABLES, VERSION
from tests.helpers.batches import assert_equal, attributes, random_batch, write

OLD = Path(__file__).parents[2] / "data" / "format-1.0-tt.h5"


@pytest.fixture(scope="module")
def batch() -> store.Batch:
    return random_batch(np.random.default_rng(11), 23)


@pytest.fixture(scope="module")
def path(batch: store.Batch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("store") / "random.h5", batch)


def by_hand(batch: store.Batch, table: str, column: str, event: int) -> list[object]:
    columns = batch.tables[table]
    if table not in JAGGED:
        return [columns[column][event]]
    return list(columns[column][columns["indptr"][event] : columns["indptr"][event + 1]].tolist())


@settings(max_examples=8)
@given(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 10**6))
def test_pieces_do_not_show_in_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    batch = random_batch(np.random.default_rng(seed), sum(lengths))
    ends = np.cumsum([0, *lengths])
    pieces = [batch.take(np.arange(a, b)) for a, b in itertools.pairwise(ends)]
    one, many = write(folder / "one.h5", batch), write(folder / "many.h5", *pieces)
    assert one.read_bytes() == many.read_bytes()
    with store.Reader(many) as reader:
        assert reader.n_events == len(batch)
        assert_equal(reader.read(), batch)
    assert verify(many).faults == []


def test_columns_longer_than_a_chunk_come_back(tmp_path: Path) -> None:
    batch = random_batch(np.random.default_rng(4), 5000, most_hits=60)
    assert len(batch.tables["ecal"]["pixel"]) > 2 * HITS_CHUNK
    path = write(tmp_path / "long.h5", batch)
    with h5py.File(path) as file:  # by HDF5's own filters
        np.testing.assert_array_equal(file["ecal/value"][:], batch.tables["ecal"]["value"])
    with store.Reader(path) as reader:
        assert_equal(reader.read(), batch)
        assert_equal(reader.read(4090, 4105), batch.take(np.arange(4090, 4105)))


def test_plain_h5py_reads_an_event_in_five_lines(path: Path, batch: store.Batch) -> None:
    with h5py.File(path) as file:
        channel = file["hcal"]
        start, stop = channel["indptr"][7:9]
        image = np.zeros((340, 360), np.float32)
        image.flat[np.cumsum(channel["step"][start:stop])] = channel["value"][start:stop]
        filters = {(data.compression, data.shuffle) for table in TABLES for data in file[table].values()}
    assert filters == {("gzip", True)}
    assert np.flatnonzero(image).tolist() == by_hand(batch, "hcal", "pixel", 7)
    assert image[image > 0].tolist() == by_hand(batch, "hcal", "value", 7)


@settings(max_examples=30)
@given(st.data())
def test_any_range_is_that_slice(path: Path, batch: store.Batch, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 23))
    stop = data.draw(st.integers(start, 23))
    with store.Reader(path) as reader:
        assert_equal(reader.read(start, stop), batch.take(np.arange(start, stop)))


@settings(max_examples=10)
@given(st.data())
def test_pieces_of_files_are_read_one_after_the_other(path: Path, data: st.DataObject) -> None:
    """Of this version and of 1.0, which has pixels in place of steps and lacks columns."""
    with store.Reader(path) as new, store.Reader(OLD) as old:
        pieces = []
        for reader in data.draw(st.lists(st.sampled_from([new, old]), min_size=1, max_size=4)):
            ends = st.integers(0, reader.n_events)
            pieces.append((reader, *sorted((data.draw(ends), data.draw(ends)))))
        found = store.read_together(pieces, tuple(TABLES))
        parts = [reader.read(start, stop, TABLES) for reader, start, stop in pieces]
        assert_equal(found, store.concatenate(parts))
        at = 0
        for part in parts:
            assert_equal(found.part(at, at := at + len(part)), part)


@given(st.lists(st.integers(0, 22), max_size=40))
def test_take_gives_each_events_rows_in_the_order_asked(batch: store.Batch, events: list[int]) -> None:
    taken = batch.take(np.array(events, np.int64))
    assert len(taken) == len(events)
    for table, columns in batch.tables.items():
        for column in (name for name in columns if name != "indptr"):
            for place, event in enumerate(events):
                assert by_hand(taken, table, column, place) == by_hand(batch, table, column, event)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(0, 10**6))
def test_concatenate_undoes_slicing(lengths: list[int], seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), sum(lengths))
    ends = np.cumsum([0, *lengths])
    parts = [batch.take(np.arange(a, b)) for a, b in itertools.pairwise(ends)]
    assert_equal(store.concatenate(parts), batch)


def test_attributes_and_input_files_come_back(tmp_path: Path) -> None:
    rows = [
        store.InputFile("täglich/ü.root", "ab" * 32, 3),
        store.InputFile("", "", 0, "unreadable", "no such file: 木"),
        store.InputFile("c", "", 2**40, "short", "x" * 5000),
    ]
    own = attributes() | {"list": [1, "a"], "text": "plain", "number": 0.25, "bracket": "[not JSON"}
    with store.create(tmp_path / "x.h5", own) as writer:
        writer.files += rows
        writer.attributes["late"] = {"a": [1]}
    with store.Reader(tmp_path / "x.h5") as reader:
        assert reader.files == rows
        assert {key: reader.attributes[key] for key in own} == own
        assert reader.attributes["late"] == {"a": [1]}
        assert (reader.n_events, reader.attributes["format"], reader.attributes["format_version"]) == (
            0,
            "jetimg",
            VERSION,
        )
        assert len(reader.read()) == 0


def test_attributes_are_hdf5s_own(tmp_path: Path) -> None:
    """What another program sees: numbers, lists of numbers, arrays of UTF-8 strings; mappings are JSON."""
    with store.create(tmp_path / "x.h5", attributes() | {"sample_names": ["t\u00fct"]}):
        pass
    with h5py.File(tmp_path / "x.h5") as file:
        found = dict(file.attrs)
        kind = h5py.check_string_dtype(file.attrs.get_id("class_names").dtype)
    assert (kind.encoding, kind.length) == ("utf-8", None)
    assert (found["class_names"].tolist(), found["sample_names"].tolist()) == (["b", "t", "H", "V", "q"], ["t\u00fct"])
    assert (found["image_shape"].dtype, found["image_shape"].tolist()) == (np.int64, [340, 360])
    assert (found["eta_pitch"], found["phi_pitch"]) == (0.0174, pytest.approx(np.radians(1)))
    assert found["channels"].tolist() == ["tracker", "ecal", "hcal"]
    assert json.loads(found["config"])["box_radius"] == 0.4


def test_columns_that_came_later_may_be_left_out(tmp_path: Path, batch: store.Batch) -> None:
    """The file has them all, with the values that say `unknown`."""
    later = {table: [name for name, column in columns.items() if column.since] for table, columns in TABLES.items()}
    early = {
        table: {name: rows for name, rows in columns.items() if name not in later[table]}
        for table, columns in batch.tables.items()
    }
    with store.Reader(write(tmp_path / "x.h5", store.Batch(early), batch)) as reader:
        read = reader.read()
    assert_equal(read.take(np.arange(23, 46)), batch)
    assert set(read.tables["events"]["met"][:23]) == set(read.tables["events"]["n_vertices"][:23]) == {-1}
    assert not read.tables["jets"]["parton_pt"][: len(batch.tables["jets"]["pt"])].any()


def test_an_error_while_writing_leaves_nothing(tmp_path: Path, batch: store.Batch) -> None:
    target = tmp_path / "x.h5"
    with pytest.raises(ZeroDivisionError), store.create(target, attributes()) as writer:  # noqa: PT012
        writer.append(batch)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_stays_until_the_new_one_is_whole(tmp_path: Path, batch: store.Batch) -> None:
    target = write(tmp_path / "x.h5", batch)
    before = target.read_bytes()
    with pytest.raises(ZeroDivisionError), store.create(target, attributes()):
        raise ZeroDivisionError
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_the_same_content_twice_is_the_same_bytes(tmp_path: Path, batch: store.Batch) -> None:
    assert write(tmp_path / "a.h5", batch).read_bytes() == write(tmp_path / "b.h5", batch).read_bytes()


def test_nothing_in_the_file_needs_a_newer_hdf5_than_1_10(path: Path) -> None:
    """Superblock version 0 to 2 (HDF5 file format specification): readers of 2008 open it."""
    assert path.read_bytes()[8] <= 2
