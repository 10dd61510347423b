"""A job that makes several Delphes files of a sample, one after the other, and the table of what became of them."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from detector import Detector
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import SimulationRecord
from workflow.campaign.attempt import AttemptJob, attempt, kept
from workflow.campaign.programs import program

# A file of this suffix, newer than the record of a simulated file, asks for it to be made again.
AGAIN = ".again"


@dataclass(frozen=True)
class SimulationJob:
    """Files to make.

    Attributes:
        program: words of the program that makes one file.
        arguments: words that follow for every file.
        files: for each file its number, as it stands in its name, and words that are its own.
        folder: where the files and their records go.
        logs: folder for what the program prints, a file for each file.
        made_from: files that all of them have to be newer than.
        events: events that each must hold.
        seconds: time limit of one try at one file.
        tries: how often a file is tried at most.
    """

    program: Sequence[str]
    arguments: Sequence[str]
    files: Sequence[tuple[str, Sequence[str]]]
    folder: Path
    logs: Path
    made_from: Sequence[Path]
    events: int
    seconds: float
    tries: int


def make(job: SimulationJob, detector: Detector, settings: ImageSettings) -> Iterator[tuple[SimulationRecord, bool]]:
    """Makes the files that are not there yet as they are asked for.

    Returns:
        for each file, as soon as it is there or given up, its record and whether it was made before.

    Raises:
        DataError, MachineFault: as `attempt`; the files before it are done, and are kept by another run.
    """
    with closing(program(job.program)) as running:
        for index, own in job.files:
            one = _attempt(job, index, own)
            before = kept(one)
            yield before or attempt(one, running, detector, settings), before is not None


def _attempt(job: SimulationJob, index: str, own: Sequence[str]) -> AttemptJob:
    output = job.folder / f"{index}.root"
    return AttemptJob(
        arguments=[*job.arguments, "--index", str(int(index)), *own],
        output=output,
        events=job.events,
        seconds=job.seconds,
        tries=job.tries,
        log=job.logs / f"{index}.log",
        made_from=[*job.made_from, output.with_suffix(AGAIN)],
    )


def table(records: Sequence[SimulationRecord]) -> str:
    """What became of the files, a line each: name, verdict, events, sha256. Another whenever a file is another."""
    rows = [(Path(one.file).name, one.verdict, str(one.entries), one.sha256 or "-") for one in records]
    return "".join("\t".join(row) + "\n" for row in [("file", "verdict", "events", "sha256"), *rows])
