"""Simulated files that failed or were damaged since, and the marks that make Snakemake simulate them again.

A mark is an input of the job that simulates the file and its neighbours. One that is newer than the file's record makes
Snakemake run that job again, which makes just that file, and then what depends on it. Marks differ in content each
time: Snakemake takes a newer file for an unchanged one if its content is that of the last run.
"""

import sys
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from jetimg.common.errors import DataError
from jetimg.imaging.simulation_record import check_bytes, read_record
from workflow.campaign.paths import Campaign
from workflow.campaign.simulation_job import AGAIN


class FailedFiles:
    """The failed files of a campaign: of the sample `only`, or of all."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._told = False

    @cached_property
    def records(self) -> list[Path]:
        """Records that are not good, or whose file is not what they say, as they were when this was first asked for.

        All files are read: a flipped bit shows in nothing but the sha256. Files that no job has made yet are none of
        them, but those whose record is gone since.
        """
        config, simulated = self._campaign.config, self._campaign.simulated
        samples = [config.only] if config.only else list(config.samples)
        names = [(sample, name) for sample in samples for name in simulated.names(sample)]
        paths = [Path(name).with_suffix(".json") for sample, name in names if _made(simulated.tables(sample, [name]))]
        return [path for path in paths if not _holds(path)]

    @cached_property
    def state(self) -> str:
        """A name for just these records: another once any of them was made again."""
        seen = [f"{path}\0{path.stat().st_mtime_ns if path.exists() else 0}\n" for path in self.records]
        return sha256("".join(seen).encode()).hexdigest()[:12]

    def marks(self) -> list[str]:
        """The marks that these records need."""
        return [str(path.with_suffix(AGAIN)) for path in self.records]

    def marked(self, checkpoint: Any) -> list[str]:
        """The marks, as inputs of the target that simulates failed files again; empty if none failed. Says them once.

        Args:
            checkpoint: Snakemake's checkpoint that makes them.

        Raises:
            IncompleteCheckpointException: Snakemake's sign that it has to make them first.
        """
        if not self.records:
            return []
        if not self._told:
            print("To be simulated again:", *self.marks(), file=sys.stderr)
            self._told = True
        return list(checkpoint.get(state=self.state).output)

    def marks_of(self, sample: str, job: str) -> list[str]:
        """The marks of the files that a job makes: of those that ever had to be made again."""
        simulated = self._campaign.simulated
        paths = [f"{simulated.folder(sample)}/{index}{AGAIN}" for index in simulated.of_job(sample, job)]
        return [path for path in paths if Path(path).is_file()]


def _made(tables: list[str]) -> bool:
    return all(Path(table).is_file() for table in tables)


def _holds(path: Path) -> bool:
    """Whether a record is of a good file, and that file is still what it says."""
    try:
        record = read_record(path)
        if record is None or record.verdict != "ok":
            return False
        check_bytes(path.with_suffix(".root"))
    except DataError:  # a damaged record, or file
        return False
    return True
