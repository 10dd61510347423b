"""The record of a simulated file: a small JSON file beside it that says how it was made and what became of it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class SimulationRecord:
    """How a file was made.

    Attributes:
        file: the file.
        verdict: "ok", "crashed", "timed-out", or what `check` said of the file.
        reason: why it failed, with the log.
        entries, expected: events there and asked for.
        sha256: of the file, "" if it is bad.
        tries: exit code (None if it hung), seconds and verdict of each try.
    """

    file: str
    verdict: str = "crashed"
    reason: str = ""
    entries: int = 0
    expected: int = 0
    sha256: str = ""
    tries: list[dict[str, Any]] = field(default_factory=list)


def read_record(path: Path) -> SimulationRecord | None:
    """A record, or None where there is none."""
    try:
        return SimulationRecord(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
