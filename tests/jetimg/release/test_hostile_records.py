"""Records made to do harm: nothing outside the target is touched, and the error names the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from jetimg.common import checksums
from jetimg.common.errors import DataError
from tests.helpers.campaigns import edit_manifest, list_again
from tests.helpers.downloads import FILE, contents, fetch
from tests.helpers.zenodo import Zenodo

pytest.importorskip("zenodo_get")


class TestMaliciousRecords:
    """Nothing outside the target is touched, nothing is fetched, and the error names the file."""

    def refused(self, server: Zenodo, target: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
        def listing(content: dict[str, Any]) -> dict[str, Any]:
            change(content["files"][0])
            return content

        server.listing = listing
        before = contents(target.parent)
        with pytest.raises(DataError, match=message):
            fetch(server, target)
        assert server.requests(FILE) == []
        assert contents(target.parent) == before

    @pytest.mark.parametrize(
        "name",
        [
            "../escaped",
            "../../escaped",
            "/tmp/escaped",
            "a/b",
            "..",
            ".",
            "",
            ".hidden",
            "-e",
            "*",
            "[a]",
            "a\\b",
            "C:x",
            "a\nb",
            "a\0b",
            "~root",
            "x" * 300,
            "caf\u00e9",
            None,
            7,
        ],
    )
    @pytest.mark.parametrize("key", ["key", "filename"])
    def test_names_that_lead_elsewhere(
        self, server: Zenodo, record: dict[str, bytes], target: Path, key: str, name: object
    ) -> None:
        """zenodo-get prefers `filename` to `key`: both are looked at."""
        self.refused(server, target, lambda file: file.update({key: name}), "not a plain file name .* refused")

    @pytest.mark.parametrize("size", [-1, 1.5, "12", None, True])
    def test_wrong_sizes(self, server: Zenodo, record: dict[str, bytes], target: Path, size: object) -> None:
        self.refused(server, target, lambda file: file.update(size=size), "size .*: refused")

    def test_sizes_beyond_every_limit(self, server: Zenodo, record: dict[str, bytes], target: Path) -> None:
        self.refused(server, target, lambda file: file.update(size=10**15), "bytes; at most 200000000000 are taken")

    def test_sizes_beyond_the_disk(
        self, server: Zenodo, record: dict[str, bytes], target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        with pytest.raises(DataError, match="bytes to fetch, 1000 free"):
            fetch(server, target)
        assert server.requests(FILE) == []

    @pytest.mark.parametrize("checksum", ["", "md5:", "sha256:" + "0" * 64, "md5:" + "g" * 32, None])
    def test_checksums_that_are_none(
        self, server: Zenodo, record: dict[str, bytes], target: Path, checksum: object
    ) -> None:
        self.refused(server, target, lambda file: file.update(checksum=checksum), "checksum .* expected md5")

    @pytest.mark.parametrize("link", ["http://10.0.0.1/secret", "file:///etc/passwd", "https://zenodo.org.evil/x", 7])
    def test_links_to_other_servers(self, server: Zenodo, record: dict[str, bytes], target: Path, link: object) -> None:
        self.refused(server, target, lambda file: file.update(links={"self": link}), "another server: refused")

    def test_two_files_of_one_name(self, server: Zenodo, record: dict[str, bytes], target: Path) -> None:
        self.refused(server, target, lambda file: file.update(key="MANIFEST.json"), "two files named")

    def test_more_bytes_than_the_record_says(self, server: Zenodo, record: dict[str, bytes], target: Path) -> None:
        """The rest of an endless file is not written: the limit stops zenodo-get."""
        server.deposits[1].files["notes.txt"] = bytes(40_000_000)

        def listing(content: dict[str, Any]) -> dict[str, Any]:
            for file in content["files"]:
                if file["key"] == "notes.txt":
                    file["size"] = 10
            return content

        server.listing = listing
        with pytest.raises(DataError, match=r"notes\.txt: \d+ bytes, 10 in the record: refused") as caught:
            fetch(server, target)
        found = int(str(caught.value).split("notes.txt: ")[1].split()[0])
        assert found <= (1 << 20) + 1

    def test_a_listing_that_changes_between_looks(self, server: Zenodo, record: dict[str, bytes], target: Path) -> None:
        """Harmless when we look, `../escaped` when zenodo-get does: only names we saw are asked for."""
        looks: list[int] = []

        def listing(content: dict[str, Any]) -> dict[str, Any]:
            looks.append(1)
            if len(looks) > 1:
                content["files"][0]["key"] = "../../escaped"
            return content

        server.listing = listing
        with pytest.raises(DataError, match=r": missing: refused"):
            fetch(server, target)
        assert not list(target.parent.rglob("escaped"))
        assert not target.exists()

    @pytest.mark.parametrize("answer", [[], {"files": []}, {"files": "all"}, {"files": [1]}, "record", None])
    def test_answers_that_are_no_records(
        self, server: Zenodo, record: dict[str, bytes], target: Path, answer: object
    ) -> None:
        server.listing = lambda _: answer
        with pytest.raises(DataError, match=r"records/1: "):
            fetch(server, target)
        assert not target.exists()


def event_file_with(path: Path, change: Callable[[h5py.File], None]) -> bytes:
    with h5py.File(path, "r+") as file:
        change(file)
    return path.read_bytes()


def absurd_counts(file: h5py.File) -> None:
    del file["tracker/value"]
    file["tracker"].create_dataset("value", (10**12,), "<f4", chunks=(65536,), compression="gzip")


def external_link(file: h5py.File) -> None:
    del file["tracker/value"]
    file["tracker/value"] = h5py.ExternalLink("/etc/passwd", "/")


def external_storage(file: h5py.File) -> None:
    shape = file["events/weight"].shape
    del file["events/weight"]
    file["events"].create_dataset("weight", shape, "<f4", external=[("/etc/passwd", 0, 4 * shape[0])])


def absurd_events(file: h5py.File) -> None:
    file.attrs["n_events"] = 2**62


def absurd_inputs(file: h5py.File) -> None:
    del file["files/name"]
    file["files"].create_dataset("name", (10**12,), "S100", chunks=(1000,), compression="gzip")


def no_inputs(file: h5py.File) -> None:
    del file["files"]


def no_count(file: h5py.File) -> None:
    del file.attrs["n_events"]


def bomb(file: h5py.File) -> None:
    """A chunk far larger than its dataset: read, it would be 4 GB."""
    rows = file["tracker/value"].shape
    del file["tracker/value"]
    file["tracker"].create_dataset("value", rows, "<f4", maxshape=(None,), chunks=(1 << 29,), compression="gzip")


def packed_twice(file: h5py.File) -> None:
    """Deflate packs a thousand to one; twice, a million: no stored size tells what comes out."""
    rows = file["tracker/value"].shape
    del file["tracker/value"]
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk((1024,))
    layout.set_deflate(9)
    layout.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
    space = h5py.h5s.create_simple(rows)
    h5py.h5d.create(file["tracker"].id, b"value", h5py.h5t.IEEE_F32LE, space, layout)
    file["tracker/value"][:] = 1.0


HOSTILE = [
    absurd_counts,
    external_link,
    external_storage,
    absurd_events,
    absurd_inputs,
    no_inputs,
    no_count,
    bomb,
    packed_twice,
]


@pytest.mark.parametrize("change", HOSTILE)
@pytest.mark.parametrize("kind", ["release", "loose"])
def test_hostile_event_files_are_refused_by_name(
    server: Zenodo, released: Path, target: Path, change: Callable[[h5py.File], None], kind: str
) -> None:
    """With every checksum right: in a release whose manifest names it, or as a loose file of a record."""
    content = event_file_with(released / "train-00000.h5", change)
    if kind == "release":
        list_again(released / "train-00000.h5")
        names = set(contents(released)) - {checksums.MD5, checksums.SHA256}
        checksums.write(released, {name: checksums.of(released / name) for name in names})
        server.add_record(contents(released))
    else:
        server.add_record({"train-00000.h5": content})
    with pytest.raises(DataError, match=rf"(?s){target}/train-00000\.h5: .*refused, and nothing of it was kept"):
        fetch(server, target)
    assert not target.exists()


def test_a_manifest_that_names_files_elsewhere_is_refused(server: Zenodo, released: Path, target: Path) -> None:
    edit_manifest(released, lambda said: said["shards"][0].update(name="../../../etc/passwd"))
    names = set(contents(released)) - {checksums.MD5, checksums.SHA256}
    checksums.write(released, {name: checksums.of(released / name) for name in names})
    server.add_record(contents(released))
    with pytest.raises(DataError, match=r"manifest\.json: not a manifest"):
        fetch(server, target)
