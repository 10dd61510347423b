"""The file object that uproot reads a Delphes file through.

uproot's own way reads in a thread of fsspec's, which needs more open files, and loses the type of an error there. Here
a read that fails is remembered as what it was, and none asks for more bytes than the file has.
"""

from io import BufferedReader, FileIO
from pathlib import Path
from types import TracebackType

from jetimg.common.machine_faults import raise_if_machine_fault


class DelphesStream(BufferedReader):
    """A file that is read in one thread, and remembers the system's first error."""

    def __init__(self, path: Path) -> None:
        """Opens a file.

        Raises:
            OSError: it cannot be opened.
        """
        super().__init__(FileIO(path))
        self._path = path
        self._error: BaseException | None = None
        self._size = path.stat().st_size

    def __repr__(self) -> str:
        """The path: uproot names the file by it."""
        return str(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()

    def read(self, size: int | None = -1, /) -> bytes:
        """At most so many bytes, and no more than there are.

        Raises:
            OSError: as the system reported it.
            MemoryError: no room for them.
        """
        left = max(0, self._size - self.tell())
        try:
            return super().read(left if size is None or size < 0 else min(size, left))
        except (OSError, MemoryError) as error:
            self._error = self._error or error
            raise

    def raise_if_machine_fault(self, error: BaseException) -> None:
        """Whether the machine failed while this file was read, whatever uproot made of it.

        Args:
            error: as uproot raised it.

        Raises:
            MachineFault: naming the file.
        """
        raise_if_machine_fault(self._error or error, self._path)
        raise_if_machine_fault(error, self._path)
