"""Commands of a campaign: what its rules call beside those of the other packages."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jetimg.cli import options
from jetimg.cli.options import DetectorFile, SettingsFile
from workflow.campaign.config import Simulation

LIMITS = Simulation()

app = options.app("Steps of a campaign that its rules call.")


@app.command()
def attempt(
    command: Annotated[list[str], typer.Argument(help="After --: the command that makes the file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Delphes file that the command makes.")],
    events: Annotated[int, typer.Option(min=1, help="Events that the file must hold.")],
    record: Annotated[Path, typer.Option(help="JSON file for what became of it; always made.")],
    log: Annotated[Path, typer.Option(help="File for what the command prints.")],
    minutes: Annotated[float, typer.Option(min=0, help="Time limit of one try.")] = LIMITS.minutes,
    tries: Annotated[int, typer.Option(min=1, help="How often the command is tried at most.")] = LIMITS.tries,
    settings: SettingsFile = None,
    detector: DetectorFile = None,
) -> None:
    """Makes one Delphes file with a command that may fail: tried, checked, recorded. Always exits with 0."""
    from workflow.campaign.attempt import AttemptJob
    from workflow.campaign.attempt import attempt as make

    job = AttemptJob(command, output, events, 60 * minutes, tries, log)
    made = make(job, record, options.description(detector), options.image_settings(settings))
    line = f"{output}: {made.verdict} {made.reason}".rstrip()
    # What failed is told at once, and not only in the record.
    print(line, file=sys.stdout if made.verdict == "ok" else sys.stderr)
