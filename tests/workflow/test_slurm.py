"""The small campaign on a real Slurm of three nodes, on which everything goes wrong: the same bytes as without it."""

import importlib.util
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import slurm
from tests.helpers.programs import instead_of_jetimg
from tests.workflow.test_snakemake import ROOT, campaign, digests, snakemake

pytestmark = pytest.mark.slurm

# Of the profile only what two cores and a test in a hurry need otherwise.
PROFILE = ["--profile", str(ROOT / "workflow/profiles/slurm")]
HURRY = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
# A conversion takes more memory than its job has on the first try, and holds it until it is killed.
GREEDY = """\
#!/bin/sh
case "$SLURM_MEM_PER_NODE $*" in
"800 convert "*" --sample tt "* | "400 convert "*" --sample tth "*)
    exec {python} -c "import time; taken = b'x' * 1_000_000_000; time.sleep(600)" ;;
esac
exec {jetimg} "$@"
"""


@pytest.fixture(scope="module")
def scheduler():
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("snakemake-executor-plugin-slurm is not installed (pip install jetimg[slurm])")
    if reason := slurm.why_not():
        pytest.skip(reason)
    with slurm.slurm(slurm.Nodes(3, cores=2)) as running:
        yield running


def four(folder: Path, **changes) -> Path:
    """A campaign with four conversions in one sample, and one in another."""
    campaign(folder, ("tt", "tth"), files_per_job=1, **changes)
    for number, name in enumerate(("bb", "hh", "WW"), start=1):
        shutil.copy(ROOT / f"tests/data/{name}.root", folder / f"data/tt/{number}.root")
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The data set of a run without Slurm."""
    folder = four(tmp_path_factory.mktemp("local"))
    run = snakemake(folder, "dataset")
    assert run.returncode == 0, run.stderr
    return digests(folder)


class Watcher(threading.Thread):
    """Notes every job that the scheduler sees, and does something once the conversions of tt have made a file."""

    def __init__(self, folder: Path, strike: Callable[[str, str], None], tries: int = 1) -> None:
        super().__init__(daemon=True)
        self.folder, self.strike, self.tries = folder, strike, tries
        self.jobs: dict[int, dict[str, str]] = {}
        self.struck = False
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            for line in slurm.said("squeue", "--all", "--noheader", "--format=%i|%k|%T|%l|%m|%C|%N").splitlines():
                number, *rest = line.split("|")
                job = dict(zip(("comment", "state", "limit", "memory", "cores", "node"), rest, strict=True))
                self.jobs[int(number)] = job
                ours = job["state"] == "RUNNING" and job["comment"].startswith("rule_convert-tt-")
                made = any(self.folder.glob("out/events/tt/*.h5"))
                if not self.struck and ours and made and len(self.of("convert-tt-")) == self.tries:
                    self.struck = True
                    self.strike(number, job["node"])

    def of(self, name: str) -> list[dict[str, str]]:
        """The jobs of a rule or group, in the order in which they were submitted."""
        return [job for _, job in sorted(self.jobs.items()) if job["comment"].startswith(f"rule_{name}")]

    def watch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Snakemake, and watches."""
        self.start()
        run = snakemake(self.folder, *arguments, *PROFILE, *HURRY, timeout=1800)
        self.over.set()
        self.join()
        print(*self.jobs.items(), sep="\n", file=sys.stderr)
        assert run.returncode == 0, run.stdout + run.stderr
        return run


def test_a_job_that_slurm_kills_is_mended_and_the_bytes_are_those_of_a_local_run(scheduler, local, tmp_path):
    folder = four(tmp_path / "remote")
    watcher = Watcher(folder, lambda job, _: subprocess.run(["scancel", job], check=True))
    run = watcher.watch("dataset")
    assert digests(folder) == local
    first, second = watcher.of("convert-tt-")  # one job of the scheduler for four of Snakemake, tried twice
    assert watcher.struck
    # Two conversions side by side, and two after them.
    assert (first["limit"], first["memory"], first["cores"]) == ("1:00:00", "3000M", "2")
    assert (second["limit"], second["memory"]) == ("2:00:00", "6000M")
    assert "Trying to restart" in run.stdout + run.stderr


def test_too_little_memory_a_lost_node_and_a_controller_that_restarts(scheduler, local, tmp_path):
    """Slurm kills all conversions; their second try has memory enough, but its node dies.

    The controller is away for a minute, and does the try again.
    """

    def strike(_: str, node: str) -> None:
        scheduler.lose(node)
        scheduler.restart_controller(60)

    folder = four(tmp_path / "remote", resources={"convert": {"mem_mb": 400, "minutes": 30}})
    instead_of_jetimg(folder, GREEDY)
    watcher = Watcher(folder, strike, tries=2)
    watcher.watch("dataset")
    assert digests(folder) == local
    assert watcher.struck
    assert [job["memory"] for job in watcher.of("convert-tth")] == ["400M", "800M"]
    assert [job["memory"] for job in watcher.of("convert-tt-")] == ["800M", "1600M"]
