"""A file for HDF5 that can meet a full disk.

HDF5 cannot close a file whose last bytes it cannot write: the file stays open, the first error is lost
behind a later one, and the interpreter may crash at its end. So what the disk refuses is kept in memory
until HDF5 has closed, and the error is raised by us.
"""

import io
from pathlib import Path
from typing import Any


class DiskFile(io.RawIOBase):
    """A new file on disk, in the form that h5py takes; `check` raises what went wrong."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb+", buffering=0)
        self._at = 0
        self._end = 0
        self._error: OSError | None = None
        self._refused: list[tuple[int, bytes]] = []

    def check(self) -> None:
        """Raises the first error of writing.

        Raises:
            OSError: as the system reported it.
        """
        if self._error is not None:
            raise self._error

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to an offset, from the start or from the end."""
        self._at = offset + (self._end if whence == io.SEEK_END else 0)
        return self._at

    def write(self, data: Any) -> int:
        """Writes all of the data, or keeps what the disk refuses."""
        left = memoryview(data).cast("B")
        size = len(left)
        offset = self._at
        if self._error is None:
            try:
                self._file.seek(offset)
                while left:
                    written = self._file.write(left)
                    offset, left = offset + written, left[written:]
            except OSError as error:
                self._error = error
        if left:
            self._refused.append((offset, bytes(left)))
        self._at += size
        self._end = max(self._end, self._at)
        return size

    def readinto(self, buffer: Any) -> int:
        """Reads what was written, zeros where nothing was."""
        view = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        content = (self._file.read(len(view)) or b"").ljust(len(view), b"\0")
        view[:] = content
        for offset, data in self._refused:
            start, stop = max(offset, self._at), min(offset + len(data), self._at + len(view))
            if start < stop:
                view[start - self._at : stop - self._at] = data[start - offset : stop - offset]
        self._at += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Sets the file's length."""
        self._end = self._at if size is None else size
        try:
            self._file.truncate(self._end)
        except OSError as error:
            self._error = self._error or error
        return self._end

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()
