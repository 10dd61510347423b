"""Commands of a campaign: what its rules call beside those of the other packages."""

import shlex
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
def simulate(
    arguments: Annotated[list[str], typer.Argument(help="After --: options of the program that hold for all files.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table of what became of the files; made at the end.")],
    file: Annotated[
        list[str], typer.Option(help="One file: its number, then its own options of the program, in one word.")
    ],
    folder: Annotated[Path, typer.Option(help="Folder for the files; a JSON file beside each says what became of it.")],
    logs: Annotated[Path, typer.Option(help="Folder for what the program prints.")],
    events: Annotated[int, typer.Option(min=1, help="Events that each file must hold.")],
    program: Annotated[str, typer.Option(help="Program that makes one file.")] = LIMITS.program,
    made_from: Annotated[
        list[Path] | None, typer.Option(help="A file that is older than this one is made again.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Time limit of one try at one file.")] = LIMITS.minutes,
    tries: Annotated[int, typer.Option(min=1, help="How often a file is tried at most.")] = LIMITS.tries,
    settings: SettingsFile = None,
    detector: DetectorFile = None,
) -> None:
    """Makes Delphes files with a program that may fail: each is tried, checked and recorded, in turn.

    A file that fails does not stop the others. What was made before in the same way stays as it is.
    """
    from jetimg.common.atomic import write_text
    from workflow.campaign.programs import ending_what_it_started
    from workflow.campaign.simulation_job import SimulationJob, make, table

    files = [(words[0], words[1:]) for words in map(shlex.split, file)]
    job = SimulationJob(
        shlex.split(program), arguments, files, folder, logs, made_from or [], events, 60 * minutes, tries
    )
    records = []
    with ending_what_it_started():
        for record, before in make(job, options.description(detector), options.image_settings(settings)):
            records.append(record)
            line = f"{record.file}: {record.verdict}{' (made before)' if before else ''} {record.reason}".rstrip()
            # What failed is told at once, and not only in the record.
            print(line, file=sys.stdout if record.verdict == "ok" else sys.stderr, flush=True)
    write_text(output, table(records))
