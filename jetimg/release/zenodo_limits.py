"""What Zenodo would refuse of a record, found before anything is sent."""

import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jetimg.common.errors import DataError
from jetimg.release.metadata import ZENODO_BYTES, ZENODO_FILES

# Fields of zenodo.json that have to hold something.
NEEDED = ("title", "upload_type", "description", "creators", "license")


def faults(folder: Path, sizes: dict[str, int]) -> list[str]:
    """Everything that is wrong with one record, a line each; empty if nothing is.

    Args:
        folder: of the record.
        sizes: bytes of each of its files, by name.
    """
    return [f"{folder}: {fault}" for fault in [*_of_files(sizes), *_of_metadata(folder / "zenodo.json")]]


def refuse(found: list[str]) -> None:
    """Ends with all faults at once.

    Raises:
        DataError: there are faults.
    """
    if found:
        raise DataError("\n".join([*found, f"Zenodo would refuse this: {len(found)} faults; make the release again"]))


def _of_files(sizes: dict[str, int]) -> Iterator[str]:
    if len(sizes) > ZENODO_FILES:
        yield f"{len(sizes)} files; a record takes {ZENODO_FILES} (release: record_files)"
    if (total := sum(sizes.values())) >= ZENODO_BYTES:
        yield f"{total} bytes; a record is smaller than {ZENODO_BYTES} (release: record_bytes)"
    for name, size in sizes.items():
        if size == 0:
            yield f"{name}: an empty file"


def _of_metadata(path: Path) -> Iterator[str]:
    try:
        fields = json.loads(path.read_text())["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{path.name}: not the metadata of a deposit: {error}"
        return
    if not isinstance(fields, dict):
        yield f"{path.name}: not the metadata of a deposit"
        return
    for key in NEEDED:
        if not fields.get(key):
            yield f"{path.name}: no {key}"
    yield from _of_creators(path.name, fields.get("creators") or [])
    date = fields.get("publication_date")
    if date is not None and not _is_date(date):
        yield f"{path.name}: publication_date {date}: not YYYY-MM-DD"


def _of_creators(name: str, creators: Any) -> Iterator[str]:
    for number, creator in enumerate(creators if isinstance(creators, list) else [creators], 1):
        if not isinstance(creator, dict) or not creator.get("name"):
            yield f"{name}: creator {number} has no name"
        elif (orcid := creator.get("orcid")) is not None and not _is_orcid(str(orcid)):
            yield f"{name}: creator {number}: {orcid} is no ORCID iD"


def _is_date(text: Any) -> bool:
    try:
        return bool(datetime.date.fromisoformat(text))
    except (TypeError, ValueError):
        return False


def _is_orcid(text: str) -> bool:
    """Four groups of four whose last character is a check digit (ISO 7064 11,2; https://support.orcid.org)."""
    if not re.fullmatch(r"(\d{4}-){3}\d{3}[\dX]", text):
        return False
    characters, total = text.replace("-", ""), 0
    for digit in characters[:-1]:
        total = (total + int(digit)) * 2
    return characters[-1] == "0123456789X"[(12 - total % 11) % 11]
