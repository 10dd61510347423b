"""The small campaign on a real Slurm: the same bytes, with a job that the scheduler kills in the middle."""

import importlib.util
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.helpers import slurm
from tests.workflow.test_snakemake import ROOT, SAMPLES, campaign, digests, snakemake

pytestmark = pytest.mark.slurm

# Of the profile only what one node of two cores and a test in a hurry need otherwise.
HURRY = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]


@pytest.fixture(scope="module")
def scheduler():
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("snakemake-executor-plugin-slurm is not installed (pip install jetimg[slurm])")
    if reason := slurm.why_not():
        pytest.skip(reason)
    with slurm.slurm():
        yield


class Watcher(threading.Thread):
    """Notes every job that the scheduler sees, and cancels the first of a rule once it has made a file."""

    def __init__(self, rule: str, folder: Path, made: str) -> None:
        super().__init__(daemon=True)
        self.rule, self.folder, self.made = rule, folder, made
        self.jobs: dict[int, dict[str, str]] = {}
        self.killed: int | None = None
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            for line in slurm.said("squeue", "--all", "--noheader", "--format=%i|%k|%T|%l|%m").splitlines():
                number, comment, state, limit, memory = line.split("|")
                self.jobs[int(number)] = {"comment": comment, "state": state, "limit": limit, "memory": memory}
                running = state == "RUNNING" and comment.startswith(f"rule_{self.rule}")
                if self.killed is None and running and any(self.folder.glob(self.made)):
                    self.killed = int(number)
                    subprocess.run(["scancel", number], check=True)

    def of(self, rule: str) -> list[dict[str, str]]:
        """The rule's jobs, in the order in which they were submitted."""
        return [job for _, job in sorted(self.jobs.items()) if job["comment"].startswith(f"rule_{rule}")]


def test_a_job_that_slurm_kills_is_mended_and_the_bytes_are_those_of_a_local_run(scheduler, tmp_path):
    local, remote = campaign(tmp_path / "local"), campaign(tmp_path / "remote")
    run = snakemake(local, "dataset")
    assert run.returncode == 0, run.stderr
    watcher = Watcher("convert", remote, "out/events/*/*.h5")
    watcher.start()
    run = snakemake(
        remote, "dataset", "--profile", str(ROOT / "workflow/profiles/slurm"), *HURRY, cores=1, timeout=1800
    )
    watcher.over.set()
    watcher.join()
    assert run.returncode == 0, run.stdout + run.stderr
    print(*watcher.jobs.items(), sep="\n", file=sys.stderr)
    assert digests(remote) == digests(local)

    first, second = watcher.of("convert")  # one job of the scheduler for six of Snakemake, tried twice
    assert watcher.killed is not None
    assert (first["limit"], first["memory"]) == ("3:00:00", "1500M")
    assert (second["limit"], second["memory"]) == ("6:00:00", "3000M")
    assert len(watcher.of("check")) == len(SAMPLES)
    assert "Trying to restart" in run.stdout + run.stderr
