"""Records: the parts of a release, each below an archive's limits.

A release that fits into one record is one folder. Otherwise it is folders record-1, record-2, ..., each
with its shards, the whole data set's manifest, and `record.json`, which says which part it is.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.schema import StrictModel
from jetimg.dataset import manifest
from jetimg.dataset.manifest import Manifest, Shard
from jetimg.event_file.store import Reader

NAME = "record.json"

# Room for README, metadata and lists: text that grows with the number of files.
TEXT_BYTES = 100_000
TEXT_BYTES_A_FILE = 2_000


class ReleaseRecord(StrictModel):
    """One part of a release.

    Attributes:
        number: from 1.
        of: how many there are.
        shards: those of this part.
    """

    number: int = Field(ge=1)
    of: int = Field(ge=1, le=1000)
    shards: tuple[str, ...]


def plan(
    shards: Sequence[Shard], other_files: int, other_bytes: int, max_files: int, max_bytes: int
) -> list[ReleaseRecord]:
    """Shares the shards out to records, in their order.

    Args:
        shards: all shards.
        other_files: files that each record has besides its shards.
        other_bytes: their size, without texts.
        max_files: most files of a record.
        max_bytes: each record is smaller than this.

    Raises:
        DataError: a shard does not fit into a record of its own.
    """
    room = max_bytes - other_bytes - TEXT_BYTES - TEXT_BYTES_A_FILE * other_files
    slots = max_files - other_files
    parts: list[list[Shard]] = [[]]
    for shard in shards:
        if shard.bytes + TEXT_BYTES_A_FILE >= room or slots < 1:
            raise DataError(
                f"{shard.name}: {shard.bytes} bytes and {other_files} other files do not fit into a record of "
                f"{max_bytes} bytes and {max_files} files; make smaller shards (events_per_shard) or larger records"
            )
        used = sum(one.bytes + TEXT_BYTES_A_FILE for one in parts[-1])
        if len(parts[-1]) == slots or used + shard.bytes + TEXT_BYTES_A_FILE >= room:
            parts.append([])
        parts[-1].append(shard)
    return [
        ReleaseRecord(number=number, of=len(parts), shards=tuple(shard.name for shard in part))
        for number, part in enumerate(parts, 1)
    ]


def folders(release: Path) -> list[Path]:
    """The folders of a release or data set: itself, or its record-1, record-2, ..."""
    if (release / manifest.NAME).is_file():
        return [release]
    parts = [path for path in release.glob("record-*") if (path / manifest.NAME).is_file()]
    return sorted(parts, key=lambda path: (len(path.name), path.name)) or [release]


def record(folder: Path, contents: Manifest) -> ReleaseRecord:
    """Which part of a release a folder is; one that does not say is the whole of it.

    Args:
        folder: of a data set, or of one record.
        contents: its manifest.

    Raises:
        DataError: `record.json` says something else.
    """
    whole = ReleaseRecord(number=1, of=1, shards=tuple(shard.name for shard in contents.shards))
    return read(folder) or whole


def n_events(path: Path) -> int:
    """The events that a data set, a release, a record or an event file says that it has.

    Raises:
        DataError: it is none of these.
    """
    if not path.is_dir():
        with Reader(path) as reader:
            return int(reader.n_events)
    total = 0
    for folder in folders(path):
        contents = manifest.read(folder)
        names = record(folder, contents).shards
        total += sum(shard.n_events for shard in contents.shards if shard.name in names)
    return total


def read(folder: Path) -> ReleaseRecord | None:
    """Which part of a release a folder is; None if it is a complete one.

    Raises:
        DataError: `record.json` says something else.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        return ReleaseRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: not the description of a record: {error}") from error
