"""The record of a simulated file: a small JSON file beside it that says how it was made and what became of it."""

import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from jetimg.common.checksums import sha256
from jetimg.common.errors import BadFile, DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.sealed_json import opened, sealed

# Names of fields that a JSON file must have to be a record, if a damaged one.
_OURS = 3


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
        arguments: words that its program was called with, but for the output.
    """

    file: str
    verdict: str = "crashed"
    reason: str = ""
    entries: int = 0
    expected: int = 0
    sha256: str = ""
    tries: list[dict[str, Any]] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def text(self) -> str:
        """What stands in its file."""
        return sealed(asdict(self))


def read_record(path: Path) -> SimulationRecord | None:
    """A record, or None where there is none, or a JSON file of somebody else's.

    Raises:
        DataError: there is one, but it is damaged.
        MachineFault: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise_if_machine_fault(error, path)
        return None
    try:
        found = opened(path, content)
        names = {each.name for each in fields(SimulationRecord)}
        if not isinstance(found, dict) or len(names & found.keys()) < _OURS:
            return None
        if unknown := found.keys() - names:
            raise ValueError(f"`{min(unknown)}` is none of its fields")
        record = TypeAdapter(SimulationRecord).validate_python(found)
        if record.sha256 and not re.fullmatch("[0-9a-f]{64}", record.sha256):
            raise ValueError(f"sha256 is {record.sha256[:80]!r}")
        return record
    except ValueError as error:
        raise DataError(f"{path}: a damaged record of a simulation: {' '.join(str(error).split())[:300]}") from error


def check_bytes(file: Path) -> None:
    """Holds a simulated file against the sha256 in its record; a file without a record passes.

    ROOT stores what does not get smaller as it is, without a checksum: only the record tells that a bit has changed.

    Raises:
        BadFile: damaged; other bytes than were simulated, or nobody can tell.
        MachineFault: the file or its record cannot be read.
    """
    again = "simulate it again (`rerun_failed`)"
    try:
        record = read_record(file.with_suffix(".json"))
    except DataError as error:
        raise BadFile(file, "damaged", f"{error}; {again}") from error
    if record is None or not record.sha256 or Path(record.file).name != file.name:
        return
    if (found := sha256(file)) != record.sha256:
        raise BadFile(file, "damaged", f"its sha256 is {found}, in its record {record.sha256}; {again}", record.entries)
