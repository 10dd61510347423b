"""A Slurm as sites have it: accounts and a database, preemption, remote files; Snakemake killed. The same bytes."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers import slurm, slurm_accounting, slurm_cgroups, xrootd
from tests.helpers.programs import instead_of_jetimg
from tests.workflow.test_snakemake import ROOT, campaign, snakemake

pytestmark = pytest.mark.slurm

HURRY = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "20"]
EVENTS = ["out/events/tt/00000.h5", "out/events/tt/00001.h5", "out/events/tth/00000.h5"]
# Converts all but one file at once: that one when the file HANG is gone. In a job of 400 MB, it takes more for tth.
PROGRAM = """\
#!/bin/sh
case "$SLURM_MEM_PER_NODE $*" in
*data/tt/1.root*) while [ -e "{folder}/HANG" ]; do sleep 0.2; done ;;
"400 convert "*" --sample tth "*) exec {python} -c "b'x' * 1_000_000_000" ;;
esac
exec {jetimg} "$@"
"""


@pytest.fixture(scope="module")
def scheduler() -> Iterator[slurm.Slurm]:
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("snakemake-executor-plugin-slurm is not installed (pip install jetimg[slurm])")
    if reason := slurm.why_not() or slurm_accounting.why_not():
        pytest.skip(reason)
    with slurm.slurm(slurm.Nodes(3, cores=2), accounted=True) as running:
        yield running


@pytest.fixture
def profile(tmp_path: Path) -> list[str]:
    """The profile, changed as docs/cluster.md says for a site with accounting."""
    text = (ROOT / "workflow/profiles/slurm/config.yaml").read_text()
    for old, new in (
        ("slurm-no-account: true", "slurm-no-account: false"),
        ("slurm-status-command: squeue", "slurm-status-command: sacct"),
        ("mem_mb=4000, runtime=1440]", f"mem_mb=4000, runtime=1440, slurm_account={slurm_accounting.ACCOUNT}]"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/config.yaml").write_text(text)
    return ["--profile", str(tmp_path / "site"), *HURRY]


def three(folder: Path, **changes: object) -> Path:
    """A campaign with two conversions in one sample, and one in another."""
    campaign(folder, ("tt", "tth"), files_per_job=1, **changes)
    shutil.copy(ROOT / "tests/data/bb.root", folder / "data/tt/1.root")
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The event files of a run without Slurm."""
    folder = three(tmp_path_factory.mktemp("local"))
    run = snakemake(folder, *EVENTS)
    assert run.returncode == 0, run.stderr
    return contents(folder)


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in EVENTS]


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts Snakemake in a campaign where one conversion waits; what it says goes to run.log."""
    instead_of_jetimg(folder, PROGRAM)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *EVENTS]
    command += ["--configfile", "config.yaml", *arguments]
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    with (folder / "run.log").open("ab") as log:
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def wait_until(found: Callable[[], object], folder: Path, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, (folder / "run.log").read_text()
        time.sleep(0.2)


def jobs(folder: Path, name: str, states: str = "all") -> list[list[str]]:
    """Number and node of the jobs of a group of a campaign that the controller knows, the oldest first."""
    lines = slurm.said("squeue", f"--states={states}", "--noheader", "--format=%i|%N|%k|%Z").splitlines()
    rows = [line.split("|") for line in lines]
    ours = (row[:2] for row in rows if row[2].startswith(f"rule_{name}") and row[3] == str(folder))
    return sorted(ours, key=lambda job: int(job[0]))


def accounted(folder: Path, name: str, columns: str) -> list[str]:
    """What the database has of them."""
    numbers = ",".join(number for number, _ in jobs(folder, name))
    asked = ["sacct", "--allocations", "--noheader", "--parsable2", f"--jobs={numbers}", f"--format={columns}"]
    return slurm.said(*asked).splitlines()


def test_a_job_at_its_time_limit(scheduler, profile, local, tmp_path):
    """Slurm kills it, and its second try gets twice the minutes."""
    folder = three(tmp_path / "remote", resources={"convert": {"mem_mb": 1000, "minutes": 1}})
    (folder / "HANG").touch()
    run = start(folder, *profile)
    wait_until(lambda: len(jobs(folder, "convert-tt-")) == 2, folder)
    (folder / "HANG").unlink()
    assert run.wait(600) == 0, (folder / "run.log").read_text()
    assert contents(folder) == local
    assert accounted(folder, "convert-tt-", "state,timelimit,account") == [
        "TIMEOUT|00:01:00|higgs",
        "COMPLETED|00:02:00|higgs",
    ]


def test_the_kernel_ends_a_program_that_takes_too_much_memory(scheduler, profile, local, tmp_path):
    if reason := slurm_cgroups.why_not():
        pytest.skip(reason)
    folder = three(tmp_path / "remote", resources={"convert": {"mem_mb": 400, "minutes": 30}})
    run = start(folder, *profile)
    assert run.wait(600) == 0, (folder / "run.log").read_text()
    assert contents(folder) == local
    assert accounted(folder, "convert-tth", "state,reqmem") == ["OUT_OF_MEMORY|400M", "COMPLETED|800M"]


def test_a_database_that_is_away(scheduler, profile, local, tmp_path):
    """A job ends while nobody can say so."""
    folder = three(tmp_path / "remote")
    (folder / "HANG").touch()
    run = start(folder, *profile)
    wait_until((folder / EVENTS[0]).is_file, folder)
    scheduler.accounting.stop_database()
    (folder / "HANG").unlink()
    time.sleep(20)
    assert not jobs(folder, "convert-tt-", "running"), "it has ended"
    assert run.poll() is None, (folder / "run.log").read_text()
    scheduler.accounting.start_database()
    assert run.wait(300) == 0, (folder / "run.log").read_text()
    assert contents(folder) == local


def test_a_preempted_job_and_snakemake_killed(scheduler, profile, local, tmp_path):
    """Slurm begins the job again; Snakemake, begun again, does what was not finished, and nothing else."""
    folder = three(tmp_path / "remote")
    (folder / "HANG").touch()
    run = start(folder, *profile)
    wait_until(
        lambda: (folder / EVENTS[0]).is_file() and not jobs(folder, "convert-tth", "pending,running,completing"), folder
    )
    ((number, node),) = jobs(folder, "convert-tt-", "running")
    urgent = ["--partition=urgent", f"--account={slurm_accounting.ACCOUNT}", f"--nodelist={node}", "--exclusive"]
    subprocess.run(["sbatch", *urgent, "--output=/dev/null", "--wrap=sleep 1"], check=True, capture_output=True)
    wait_until(lambda: "Restarts=1" in slurm.said("scontrol", "show", "job", number), folder)
    wait_until(lambda: jobs(folder, "convert-tt-", "running"), folder)
    assert run.poll() is None, (folder / "run.log").read_text()
    time.sleep(10)  # it has seen that the job of tth is done
    run.kill()
    run.wait()
    subprocess.run(["scancel", "--user=root"], check=True)
    wait_until(lambda: not slurm.said("squeue", "--noheader"), folder)
    finished = (folder / EVENTS[2]).stat().st_mtime_ns

    (folder / "HANG").unlink()
    locked = start(folder, *profile)
    assert locked.wait(600) != 0
    assert "--unlock" in (folder / "run.log").read_text()
    assert start(folder, "--unlock", "--cores", "1").wait(600) == 0
    (folder / "run.log").unlink()
    assert start(folder, *profile).wait(1200) == 0, (folder / "run.log").read_text()
    assert contents(folder) == local
    assert (folder / EVENTS[2]).stat().st_mtime_ns == finished
    assert "rule convert-tth" not in (folder / "run.log").read_text()


def test_root_addresses_are_fetched_by_jobs(scheduler, profile, tmp_path):
    """Two jobs, at once, in the folder of the campaign."""
    if reason := xrootd.why_not():
        pytest.skip(reason)
    with xrootd.xrootd(ROOT / "tests/data/tt.root", ROOT / "tests/data/bb.root") as port:
        files = [f"root://127.0.0.1:{port}//{name}.root" for name in ("tt", "bb")]
        samples = {"tt": {"files": files, "events_per_file": 2}}
        for name, arguments in (("here", []), ("there", [*profile, "--group-components", "fetch=1"])):
            run = snakemake(campaign(tmp_path / name, (), samples=samples), EVENTS[0], *arguments)
            assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "there" / EVENTS[0]).read_bytes() == (tmp_path / "here" / EVENTS[0]).read_bytes()
    assert len(jobs(tmp_path / "there", "fetch-tt-")) == 2
    assert list((tmp_path / "there").rglob("*.root")) == []
