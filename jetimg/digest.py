"""Checksums of files."""

import hashlib
from pathlib import Path

from jetimg.errors import BadFile


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file.

    Raises:
        BadFile: unreadable.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFile(path, "unreadable", error.strerror or str(error)) from error
