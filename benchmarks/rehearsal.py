"""The full campaign of paper.yaml, with a stand-in for the simulation: does the machinery carry 4,500 files?

    python -m benchmarks.rehearsal FOLDER [--files 4500] [--on local slurm] [--cores 2]

Each file is made by tests/helpers/stand_in.py: two events, in milliseconds. 2 % of the files fail, in every way: a
crash, a signal, a hang, a cut file, a short one. So the first run ends with the table of bad files; then `rerun_failed`
makes just those again, and goes on to the verified data set. Both run locally, and on a Slurm of three nodes that is
started here (root, and Debian's `slurm-wlm`), with the profile that a user has. `jetimg` is benchmarks/warm.py: all it
does, without Python's start. Prints a table, and fails if the data sets differ. Goes on where it was stopped.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import warm
from benchmarks.bench_dag import configuration
from tests.helpers import slurm

ROOT = Path(__file__).parents[1]
BAD = 0.02
FAULTS = ("exit", "kill", "hang", "truncate", "short")
EVENTS = 2  # a file
SHARD = 20  # events: as many shards as 10,000 of 1,000 a file
NODES = slurm.Nodes(3, cores=8, memory=32_000)


def main() -> None:
    """Runs, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=4500)
    parser.add_argument("--on", nargs="+", choices=("local", "slurm"), default=("local", "slurm"))
    parser.add_argument("--cores", type=int, default=2, help="of the local run")
    options = parser.parse_args()
    folder = options.folder.resolve()
    with warm.jetimg(folder / "bin") as server:
        for where in options.on:
            profile = _slurm() if where == "slurm" else nullcontext(["--cores", str(options.cores)])
            with profile as arguments:
                rehearse(Rehearsal(folder / where, folder / "bin", server, arguments), options.files)
    made = {where: json.loads((folder / where / "rehearsal.json").read_text()) for where in options.on}
    print(table(made))
    sys.exit("the data sets differ" if len({found["sha256"] for found in made.values()}) != 1 else 0)


@dataclass(frozen=True)
class Rehearsal:
    """A campaign, and how it is run.

    Attributes:
        folder: of the campaign.
        programs: folder of `jetimg`.
        server: the process whose children its commands are.
        arguments: of Snakemake.
    """

    folder: Path
    programs: Path
    server: int
    arguments: Sequence[str]


@dataclass
class Run:
    """What one call of Snakemake took.

    Attributes:
        seconds: of the clock.
        commands: processor seconds of all `jetimg` commands.
        snakemake: processor seconds of the process that the user started, and of what it started.
        peak_mb: most memory of that process.
        open_files: the most that it had open.
        exit: its exit code.
        jobs: of the scheduler.
    """

    seconds: float = 0
    commands: float = 0
    snakemake: float = 0
    peak_mb: float = 0
    open_files: int = 0
    exit: int = 0
    jobs: int = 0


@contextmanager
def _slurm() -> Iterator[list[str]]:
    """Options for Snakemake, while a Slurm runs."""
    if reason := slurm.why_not():
        sys.exit(reason)
    with slurm.slurm(NODES):
        yield ["--profile", str(ROOT / "workflow/profiles/slurm"), "--slurm-init-seconds-before-status-checks", "5"]


def _jobs() -> int:
    """How many jobs have been submitted to the scheduler, if there is one."""
    lines = slurm.said("scontrol", "show", "config").splitlines() if slurm.CONF.is_file() else []
    return next((int(line.split("=")[1]) for line in lines if line.startswith("NEXT_JOB_ID")), 0)


def rehearse(it: Rehearsal, n_files: int) -> None:
    """A first run, in which files fail, and one that mends them; what was found goes to rehearsal.json."""
    it.folder.mkdir(parents=True, exist_ok=True)
    config = made_configuration(n_files)
    faults = made_faults(config)
    (it.folder / "config.yaml").write_text(yaml.safe_dump(config))
    runs: dict[str, Any] = {}
    for name, target, failing in (("first", "dataset", faults), ("rerun_failed", "rerun_failed", {})):
        (it.folder / "faults.json").write_text(json.dumps(failing))
        noted = it.folder / f"{name}.json"
        if not noted.is_file():
            noted.write_text(json.dumps(vars(_run(it, target)) | {"bad": _verdicts(it.folder)}))
        runs[name] = json.loads(noted.read_text())
    found = {
        "files": sum(sample["simulate"]["files"] for sample in config["samples"].values()),
        "faults": len(faults),
        "runs": runs,
        "snakemake_mb": round(_size(it.folder / ".snakemake") / 1e6, 1),
        "snakemake_files": sum(1 for path in (it.folder / ".snakemake").rglob("*") if path.is_file()),
        "sha256": data_set(it.folder),
    }
    (it.folder / "rehearsal.json").write_text(json.dumps(found, indent=1))


