"""Downloading with zenodo-get: whole and verified, or not at all, whatever the record and the network do."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jetimg import load
from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.dataset import parts
from jetimg.dataset.verify import verify
from jetimg.release import cached
from jetimg.release.remote_files import Source, source
from jetimg.release.zenodo import PRODUCTION, SANDBOX, Patience
from tests.helpers.downloads import FILE, asked, contents, fetch
from tests.helpers.zenodo import TOKEN, Zenodo

pytest.importorskip("zenodo_get")

ROOT = Path(__file__).parents[3]


def test_a_release_comes_whole_and_verified(server: Zenodo, record: dict[str, bytes], target: Path) -> None:
    assert fetch(server, target)
    assert contents(target) == record
    assert verify(target).faults == []
    assert sorted(asked(server)) == sorted(record)
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "downloaded",
        "downloaded.download.json",
        "release",
    ]


def test_what_is_there_is_not_asked_for_again(server: Zenodo, record: dict[str, bytes], target: Path) -> None:
    fetch(server, target)
    server.log.clear()
    assert not fetch(server, target)
    assert server.log == []


def test_a_damaged_download_is_mended_by_the_damaged_file_alone(
    server: Zenodo, record: dict[str, bytes], target: Path
) -> None:
    fetch(server, target)
    (target / "train-00000.h5").write_bytes(b"damaged")
    server.log.clear()
    assert fetch(server, target)
    assert asked(server) == ["train-00000.h5"]
    assert contents(target) == record


@pytest.mark.parametrize("seed", range(3))
def test_connections_dropped_at_random_only_cost_time(
    server: Zenodo, record: dict[str, bytes], target: Path, seed: int
) -> None:
    kinds = random.Random(seed).choices(["drop", "cut", 502, 503, 504, 429], k=6)
    server.faults = [(FILE, kind) for kind in kinds] + [(r"records/1$", "drop"), (r"records/1$", 500)]
    fetch(server, target, patience=Patience(6, 0.01, 0.02))
    assert contents(target) == record


def test_a_second_call_fetches_only_what_is_missing(server: Zenodo, record: dict[str, bytes], target: Path) -> None:
    """A cut connection leaves a partial file under the final name; it is not taken for the file."""
    server.faults = [(rf"{FILE}train-00001", "cut")] * 50
    with pytest.raises(DataError, match=r"train-00001\.h5: (missing|\d+ bytes, \d+ in the record): refused"):
        fetch(server, target)
    assert not target.exists()
    server.faults, server.log = [], []
    fetch(server, target)
    assert asked(server) == ["train-00001.h5"]
    assert contents(target) == record


def test_a_killed_download_is_finished_by_the_next_call(server: Zenodo, record: dict[str, bytes], target: Path) -> None:
    server.pace = 0.01
    call = [sys.executable, "-m", "jetimg", "download", "1", "--url", server.url, "--output", str(target)]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(asked(server)) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not target.exists()
    time.sleep(0.5)
    arrived = asked(server)[:-1]
    assert arrived
    server.pace, server.log = 0.0, []
    time.sleep(0.5)
    assert server.log == []  # zenodo-get ended with the command that started it
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(target) == record
    assert set(arrived).isdisjoint(asked(server))


def test_a_corrupted_file_on_the_server_is_refused_and_the_others_are_kept(
    server: Zenodo, record: dict[str, bytes], target: Path
) -> None:
    """zenodo-get stops at the first bad checksum; ours names it and still has all the others."""
    server.faults = [(rf"{FILE}manifest", "corrupt")] * 50
    with pytest.raises(DataError, match=r"manifest\.json: md5 [0-9a-f]{32}, [0-9a-f]{32} in the record: refused"):
        fetch(server, target)
    assert not target.exists()
    server.faults, server.log = [], []
    fetch(server, target)
    assert asked(server) == ["manifest.json"]


def test_a_record_with_consistent_md5_but_another_sha256_is_refused(
    server: Zenodo, record: dict[str, bytes], target: Path
) -> None:
    """Whoever can change a record can change its md5 list too; the release's own list still tells."""
    shard = bytearray(record["train-00000.h5"])
    shard[len(shard) // 2] ^= 1
    server.add_record(record | {"train-00000.h5": bytes(shard)})
    with pytest.raises(DataError, match=rf"(?s){target}/train-00000\.h5: its sha256 is .*nothing of it was kept"):
        fetch(server, target)
    assert [path.name for path in target.parent.iterdir()] == ["release"]


def test_several_records_become_the_data_set_they_were(
    server: Zenodo, dataset: Path, split: Path, target: Path
) -> None:
    """Training finds the manifest and all shards in one folder, in whatever order the records are given."""
    for number, folder in enumerate(parts.folders(split), 1):
        server.add_record(contents(folder), number)
    fetch(server, target, "3", "1", "2")
    report = verify(target)
    assert (report.faults, report.n_events) == ([], 12)
    for name, content in contents(dataset).items():
        assert (target / name).read_bytes() == content
    assert (target / "record-2" / "README.md").read_bytes() == (split / "record-2" / "README.md").read_bytes()
    server.log.clear()
    assert not fetch(server, target, "3", "1", "2")
    assert server.log == []


def test_some_of_several_records(server: Zenodo, split: Path, target: Path) -> None:
    """One is of use by itself; two of three are a mistake."""
    for number, folder in enumerate(parts.folders(split), 1):
        server.add_record(contents(folder), number)
    with pytest.raises(DataError, match=r"parts \[1, 2\] of 3; give each part once"):
        fetch(server, target, "1", "2")
    fetch(server, target.with_name("one"), "2")
    assert verify(target.with_name("one")).faults == []
    server.add_record({"a.txt": b"a"}, 7)
    with pytest.raises(DataError, match="not parts of one release"):
        fetch(server, target, "1", "7")


def test_a_record_of_somebody_else_is_kept_as_it_is(server: Zenodo, target: Path) -> None:
    """The published PF-Jet-SSD files are HDF5 of another layout, without our lists."""
    server.add_record({"a.h5": b"not even HDF5", "b.txt": b"text"})
    fetch(server, target)
    assert contents(target) == {"a.h5": b"not even HDF5", "b.txt": b"text"}


def test_a_folder_with_other_content_is_not_touched(server: Zenodo, record: dict[str, bytes], target: Path) -> None:
    target.mkdir()
    (target / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="exists and was not downloaded by this command"):
        fetch(server, target)
    assert contents(target) == {"thesis.tex": b"years of work"}
    assert server.log == []


def test_another_record_does_not_replace_the_first(server: Zenodo, record: dict[str, bytes], target: Path) -> None:
    fetch(server, target)
    with pytest.raises(DataError, match=r"holds http://.*/records/1; choose another folder"):
        fetch(server, target, "2")


def test_a_record_that_is_not_there_is_named(server: Zenodo, target: Path) -> None:
    with pytest.raises(DataError, match=r"/api/records/5: status 404: no such record"):
        fetch(server, target, "5")


def test_the_token_is_not_handed_to_the_program(
    server: Zenodo, record: dict[str, bytes], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, str]] = []
    start = subprocess.Popen

    def spy(*args: Any, **options: Any) -> Any:
        given.append(options["env"])
        return start(*args, **options)

    monkeypatch.setattr(subprocess, "Popen", spy)
    fetch(server, target)
    assert given
    assert all("ZENODO_TOKEN" not in environment for environment in given)
    assert TOKEN.encode() not in b"".join(contents(target.parent).values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4883651", Source(PRODUCTION, "4883651")),
        ("10.5281/zenodo.4883651", Source(PRODUCTION, "4883651")),
        ("https://doi.org/10.5281/zenodo.4883651", Source(PRODUCTION, "4883651")),
        ("doi:10.5072/zenodo.12", Source(SANDBOX, "12")),
    ],
)
def test_what_names_a_record(text: str, expected: Source) -> None:
    assert source(text, PRODUCTION) == expected


@pytest.mark.parametrize("text", ["", "../1", "1/../2", "10.1000/182", "zenodo", "10.5281/zenodo.1/x"])
def test_what_does_not_name_a_record(text: str) -> None:
    with pytest.raises(DataError, match="not a record; expected a DOI"):
        source(text, PRODUCTION)
    assert CliRunner().invoke(app, ["download", text, "-o", "never"]).exit_code == 2


def test_a_link_in_place_of_a_folder_is_refused_before_anything_is_asked(
    server: Zenodo, record: dict[str, bytes], target: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    for link in (target.with_name(f".{target.name}.download"), target):
        link.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(DataError, match=r"is a link to .*elsewhere; remove it"):
            fetch(server, target)
        link.unlink()
    assert server.log == []
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_record_is_loaded_and_downloaded_once(
    server: Zenodo, record: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "PRODUCTION", server.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "jetimg" / "zenodo-1"
    assert len(load("10.5281/zenodo.1")) == 12
    asked = len(server.log)
    assert len(load("1", "train", cache=tmp_path / "jetimg")) == len(load(folder, "train"))
    assert len(server.log) == asked > 0
    with pytest.raises(DataError, match="no such record"):
        load("doi:10.5281/zenodo.2")
