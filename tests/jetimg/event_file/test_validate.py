"""Event files from strangers: refused with one clear line, before anything large is allocated."""

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from jetimg.common.errors import DataError
from jetimg.dataset.verify import verify
from jetimg.event_file import store
from tests.helpers.batches import assert_equal, random_batch, write


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("guard") / "good.h5", random_batch(np.random.default_rng(1), 12))


def replaced(file: h5py.File, name: str, **how: object) -> h5py.Dataset:
    """The dataset made again in another way."""
    group, column = name.split("/")
    del file[name]
    return file[group].create_dataset(column, **how)


def huge(file: h5py.File) -> None:
    """1.4 kB that claim 4 TB."""
    replaced(file, "ecal/step", shape=(10**12,), dtype="u4", chunks=(2**14,), compression="gzip", shuffle=True)
    indptr = file["ecal/indptr"][:]
    indptr[-1] = 10**12
    file["ecal/indptr"][:] = indptr


def huge_events(file: h5py.File) -> None:
    file.attrs["n_events"] = 10**12
    for table in ("tracker", "ecal", "hcal", "jets", "baseline"):
        replaced(file, f"{table}/indptr", shape=(10**12 + 1,), dtype="i8", chunks=(2**14,), compression="gzip")


def huge_chunk(file: h5py.File) -> None:
    """A dozen values in a chunk of 1 GB."""
    data = replaced(file, "events/weight", shape=(12,), maxshape=(None,), dtype="f4", chunks=(2**28,), compression=1)
    data.id.write_direct_chunk((0,), b"x" * 2**10)


