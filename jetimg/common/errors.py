"""The faults that a user can do something about."""

from pathlib import Path


class DataError(Exception):
    """The data are at fault (exit code 1)."""


class MachineFault(Exception):
    """The machine is at fault (exit code 3): memory, open files, a disk. Another try may work; no file is judged."""


class BadFile(DataError):
    """One file that cannot be used.

    Attributes:
        path: the file.
        verdict: one of `jetimg.imaging.verdicts.VERDICTS`.
        reason: what was found, what was expected, what to do.
        entries: events that the file says it holds, 0 where unknown.
    """

    def __init__(self, path: Path, verdict: str, reason: str, entries: int = 0) -> None:
        super().__init__(f"{path}: {verdict}: {reason}")
        self.path = path
        self.verdict = verdict
        self.reason = reason
        self.entries = entries
