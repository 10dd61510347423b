"""Inputs at root:// addresses, from a real server: the same events, and a server in trouble is no verdict on a file."""

import importlib.util
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jetimg.cli.main import app
from tests.helpers import xrootd
from tests.workflow.test_snakemake import ROOT, campaign, snakemake

EVENTS, LIST = "out/events/tt/00000.h5", "out/lists/tt.txt"
# XRootD's client waits up to half an hour by itself.
IMPATIENT = {
    "XRD_CONNECTIONRETRY": "1",
    "XRD_CONNECTIONWINDOW": "2",
    "XRD_REQUESTTIMEOUT": "4",
    "XRD_STREAMTIMEOUT": "2",
    "XRD_STREAMERRORWINDOW": "2",
    "XRD_TIMEOUTRESOLUTION": "1",
}


@pytest.fixture
def way(monkeypatch):
    """The way to a server that has tt.root."""
    if importlib.util.find_spec("snakemake_storage_plugin_xrootd") is None:
        pytest.skip("snakemake-storage-plugin-xrootd is not installed (pip install jetimg[xrootd])")
    if reason := xrootd.why_not():
        pytest.skip(reason)
    for name, value in IMPATIENT.items():
        monkeypatch.setenv(name, value)
    with xrootd.xrootd(ROOT / "tests/data/tt.root") as server:
        made = xrootd.Way(server)
        yield made
        made.close()


def remote(folder: Path, way: xrootd.Way) -> Path:
    """A campaign with a file on the server."""
    address = f"root://127.0.0.1:{way.port}//tt.root"
    return campaign(folder, (), samples={"tt": {"files": [address], "events_per_file": 2}})


def test_two_servers_with_files_of_one_name(way, tmp_path):
    """Each input has the bytes of its own file."""
    (tmp_path / "other").mkdir()
    other = shutil.copy(ROOT / "tests/data/bb.root", tmp_path / "other/tt.root")
    with xrootd.xrootd(Path(other)) as port:
        names = [f"127.0.0.1:{server}/tt.root" for server in (way.port, port)]
        files = [f"root://{name.replace('/', '//')}" for name in names]
        there = campaign(tmp_path / "there", (), samples={"tt": {"files": files}})
        copies = [f"out/fetched/tt/{name}" for name in names]
        run = snakemake(there, *copies)
        assert run.returncode == 0, run.stdout + run.stderr
    fetched = [(there / copy).read_bytes() for copy in copies]
    assert fetched == [(ROOT / f"tests/data/{name}.root").read_bytes() for name in ("tt", "bb")]


def from_disk(there: Path) -> bytes:
    """The event file of the same file, which stands in this folder where the other campaign keeps its copy."""
    copy = Path((there / LIST).read_text().strip())  # names are in the data
    copy.parent.mkdir(parents=True)
    shutil.copy(ROOT / "tests/data/tt.root", copy)
    Path(EVENTS).parent.mkdir(parents=True)
    settings = ["--settings", str(there / "out/settings/images.yaml"), "--expect", "2", "--keep-going"]
    done = CliRunner().invoke(app, ["convert", str(copy), "--sample", "tt", *settings, "--output", EVENTS])
    assert done.exit_code == 0, done.output
    return Path(EVENTS).read_bytes()


@pytest.mark.parametrize("hang", [False, True], ids=["dies", "hangs"])
def test_a_server_in_trouble_is_no_verdict(way, tmp_path, monkeypatch, hang):
    there = remote(tmp_path / "there", way)
    way.limit, way.hang = 200_000, hang  # bytes of 430,000
    run = snakemake(there, EVENTS, LIST)
    assert run.returncode != 0
    assert f"root://127.0.0.1:{way.port}//tt.root: [FATAL]" in run.stdout + run.stderr
    assert not (there / "out/events").exists()
    assert list((there / "out").rglob("*.root")) == []
    if hang:
        return
    way.limit = None
    run = snakemake(there, EVENTS, LIST)
    assert run.returncode == 0, run.stdout + run.stderr
    monkeypatch.chdir(tmp_path)
    assert (there / EVENTS).read_bytes() == from_disk(there)