def external_storage(file: h5py.File) -> None:
    replaced(file, "events/weight", shape=(12,), dtype="f4", external=[("/etc/passwd", 0, 48)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(12,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "weight", shape=(12,))
    del file["events/weight"]
    file["events"].create_virtual_dataset("weight", layout)


def external_link(file: h5py.File) -> None:
    del file["events/weight"]
    file["events/weight"] = h5py.ExternalLink("other.h5", "/weight")


def soft_link(file: h5py.File) -> None:
    del file["events/weight"]
    file["events/weight"] = h5py.SoftLink("/jets/pt")


def linked_group(file: h5py.File) -> None:
    del file["jets"]
    file["jets"] = h5py.SoftLink("/baseline")


def extra_link(file: h5py.File) -> None:
    file["extra"] = h5py.ExternalLink("/etc/passwd", "/")


def loop(file: h5py.File) -> None:
    """A group that holds itself: looking through it never ended."""
    file["jets/again"] = file["jets"]


def root_loop(file: h5py.File) -> None:
    file["again"] = file["/"]


def named_type(file: h5py.File) -> None:
    file["jets/kind"] = np.dtype("f4")


def wrong_dtype(file: h5py.File) -> None:
    replaced(file, "events/weight", data=np.ones(12, "f8"))


def big_endian(file: h5py.File) -> None:
    replaced(file, "events/weight", data=np.ones(12, ">f4"))


def wrong_length(file: h5py.File) -> None:
    replaced(file, "events/weight", data=np.ones(11, "f4"))


def wrong_width(file: h5py.File) -> None:
    replaced(file, "jets/box", data=np.ones((len(file["jets/pt"]), 5), "f4"))


def a_group_for_a_column(file: h5py.File) -> None:
    del file["events/weight"]
    file.create_group("events/weight")


def a_column_for_a_group(file: h5py.File) -> None:
    del file["jets"]
    file["jets"] = np.ones(3)


def no_table(file: h5py.File) -> None:
    del file["baseline"]


def no_column(file: h5py.File) -> None:
    del file["jets/mass"]


def indptr_beyond(file: h5py.File) -> None:
    file["jets/indptr"][-1] += 5


def indptr_leaps(file: h5py.File) -> None:
    """Its ends are right; in between it points beyond the columns."""
    file["jets/indptr"][5] = 10**12


def indptr_from_behind(file: h5py.File) -> None:
    file["jets/indptr"][0] = 1


def indptr_negative(file: h5py.File) -> None:
    file["jets/indptr"][0] = -3


def more_hits_than_pixels(file: h5py.File) -> None:
    """Zeros compress a thousandfold: a megabyte that asks for a gigabyte."""
    n_rows = 340 * 360 + 1
    replaced(file, "ecal/step", data=np.zeros(n_rows, "u4"), chunks=(65536,), compression="gzip")
    replaced(file, "ecal/value", data=np.zeros(n_rows, "f4"), chunks=(65536,), compression="gzip")
    replaced(file, "ecal/indptr", data=np.array([*[0] * 7, *[n_rows] * 6]))


def more_jets_than_an_event_has(file: h5py.File) -> None:
    for name, data in file["jets"].items():
        if name != "indptr":
            replaced(file, f"jets/{name}", data=np.zeros((1001, *data.shape[1:]), data.dtype))
    replaced(file, "jets/indptr", data=np.array([*[0] * 2, *[1001] * 11]))


def no_files(file: h5py.File) -> None:
    del file["files"]


def fewer_names(file: h5py.File) -> None:
    replaced(file, "files/name", data=np.array([b"a", b"b"]))


def names_as_numbers(file: h5py.File) -> None:
    replaced(file, "files/name", data=np.array([1.0]))


def names_not_utf8(file: h5py.File) -> None:
    replaced(file, "files/name", data=np.array([b"\xff\xfe"]))


def huge_files(file: h5py.File) -> None:
    for name, dtype in {"name": "S99", "sha256": "S64", "verdict": "S9", "reason": "S9", "entries": "u8"}.items():
        replaced(file, f"files/{name}", shape=(10**10,), dtype=dtype, chunks=(100,), compression="gzip")


def attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = value

    return change


HOSTILE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "4 TB in a column": (huge, r"`/ecal/step` claims 4000000000000 bytes"),
    "8 TB of events": (huge_events, r"`/tracker/indptr` claims"),
    "1 GB in a chunk": (huge_chunk, r"`/events/weight` has chunks of 1073741824 bytes"),
    "external storage": (external_storage, r"`/events/weight` is stored outside the file"),
    "virtual dataset": (virtual, r"`/events/weight` is stored outside the file"),
    "external link": (external_link, r"`/events/weight` is a link"),
    "soft link": (soft_link, r"`/events/weight` is a link"),
    "linked group": (linked_group, r"`/jets` is a link"),
    "a link beside the layout": (extra_link, r"`/extra` is a link"),
    "a group in itself": (loop, r"`/jets/again` is not a dataset"),
    "the root in itself": (root_loop, r"`/again/.*` is not a dataset"),
    "a named type": (named_type, r"`/jets/kind` is not a dataset"),
    "wrong dtype": (wrong_dtype, r"`/events/weight` is float64 \(12,\); expected float32"),
    "wrong byte order": (big_endian, r"`/events/weight` is >f4"),
    "wrong length": (wrong_length, r"`/events/weight` is float32 \(11,\); expected float32 \(12,\)"),
    "wrong width": (wrong_width, r"`/jets/box` is float32 .* 5\)"),
    "a group for a column": (a_group_for_a_column, r"`/events/weight` is not a dataset"),
    "a column for a group": (a_column_for_a_group, r"no `/jets`"),
    "no table": (no_table, r"no `/baseline`"),
    "no column": (no_column, r"no `/jets/mass`"),
    "indptr beyond the columns": (indptr_beyond, r"`/jets/.*` is .*; expected"),
    "indptr leaps": (indptr_leaps, r"/jets/indptr does not rise"),
    "indptr not from 0": (indptr_from_behind, r"/jets/indptr does not rise from 0"),
    "indptr negative": (indptr_negative, r"/jets/indptr does not rise from 0"),
    "more hits than pixels": (more_hits_than_pixels, r"event 6 has 122401 rows of /ecal, at most 122400"),
    "a thousand jets": (more_jets_than_an_event_has, r"event 1 has 1001 rows of /jets, at most 1000"),
    "a text for channels": (attribute("channels", "ecal"), r"attribute `channels` is 'ecal'; expected a list"),
    "other channels": (
        attribute("channels", ["ecal", "hcal"]),
        r"`channels` is \['ecal', 'hcal'\]; expected \['tracker'",
    ),
    "classes that are numbers": (
        attribute("class_names", [1, 2]),
        r"`class_names` is \[1, 2\]; expected a list of str",
    ),
    "a class twice": (attribute("class_names", ["b", "b"]), r"`class_names` is \['b', 'b'\]: empty or repeated"),
    "a pitch of 0": (attribute("eta_pitch", 0.0), r"not finite and above 0"),
    "a pitch that is no number": (attribute("eta_pitch", np.nan), r"eta_pitch, phi_pitch \(nan, .*not finite"),
    "pixels that do not go round": (attribute("phi_pitch", 0.01), r"phi_pitch 0.01 times 360 pixels is not the full"),
    "no phi pitch": (attribute("phi_pitch", None), r"attribute `phi_pitch` is missing"),
    "a huge image": (attribute("image_shape", [10**9, 360]), r"more pixels than"),
    "no /files": (no_files, r"no `/files`"),
    "fewer names than inputs": (fewer_names, r"`/files/sha256` is"),
    "names as numbers": (names_as_numbers, r"`/files/name` is float64"),
    "names that are not text": (names_not_utf8, r"damaged: 'utf-8' codec"),
    "1 TB of names": (huge_files, r"`/files/name` claims"),
    "not of this format": (attribute("format", "zenodo"), r"format 'zenodo'"),
    "no format": (attribute("format", None), r"format None"),
    "a later version": (
        attribute("format_version", "3.0"),
        r"version 3\.0 of the format; this jetimg reads 1\.0 to 2\.0",
    ),
    "no version": (attribute("format_version", "new"), r"version 'new'; expected .* version 2\.0 or older"),
    "not complete": (attribute("complete", None), r"not complete: its writer was stopped"),
    "complete is false": (attribute("complete", False), r"not complete"),
    "no number of events": (attribute("n_events", None), r"attribute `n_events` is missing"),
    "a text for a number": (attribute("n_events", "many"), r"attribute `n_events` is 'many'"),
    "fewer than no events": (attribute("n_events", -1), r"n_events -1"),
    "no classes": (attribute("class_names", None), r"attribute `class_names` is missing"),
    "classes that are not JSON": (attribute("class_names", "[b, t"), r"attribute `class_names` is '\[b, t'"),
    "an image without pixels": (attribute("image_shape", "[0, 360]"), r"image_shape \[0, 360\]"),
    "an image of texts": (attribute("image_shape", '["a", 360]'), r"image_shape"),
}


def changed(good: Path, folder: Path, change: Callable[[h5py.File], None]) -> Path:
    path = folder / "hostile.h5"
    shutil.copy(good, path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_a_reason_and_without_allocating(good: Path, tmp_path: Path, name: str) -> None:
    change, reason = HOSTILE[name]
    path = changed(good, tmp_path, change)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=reason) as caught, store.Reader(path) as reader:
            reader.read()
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert verify(path).faults == [str(caught.value)]


def test_a_bomb_is_refused_before_it_is_unpacked(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that are each in order, and together more than is read at once; verify takes smaller steps."""
    with store.Reader(good) as reader:
        whole = reader.read()
        monkeypatch.setattr(store, "MAX_READ", 4000)
        with pytest.raises(DataError, match=r"events 0 to 12 take \d+ bytes; at most 4000 are read at once"):
            reader.read()
        steps = list(reader.steps(5, 2500))
        assert [start for start, _ in steps] == [0, *(stop for _, stop in steps[:-1])]
        assert steps[-1][1] == 12
        assert 1 < max(stop - start for start, stop in steps) <= 5
        assert_equal(store.concatenate([reader.read(start, stop) for start, stop in steps]), whole)
        assert list(reader.steps(5, 1)) == [(event, event + 1) for event in range(12)]
    assert verify(good).faults == []


def test_a_huge_attribute_is_not_read(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetimg.event_file.attributes.MAX_BYTES", 39)
    with pytest.raises(DataError, match="attribute `class_names` claims 40 bytes; at most 39 are read"):
        store.Reader(good)


def test_a_minor_version_to_come_is_read(good: Path, tmp_path: Path) -> None:
    with store.Reader(changed(good, tmp_path, attribute("format_version", "2.7"))) as reader:
        assert reader.n_events == 12


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"root and so on", None])
def test_what_is_not_hdf5_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="not a readable HDF5 file"):
        store.Reader(path)


def test_flipped_bits_in_a_column_never_give_other_values(good: Path, tmp_path: Path) -> None:
    """zlib's checksum notices them; a flip in a run of zeros copied from other zeros changes nothing."""
    with store.Reader(good) as reader:
        expected = reader.read()
    with h5py.File(good) as file:
        chunks = {
            data.name: data.id.get_chunk_info(0)
            for table in file
            for data in file[table].values()
            if data.chunks and data.id.get_num_chunks()
        }
    assert len(chunks) > 20
    path, refused = tmp_path / "flipped.h5", 0
    for chunk in chunks.values():
        content = bytearray(good.read_bytes())
        content[chunk.byte_offset + chunk.size // 3] ^= 0x10
        path.write_bytes(content)
        try:
            with store.Reader(path) as reader:
                assert_equal(reader.read(), expected)
        except DataError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
            refused += 1
    assert refused > len(chunks) / 2


def test_bytes_flipped_anywhere_never_end_in_anything_but_a_verdict(good: Path, tmp_path: Path) -> None:
    """The metadata too: whatever h5py raises becomes a DataError, or the file is still good to read."""
    content = good.read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    path = tmp_path / "flipped.h5"
    for place in rng.integers(0, len(content), 50):
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        refused += bool(verify(path).faults)
    assert refused > 5


def test_cut_anywhere_is_refused(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    path = tmp_path / "cut.h5"
    for length in np.random.default_rng(8).integers(0, len(content), 30):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            store.Reader(path)
