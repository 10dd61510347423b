"""How long Snakemake takes to plan a campaign of many files, and to see that a finished one needs nothing.

    python benchmarks/bench_dag.py 4400

prints JSON: seconds and peak memory (MB) of a dry run of workflow/config/paper.yaml with that many files, and of
a run of a campaign that is finished. The finished one is made of tiny stand-in files: real records, verdicts and
plan (they are read while planning), empty event files and shards; `snakemake --touch` gives them Snakemake's
own bookkeeping, at 0.1 s a job: nine minutes for 4,400 files.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from jetimg.dataset.plan import SPLITS, Input, Plan, Source
from jetimg.imaging.simulation_record import SimulationRecord
from workflow.campaign.paths import Campaign

ROOT = Path(__file__).parents[1]
EVENTS = 1000


def configuration(n_files: int) -> dict[str, Any]:
    """paper.yaml with about this many files, in the same proportions, one at least of each sample."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "workflow/config/paper.yaml").read_text())
    simulated = [sample["simulate"] for sample in config["samples"].values()]
    total = sum(part["files"] for part in simulated)
    for part in simulated:
        part["files"] = max(1, round(part["files"] * n_files / total))
    return config | {"results": "out"}


def finish(campaign: Campaign) -> None:
    """Stand-in files for everything that a finished campaign holds, here, in the order in which it is made."""
    results = Path(campaign.results)
    for split in SPLITS:
        _touch(results / "simulated/pool" / split)
    for sample in campaign.config.samples:
        names = campaign.inputs(sample)
        for name in names:
            _write(Path(name).with_suffix(".json"), SimulationRecord(name, "ok", entries=EVENTS).text())
        for name in campaign.simulated.tables(sample, names):
            _touch(Path(name))
    _write(results / "lists/events.txt", "\n".join(campaign.event_files()) + "\n")
    for sample in campaign.config.samples:
        _write(results / f"lists/{sample}.txt", "\n".join(campaign.inputs(sample)) + "\n")
    splits = "".join(f"{name}\t{split}\n" for name, split in campaign.simulated.file_splits())
    _write(results / "lists/file-splits.tsv", splits)
    for part in ("settings/images.yaml", *(f"check/{name}.json" for name in campaign.config.samples)):
        _touch(results / part)
    for name in campaign.event_files():
        _touch(Path(name))
    plan = made_plan(campaign)
    _write(results / "plan.json", plan.model_dump_json())
    for name in [*(f"dataset/{shard}" for shard in plan.shards()), "dataset/manifest.json", "verified.txt"]:
        _touch(results / name)
    snakemake(Path.cwd(), "--touch", "--forceall", "--quiet", "--cores", "1000")


def made_plan(campaign: Campaign) -> Plan:
    """The plan of this campaign, were all its files good."""
    sources = tuple(
        Source(
            path=f"{campaign.results}/events/{sample}/{group}.h5",
            sample=sample,
            test=chosen.test,
            inputs=tuple(_input(name) for name in campaign.group(sample, group)),
        )
        for sample, chosen in campaign.config.samples.items()
        for group in campaign.groups(sample)
    )
    return Plan(sharding=campaign.config.sharding, sources=sources, attributes={})


def _input(name: str) -> Input:
    digest = sha256(name.encode()).hexdigest()
    return Input(name=name, sha256=digest, entries=EVENTS, verdict="ok", reason="", expected=EVENTS)


def _touch(path: Path) -> None:
    _write(path, "")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def snakemake(folder: Path, *arguments: str) -> str:
    """Runs Snakemake in a folder; what it said.

    Raises:
        CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["dataset", "--configfile", str(folder / "config.yaml"), *arguments]
    command += ["--workflow-profile", "none", "--rerun-incomplete", "--rerun-triggers", "mtime", "params", "input"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.stderr.write(run.stdout + run.stderr)
    run.check_returncode()
    return run.stdout + run.stderr


def started(folder: Path, n_files: int) -> Campaign:
    """A campaign in a folder, with nothing made yet."""
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(n_files)))
    os.chdir(folder)
    return Campaign(configuration(n_files))


def measured(folder: Path, *arguments: str) -> dict[str, float | str]:
    """Seconds, processor seconds, peak memory and the last words of one run of Snakemake."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = snakemake(folder, *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.monotonic() - start, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mb": round(after.ru_maxrss / 1024),  # of the largest child so far
        "says": said.strip().splitlines()[-1],
    }


def main() -> None:
    """Measures both and prints JSON."""
    n_files = int(sys.argv[1]) if len(sys.argv) > 1 else 4400
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        campaign = started(folder, n_files)
        result: dict[str, Any] = {"files": sum(len(campaign.inputs(sample)) for sample in campaign.config.samples)}
        result["dry_run"] = measured(folder, "--dry-run", "--quiet", "--cores", "2")
        finish(campaign)
        result["no_op"] = measured(folder, "--cores", "2")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
