"""The tree of a Delphes file: its branches' names, and ranges of their entries.

`jetimg.imaging.root_tree` and `baskets` read what Delphes and our simulation write, `uproot_tree` all else. uproot is
imported only then: that takes as long as 1,000 events are converted.
"""

from contextlib import suppress
from functools import cached_property
from pathlib import Path

from jetimg.common.errors import BadFile
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.imaging.baskets import Jagged, JaggedBranch
from jetimg.imaging.delphes_stream import DelphesStream
from jetimg.imaging.root_objects import UnknownObject
from jetimg.imaging.root_tree import Branch, Tree, read_tree
from jetimg.imaging.uproot_tree import UprootTree

TREE = "Delphes"


class DelphesTree:
    """The open tree of a file.

    Attributes:
        n_entries: its entries.
        names: branch names without "[4]" -> their names in the file, for the leaves of Delphes' branches.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file.

        Raises:
            BadFile: unreadable or no-tree.
            MachineFault: the file cannot be read, for a reason that is not the file's.
        """
        self._path = path
        self._stream = _opened(path)
        tree = self._header()
        self._known: dict[str, Branch] = tree.branches if tree else {}
        self._readers: dict[str, JaggedBranch | None] = {}
        self.n_entries = tree.n_entries if tree else self._uproot.n_entries
        names = tree.branches if tree else self._uproot.names
        self.names = {name.partition("[")[0]: name for name in names if "." in name}

    def _header(self) -> Tree | None:
        """The tree's header, if it is one that we read. Whatever is wrong with a file, uproot says."""
        try:
            return read_tree(self._stream, TREE)
        except Exception as error:
            try:
                self.raise_if_machine_fault(error)
            except BaseException:
                self._stream.close()
                raise
            return None

    @cached_property
    def _uproot(self) -> UprootTree:
        return UprootTree(self._path, self._stream, TREE)

    def read(self, name: str, start: int, stop: int) -> Jagged:
        """Entries start to stop of a branch; by uproot from the first basket on that it alone can read.

        Args:
            name: in the file.
            start, stop: entries.

        Raises:
            Exception: whatever damaged bytes give.
        """
        with suppress(UnknownObject):
            if name not in self._readers:
                self._readers[name] = JaggedBranch(self._known[name], self._stream) if name in self._known else None
            if (reader := self._readers[name]) is not None:
                return reader.read(start, stop)
        self._readers[name] = None
        return self._uproot.read(name, start, stop)

    def entries_and_end(self, name: str) -> tuple[int, int]:
        """Entries of a branch, and the last byte of its baskets."""
        if name not in self._known:
            return self._uproot.entries_and_end(name)
        branch = self._known[name]
        ends = (seek + size for seek, size in zip(branch.seeks, branch.sizes, strict=True))
        return branch.n_entries, max(ends, default=0)

    def raise_if_machine_fault(self, error: BaseException) -> None:
        """Whether the machine failed while the file was read, whatever a parser made of it.

        Raises:
            MachineFault: naming the file.
        """
        self._stream.raise_if_machine_fault(error)

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()


def _opened(path: Path) -> DelphesStream:
    try:
        return DelphesStream(path)
    except OSError as error:
        raise_if_machine_fault(error, path)
        raise BadFile(path, "unreadable", error.strerror or str(error)) from error
