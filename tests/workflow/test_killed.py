"""Snakemake killed in the middle of a campaign, first alone, then with all that it started, and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from tests.helpers.plain_profile import plain_profile
from tests.workflow.test_rerun import campaign, changed, state
from tests.workflow.test_snakemake import ROOT, digests, snakemake

# No shard but that for training: fewer jobs.
SHARDING = {"validation_fraction": 0.0, "test_fraction": 0.0}
SAMPLES = {"tt": {"simulate": {"files": 2}, "events_per_file": 2}}
MADE = ("events/*/*.h5", "simulated/*/*.json", "simulated/*/*.root")


def small(folder: Path, faults: dict[str, str], patch: pytest.MonkeyPatch) -> Path:
    campaign(folder, faults, patch, samples=SAMPLES, minutes=10.0)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"sharding": SHARDING}))
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        folder = small(tmp_path_factory.mktemp("well"), {}, patch)
        run = snakemake(folder, "dataset")
    assert run.returncode == 0, run.stderr
    return digests(folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield small(tmp_path, {"tt/1": "hang"}, monkeypatch)
    for process in ours(tmp_path):
        process.kill()


def ours(folder: Path, command: str = "") -> list[psutil.Process]:
    """Processes that work in the folder, the oldest first; those that have ended work nowhere."""
    there = [one for one in psutil.process_iter(["cwd", "cmdline", "create_time"]) if one.info["cwd"] == str(folder)]
    chosen = [one for one in there if " ".join(one.info["cmdline"] or ()).startswith(command)]
    return sorted(chosen, key=started_at)


def started_at(process: psutil.Process) -> float:
    return float(process.info["create_time"])


def simulations(folder: Path) -> list[psutil.Process]:
    return ours(folder, f"{sys.executable} {ROOT}/tests/helpers/stand_in.py")


def started(folder: Path, hanging: int) -> subprocess.Popen[bytes]:
    """Starts the campaign, and waits until simulations of tt/00001, which hang, are all that is left to do."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2", "dataset"]
    command += ["--configfile", str(folder / "config.yaml"), *plain_profile()]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    wait_until(lambda: process.poll() is not None or waits(folder, hanging))
    assert process.poll() is None, (folder / "run.log").read_text()
    return process


def waits(folder: Path, hanging: int) -> bool:
    """Snakemake keeps a mark of each output that is being made, and takes it away when its job is done."""
    if not (folder / "out/events/tt/00000.h5").is_file() or len(simulations(folder)) != hanging:
        return False
    return len(list((folder / ".snakemake/incomplete").iterdir())) == 1


def wait_until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not found():
        assert time.monotonic() < end
        time.sleep(0.5)


def made(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {name: seen for pattern in MADE for name, seen in state(folder, pattern).items()}


def of_file(index: str) -> set[str]:
    return {f"out/events/tt/{index}.h5", f"out/simulated/tt/{index}.json", f"out/simulated/tt/{index}.root"}


def unlocked(folder: Path) -> None:
    """The lock that Snakemake left is told, with the remedy that README names; nothing is touched."""
    before = state(folder, "**/*.*")
    locked = snakemake(folder, "dataset")
    assert locked.returncode != 0
    assert "--unlock" in locked.stdout + locked.stderr
    assert snakemake(folder, "--unlock").returncode == 0
    assert state(folder, "**/*.*") == before


def test_a_killed_campaign_goes_on_and_redoes_only_what_was_unfinished(
    folder: Path, undisturbed: dict[str, str]
) -> None:
    first = started(folder, hanging=1)
    finished = made(folder)
    assert set(finished) == of_file("00000")
    first.kill()
    first.wait()
    assert simulations(folder), "its jobs run on"
    unlocked(folder)

    second = started(folder, hanging=2)
    orphan, *_ = simulations(folder)
    begun = psutil.Process(second.pid).create_time()
    orphan.kill()  # who waited for it, from before the first kill, has to change nothing
    wait_until(lambda: not any(started_at(process) < begun for process in ours(folder)))
    assert made(folder) == finished
    for process in ours(folder):
        process.kill()
    second.wait()
    wait_until(lambda: not ours(folder))
    assert list(folder.glob("out/simulated/tt/.*.partial")), "killed in the middle"
    assert snakemake(folder, "--unlock").returncode == 0

    (folder / "faults.json").write_text("{}")
    third = snakemake(folder, "dataset")
    assert third.returncode == 0, third.stderr
    assert digests(folder) == undisturbed
    assert changed(finished, made(folder)) == of_file("00001")
    assert [third.stderr.count(f"rule {rule}:") for rule in ("simulate", "convert")] == [1, 1]
    assert not list(folder.glob("out/**/.*.partial"))
