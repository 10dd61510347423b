"""Campaigns of simulations that fail, and one that is killed, alone or with all that it started: how each is mended."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from jetimg.dataset.plan import SPLITS
from tests.workflow.test_snakemake import ROOT, digests, snakemake

# Other faults than these, one file at a time: tests/workflow/campaign/test_attempt.py.
FAULTS = {"tt/0": "exit", "tt/1": "short", "bb/0": "hang"}
SAMPLES = {
    "tt": {"simulate": {"files": 2}, "events_per_file": 2},
    "bb": {"simulate": {"files": 1}, "events_per_file": 2},
    "tth": {"simulate": {"files": 1}, "events_per_file": 2, "test": True},
}
# What can be done while tt/00001 hangs: settings of images, lists of three samples, of events and of splits, three of
# four simulations, their conversions, two checks.
FINISHED = 14


def campaign(folder, faults, monkeypatch, samples=SAMPLES, minutes=0.1):
    (folder / "out/simulated/pool").mkdir(parents=True)
    for split in SPLITS:
        (folder / "out/simulated/pool" / split).touch()  # the stand-in needs none
    config = {
        "results": "out",
        "samples": samples,
        "simulation": {
            "program": f"{sys.executable} {ROOT}/tests/helpers/stand_in.py",
            "backend": "embedded",
            "tries": 1,
            "minutes": minutes,
        },
        "files_per_job": 1,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "faults.json").write_text(json.dumps(faults))
    monkeypatch.setenv("FAULTS", str(folder / "faults.json"))
    return folder


def state(folder, pattern):
    """Time and checksum of files."""
    paths = sorted((folder / "out").glob(pattern))
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).digest())
        for p in paths
        if p.is_file()
    }


def changed(before, after):
    return {name for name in after if after[name] != before.get(name)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = campaign(tmp_path_factory.mktemp("well"), {}, patch)
        run = snakemake(folder, "dataset")
    assert run.returncode == 0, run.stderr
    return digests(folder)


def test_failures_are_told_and_mended_sample_by_sample(tmp_path, monkeypatch, undisturbed):
    folder = campaign(tmp_path, FAULTS, monkeypatch)
    first = snakemake(folder, "dataset")
    assert first.returncode != 0
    assert "bad input files in bb, tt (allowed: none)" in first.stderr
    for name, why in {"bb/00000": "timed-out", "tt/00001": "short", "tt/00000": "crashed: exit code 1"}.items():
        assert any(name in line and why in line for line in first.stderr.splitlines()), name
    assert len(list((folder / "out/events").glob("*/*.h5"))) == 4  # every file has its event file, good or bad

    (folder / "faults.json").write_text("{}")
    records, files = state(folder, "simulated/*/*.json"), state(folder, "simulated/*/*.root")
    events = state(folder, "events/*/*.h5")
    again = snakemake(folder, "rerun_failed", "--config", "only=tt")
    assert again.returncode != 0  # bb still fails
    assert "bad input files in bb (allowed: none)" in again.stderr
    assert "To be simulated again: out/simulated/tt/00000.again out/simulated/tt/00001.again" in again.stderr
    mended = {"tt/00000", "tt/00001"}
    assert changed(records, state(folder, "simulated/*/*.json")) == {f"out/simulated/{name}.json" for name in mended}
    assert changed(files, state(folder, "simulated/*/*.root")) == {f"out/simulated/{name}.root" for name in mended}
    assert changed(events, state(folder, "events/*/*.h5")) == {f"out/events/{name}.h5" for name in mended}

    before = state(folder, "**/*")
    dry = snakemake(folder, "rerun_failed", "--dry-run")
    assert "To be simulated again: out/simulated/bb/00000.again" in dry.stdout + dry.stderr
    assert state(folder, "**/*") == before

    last = snakemake(folder, "rerun_failed")
    assert last.returncode == 0, last.stderr
    assert digests(folder) == undisturbed
    assert "Nothing to be done" in (nothing := snakemake(folder, "dataset")).stdout + nothing.stderr


def test_a_file_that_fails_twice_is_made_a_third_time(tmp_path, monkeypatch):
    """Each mark differs from the one before: Snakemake passes over newer files that have the old content."""
    samples = {"tt": SAMPLES["tt"] | {"simulate": {"files": 1}}, "tth": SAMPLES["tth"]}
    folder = campaign(tmp_path, {"tt/0": "exit"}, monkeypatch, samples)
    assert snakemake(folder, "out/simulated/tt/00000.json").returncode == 0
    for _ in range(2):
        before = state(folder, "simulated/tt/*.json")
        assert "bad input files in tt" in snakemake(folder, "rerun_failed").stderr
        assert changed(before, state(folder, "simulated/tt/*.json")) == {"out/simulated/tt/00000.json"}


def ours(folder: Path) -> list[psutil.Process]:
    """Processes that work in the folder."""
    found = psutil.process_iter(["cwd"])
    return [process for process in found if process.info["cwd"] == str(folder)]


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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    yield campaign(tmp_path, {"tt/1": "hang"}, monkeypatch, minutes=10.0)
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
    assert len(finished) == 6

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
