"""Numpy's npz files whose arrays are mapped into memory, not read: all processes of a machine share them.

The members are stored, not compressed, and each array's data begin at a multiple of 64 bytes (the padding stands in the
zip's extra field, as Android's zipalign does it), so that compiled functions take them as they are. `numpy.load` reads
such a file like any other.
"""

import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
LOCAL_HEADER = 30  # bytes before a member's name
EXTRA_HEADER = 4
PADDING_ID = 0xD935  # that of zipalign


def save(stream: BinaryIO, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes arrays; the same arrays give the same bytes.

    Args:
        stream: an empty file.
        arrays: by name.
    """
    with ZipFile(stream, "w", ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            info = ZipInfo(f"{name}.npy")  # of 1980, as every ZipInfo that is told no time
            # numpy pads its own header to 64 bytes, so that of the zip is all that is out of step.
            padding = -(stream.tell() + LOCAL_HEADER + len(info.filename) + EXTRA_HEADER) % ALIGNMENT
            info.extra = PADDING_ID.to_bytes(2, "little") + padding.to_bytes(2, "little") + bytes(padding)
            archive.writestr(info, content.getbuffer())


def load(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file, read-only; those of stored members are mapped, others read.

    Raises:
        OSError: the file cannot be read.
        ValueError, BadZipFile: it is no npz file, or a checksum is wrong.
    """
    with path.open("rb") as stream, ZipFile(stream) as archive:
        return {info.filename.removesuffix(".npy"): _member(path, stream, archive, info) for info in archive.infolist()}


def _member(path: Path, stream: BinaryIO, archive: ZipFile, info: ZipInfo) -> NDArray[Any]:
    if info.compress_type != ZIP_STORED:
        return np.asarray(np.lib.format.read_array(io.BytesIO(archive.read(info)), allow_pickle=False))
    stream.seek(info.header_offset + LOCAL_HEADER - EXTRA_HEADER)
    begin = info.header_offset + LOCAL_HEADER
    begin += int.from_bytes(stream.read(2), "little") + int.from_bytes(stream.read(2), "little")
    content = np.memmap(path, np.uint8, "r", begin, info.file_size)
    if zlib.crc32(content.data) != info.CRC:
        raise BadZipFile(f"bad checksum of {info.filename}")
    stream.seek(begin)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{info.filename}: not an array of numpy's format 1.0")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise ValueError(f"{info.filename}: holds Python objects")
    return content[stream.tell() - begin :].view(np.ndarray).view(dtype).reshape(shape)
