"""From Snakemake's configuration to a campaign, with what a user has to know before anything runs."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.plan import SPLITS
from workflow.campaign.duplicate_keys import refuse_duplicate_keys
from workflow.campaign.errors import ConfigError
from workflow.campaign.paths import Campaign

# The folder, in the repository, of the configurations that come with it.
SHIPPED = "workflow/config"

# Bad files that are named at the end of a run.
MAX_BAD = 10

# What there is to look at, in the results folder.
LOOK_AT = {
    "dataset": "shards and manifest",
    "verified.txt": "the proof",
    "summary/summary.md": "what is in it",
    "pictures": "an event of each sample",
    "networks/evaluation/test_sets.md": "how well the networks find jets",
    "release": "ready for Zenodo",
}


def start(config: Mapping[str, Any], files: Sequence[str | Path], repository: str, talk: bool) -> Campaign:
    """The campaign of a configuration; ends the process with one message if it cannot be used.

    Args:
        config: the configuration, as Snakemake read it.
        files: the files it came from.
        repository: folder of the Snakefile.
        talk: check the files and warn of missing inputs; not again in each job's process.
    """
    paths = [Path(file) for file in files]
    try:
        if "samples" not in config and not paths:
            raise ConfigError(f"no configuration: give one with --configfile; {repository}/{SHIPPED} has examples")
        if talk:
            refuse_duplicate_keys(paths)
        campaign = Campaign(config, base_of(paths, repository))
        if talk and (text := campaign.complaint()):
            print(f"Warning: missing input files\n{text}", file=sys.stderr)
    except ConfigError as error:
        sys.exit(str(error))
    return campaign


def base_of(files: Sequence[Path], repository: str) -> str:
    """Where relative names of inputs start from: the repository for configurations that come with it, else here."""
    shipped = (Path(repository) / SHIPPED).resolve()
    ours = bool(files) and all(file.resolve().parent == shipped for file in files)
    return repository if ours and Path.cwd() != Path(repository).resolve() else ""


def close(campaign: Campaign) -> None:
    """Says where every event went, what was made, and how to look at it."""
    results = Path(campaign.results)
    for line in _accounts(results):
        print(line, file=sys.stderr)
    if _is_current(results / "report.html", results / "dataset" / manifest.NAME):
        print(f"Open {results / 'report.html'}", file=sys.stderr)
        return
    made = [f"{name} ({what})" for name, what in LOOK_AT.items() if (results / name).exists()]
    print(f"In {results}: {', '.join(made) or 'nothing to look at yet'}", file=sys.stderr)


def _is_current(report: Path, dataset: Path) -> bool:
    """Whether the report is there and not older than the data set, as after a run of `dataset` with other settings."""
    return report.is_file() and not (dataset.is_file() and dataset.stat().st_mtime > report.stat().st_mtime)


def _accounts(results: Path) -> list[str]:
    """Where the events of the data set went, and which files are not in it; nothing where there is no data set."""
    if not (results / "dataset" / manifest.NAME).is_file():
        return []
    try:
        inputs = manifest.read(results / "dataset").inputs
    except DataError as error:  # as after --touch
        return [str(error)]
    counts = manifest.account(inputs)
    splits = ", ".join(f"{counts[split]:,} {split}" for split in SPLITS if counts[split])
    lines = [
        f"Events: {counts['asked']:,} asked, {counts['present']:,} present ({splits}), {counts['lost']:,} in bad files"
    ]
    bad = [file for file in inputs if not file.ok]
    lines += [f"Left out: {file.name}: {file.verdict}" for file in bad[:MAX_BAD]]
    if len(bad) > MAX_BAD:
        lines.append(f"... and {len(bad) - MAX_BAD:,} more; all of them, and why: {results}/check")
    return lines


def announce(campaign: Campaign) -> None:
    """Says how files are simulated; ends the process with one message if the results cannot be written."""
    try:
        campaign.check_results(os.W_OK | os.X_OK)
        if any(sample.made for sample in campaign.config.samples.values()):
            print(f"Detector simulation: {campaign.simulated.backend_text()}", file=sys.stderr)
            print(
                f"Pile-up: mean uses of each soft collision: {campaign.simulated.pileup_text(campaign.detector)}",
                file=sys.stderr,
            )
    except ConfigError as error:
        sys.exit(str(error))
