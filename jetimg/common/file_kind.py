"""What a file is that was taken for another: for messages, by its first bytes."""

from pathlib import Path

HDF5, ROOT, ZIP = b"\x89HDF", b"root", b"PK\x03\x04"
SIGNATURES = {
    HDF5: "an HDF5 file (event file, shard or detections)",
    ROOT: "a ROOT file",
    ZIP: "a zip archive, as checkpoints of networks are",
    b"PAR1": "a Parquet file",
}


def instead(path: Path, error: Exception, known: bytes) -> str:
    """What stands under a name instead of what was wanted.

    Args:
        path: the file.
        error: what its reader raised.
        known: signature of the files that its reader knows; a damaged one has it too.

    Returns:
        A few words: no such file, a folder, or another kind of file; the error where these say nothing.
    """
    if path.is_dir():
        return "a folder; name its files"
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        return "no such file"
    except OSError as fault:
        return fault.strerror or str(fault)
    if start.startswith(known):
        return " ".join(str(error).split())[:300]
    if start.startswith(ROOT) and known == HDF5:
        return "it is a ROOT file; `jetimg convert` makes an event file of it"
    for signature, what in SIGNATURES.items():
        if start.startswith(signature):
            return f"it is {what}"
    if path.suffix.lower() == ".onnx":
        return "it is an ONNX file"
    return f"it begins with {start!r}" if start else "it is empty"
