"""A file of detections in the format that its name asks for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from jetimg.detections import hdf5, parquet, root
from jetimg.detections.layout import About
from jetimg.detections.table import DetectionTable
from jetimg.event_file.store import InputFile


class Writer(Protocol):
    """Takes the detections of one input after the other."""

    def add(self, source: InputFile, found: DetectionTable) -> None:
        """The detections of all events of one input; a bad input has none, and says why."""


Create = Callable[[Path, About], AbstractContextManager[Writer]]
FORMATS: dict[str, Create] = {
    ".h5": hdf5.create,
    ".hdf5": hdf5.create,
    ".parquet": parquet.create,
    ".root": root.create,
}


def create(path: Path, about: About) -> AbstractContextManager[Writer]:
    """Makes a file of detections, of the format of its suffix: .h5, .parquet or .root; it appears complete.

    Args:
        path: the file.
        about: what it says of its detector.

    Raises:
        ValueError: another suffix.
        DataError: the file cannot be written.
    """
    check_suffix(path)
    return FORMATS[path.suffix.lower()](path, about)


def is_one(path: Path) -> bool:
    """Whether a file that is there holds detections; no, where it cannot be read."""
    reader = {".parquet": parquet.is_one, ".root": root.is_one}.get(path.suffix.lower(), hdf5.is_one)
    return reader(path)


def check_suffix(path: Path) -> None:
    """Refuses the name of a file in no format that there is.

    Raises:
        ValueError: naming those that there are.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: detections are written as {', '.join(FORMATS)}, not {path.suffix or 'without one'}")
