"""What a folder was downloaded from: its receipt, a JSON file beside it, with the md5 of every file in the record."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import file_size, raise_if_machine_fault
from jetimg.common.schema import StrictModel
from jetimg.common.sealed_json import opened


class Receipt(StrictModel):
    """What a folder was downloaded from (NAME.download.json beside it): md5 of every file by its place."""

    records: list[str]
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{32}$")]]


def receipt_file(folder: Path) -> Path:
    """Where the receipt of a folder is."""
    return folder.with_name(f"{folder.name}.download.json")


def read(folder: Path) -> Receipt | None:
    """The receipt of a folder; None where there is none.

    Raises:
        DataError: there is one, but it is damaged.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    path = receipt_file(folder)
    if file_size(path) is None:
        return None
    try:
        return Receipt.model_validate(opened(path, path.read_bytes()))
    except (OSError, ValueError) as error:
        raise_if_machine_fault(error, path)
        text = " ".join(str(error).split())[:300]
        raise DataError(f"{path}: not the receipt of a download: {text}; remove it and {folder}") from error


def md5_in_record(file: Path) -> str | None:
    """The md5 that the record has of a downloaded file; None if no receipt names it.

    Raises:
        DataError: a receipt is damaged.
    """
    file = file.absolute()
    for folder in file.parents:
        found = read(folder) if folder.name else None
        if found is not None and (place := file.relative_to(folder).as_posix()) in found.files:
            return found.files[place]
    return None
