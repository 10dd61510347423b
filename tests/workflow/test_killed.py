"""Snakemake killed in the middle of a campaign, alone or with all that it started, and started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.workflow.test_rerun import campaign, changed, state
from tests.workflow.test_snakemake import ROOT, digests, snakemake

SAMPLES = {
    "tt": {"simulate": {"files": 2}, "events_per_file": 2},
    "tth": {"simulate": {"files": 1}, "events_per_file": 2, "test": True},
}
# What can be done while tt/00001 hangs: settings of images, lists of two samples, of events and of splits, two of
# three simulations, their conversions, one check.
FINISHED = 10


def ours(folder: Path) -> list[psutil.Process]:
    """Processes that work in the folder."""
    found = psutil.process_iter(["cwd"])
    return [process for process in found if process.info["cwd"] == str(folder)]


def small(folder, faults, monkeypatch):
    return campaign(folder, faults, monkeypatch, samples=SAMPLES, minutes=10.0)


def started(folder: Path) -> subprocess.Popen[bytes]:
    """Starts the campaign and waits until all is done that can be done."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "2", "dataset"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    with (folder / "first.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    for _ in range(3000):
        if (folder / "first.log").read_text().count("Finished jobid") == FINISHED or process.poll() is not None:
            break
        time.sleep(0.1)
    assert process.poll() is None, (folder / "first.log").read_text()
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = small(tmp_path_factory.mktemp("well"), {}, patch)
        run = snakemake(folder, "dataset")
    assert run.returncode == 0, run.stderr
    return digests(folder)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    yield small(tmp_path, {"tt/1": "hang"}, monkeypatch)
    for process in ours(tmp_path):
        process.kill()


@pytest.mark.parametrize("orphans", [True, False], ids=["orphans run on", "everything is killed"])
def test_a_killed_campaign_goes_on_and_redoes_only_what_was_unfinished(folder, undisturbed, orphans):
    process = started(folder)
    finished = state(folder, "events/*/*.h5") | state(folder, "simulated/*/*.json")
    (os.kill if orphans else os.killpg)(process.pid, signal.SIGKILL)
    process.wait()
    if not orphans:
        children = ours(folder)
        for child in children:  # a simulation has a process group of its own
            child.kill()
        psutil.wait_procs(children, timeout=60)
    assert bool(ours(folder)) == orphans
    assert len(finished) == 4

    (folder / "faults.json").write_text("{}")
    if orphans:
        locked = snakemake(folder, "dataset")
        assert locked.returncode != 0
        assert "--unlock" in locked.stdout + locked.stderr
    assert snakemake(folder, "--unlock").returncode == 0
    second = snakemake(folder, "dataset")
    assert second.returncode == 0, second.stderr
    assert digests(folder) == undisturbed
    now = state(folder, "events/*/*.h5") | state(folder, "simulated/*/*.json")
    assert changed(finished, now) == {"out/events/tt/00001.h5", "out/simulated/tt/00001.json"}
    assert [second.stderr.count(f"rule {rule}:") for rule in ("simulate", "convert")] == [1, 1]

    assert not list(folder.glob("out/**/.*.partial"))
    if orphans:
        _end_orphans(folder)
        assert "Nothing to be done" in (nothing := snakemake(folder, "dataset")).stdout + nothing.stderr


def _end_orphans(folder):
    """What orphans do at their end changes nothing but their log."""
    made = state(folder, "**/*.*")
    for orphan in ours(folder):
        if orphan.cmdline()[1].endswith("stand_in.py"):
            orphan.kill()
    for orphan in ours(folder):
        orphan.wait(timeout=60)
    assert changed(made, state(folder, "**/*.*")) <= {"out/logs/simulate/tt/00001.log"}
