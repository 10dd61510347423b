"""The kinds of files that commands make, for `check_output`: what they are called, and how one is known.

A file that is damaged may not be known any more; then the message says to remove it.
"""

from pathlib import Path

from detector.common.outputs import OutputKind, begins_with, check_output
from jetimg.common import file_kind

__all__ = [
    "DETECTIONS",
    "EVENTS",
    "JSON",
    "MARKDOWN",
    "ONNX",
    "PAGES",
    "PICTURES",
    "REFERENCE",
    "SHARDS",
    "check_output",
]


def _says(path: Path) -> tuple[str, str]:
    """What an HDF5 file says that it is: its format, and its kind."""
    import h5py

    try:
        with h5py.File(path) as file:
            return str(file.attrs.get("format", "")), str(file.attrs.get("kind", ""))
    except OSError:
        return "", ""


def _is_events(path: Path) -> bool:
    return _says(path) == ("jetimg", "events")


def _is_shard(path: Path) -> bool:
    return _says(path) == ("jetimg", "shard")


def _is_reference(path: Path) -> bool:
    from jetimg.common.errors import DataError
    from jetimg.pfjet_format.layout import ReferenceFile

    try:
        with ReferenceFile(path):
            return True
    except DataError:
        return False


def _is_detections(path: Path) -> bool:
    from jetimg.detections import write

    return write.is_one(path)


_is_data = begins_with(*file_kind.SIGNATURES)

HDF5 = (".h5", ".hdf5")
EVENTS = OutputKind("event files", HDF5, _is_events)
SHARDS = OutputKind("shards", HDF5, _is_shard)
REFERENCE = OutputKind("files in the PF-Jet-SSD layout", HDF5, _is_reference)
DETECTIONS = OutputKind("detections", (*HDF5, ".parquet", ".root"), _is_detections)
JSON = OutputKind("JSON files", (".json",), begins_with(b"{", b"["))
MARKDOWN = OutputKind("tables in Markdown", (".md",))
PAGES = OutputKind("pages", (".html", ".htm"))
PICTURES = OutputKind("pictures", is_one=lambda path: not _is_data(path))
ONNX = OutputKind("ONNX files", (".onnx",))