def made_configuration(n_files: int) -> dict[str, Any]:
    """paper.yaml with the stand-in, without networks, and as many shards as the full set has."""
    program = f"{os.path.realpath(sys.executable)} -IS {ROOT}/tests/helpers/stand_in.py"
    config = configuration(n_files)
    for sample in config["samples"].values():
        sample["events_per_file"] = EVENTS
    return config | {
        "networks": {},
        "sharding": {"events_per_shard": SHARD},
        "simulation": {
            "program": program,
            "backend": "embedded",
            "minutes": 0.2,
            "pool_events": 20,
            "files_per_job": 6,
        },
    }


def made_faults(config: dict[str, Any]) -> dict[str, str]:
    """The files that fail, evenly spread over all samples, and how."""
    files = [f"{name}/{i}" for name, sample in config["samples"].items() for i in range(sample["simulate"]["files"])]
    chosen = files[:: round(1 / BAD)]
    return {file: FAULTS[index % len(FAULTS)] for index, file in enumerate(chosen)}


def _run(it: Rehearsal, target: str) -> Run:
    """Snakemake to a target, watched from outside."""
    command = [sys.executable, "-m", "snakemake", target, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "config.yaml", *it.arguments]
    path = os.pathsep.join([str(it.programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "FAULTS": str(it.folder / "faults.json")}
    run, begun, commands = Run(), time.monotonic(), warm.used(it.server)
    jobs = _jobs() if "--profile" in it.arguments else 0
    with (it.folder / f"{target}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=it.folder, env=environment, stdout=log, stderr=log)
        try:
            while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
                _watch(process.pid, run)
                time.sleep(0.5)
        except BaseException:
            process.kill()
            raise
    run.exit, used = os.waitstatus_to_exitcode(ended[1]), ended[2]
    run.seconds = round(time.monotonic() - begun)
    run.commands = round(warm.used(it.server) - commands)
    run.snakemake = round(used.ru_utime + used.ru_stime)
    run.jobs = _jobs() - jobs if "--profile" in it.arguments else 0
    return run


def _watch(process: int, run: Run) -> None:
    """Looks at the memory and the open files of a process."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        opened = sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    except OSError:  # it has just ended
        return
    peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    run.peak_mb = max(run.peak_mb, round(peak / 1024))
    run.open_files = max(run.open_files, opened)


def _verdicts(folder: Path) -> Counter[str]:
    """What became of the simulated files that are not good."""
    records = [json.loads(path.read_text()) for path in (folder / "out/simulated").glob("*/*.json")]
    return Counter(record["verdict"] for record in records if record["verdict"] != "ok")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def data_set(folder: Path) -> str:
    """One sha256 of the names and bytes of all shards and the manifest."""
    digest = hashlib.sha256()
    files = sorted((folder / "out/dataset").iterdir())
    for path in files:
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


ROWS = {
    "exit": "exit code",
    "bad": "files that were not good at its end",
    "seconds": "seconds of the clock",
    "commands": "processor seconds of commands",
    "snakemake": "processor seconds of Snakemake",
    "peak_mb": "its peak memory, MB",
    "open_files": "its open files, at most",
    "jobs": "jobs of the scheduler",
}


def table(made: dict[str, dict[str, Any]]) -> str:
    """What was found, in Markdown: a column for each run."""
    columns = {f"{where}, {name}": run for where, found in made.items() for name, run in found["runs"].items()}
    lines = [f"| | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    for key, text in ROWS.items():
        cells = [sum(run[key].values()) if key == "bad" else run[key] for run in columns.values()]
        lines.append(f"| {text} | {' | '.join(f'{cell:,}' for cell in cells)} |")
    for where, found in made.items():
        size = f"{found['snakemake_mb']} MB in {found['snakemake_files']:,} files"
        lines.append(f"\n{where}: {found['files']:,} files, {found['faults']} failed; .snakemake: {size}")
        lines.append(f"sha256 of the data set: {found['sha256']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
