"""Event files that belong together, read as one long list of events.

Files are opened once in each process: an open HDF5 file survives neither a fork nor a
pickle. So objects that hold an `EventFiles` can be handed to the workers of a `torch.utils.data.DataLoader`.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.store import Batch, Reader, read_together
from jetimg.loader.sparse import TABLES, check

Split = Literal["train", "validation", "test", "heldout"]

# Files that a process keeps open.
MAX_OPEN = 64


class EventFiles:
    """Event files or shards with the same classes and the same images.

    Attributes:
        paths: the files.
        class_names: names of the classes.
        geometry: pixels and channels of the images.
        sample_names: of each file, the names of its samples.
        first: int64 (files + 1), number of each file's first event, and the number of all events.
        tables: which are read: those of `jetimg.loader.sparse.TABLES` that the files have, and those asked for.
    """

    def __init__(self, paths: Sequence[Path], also: Sequence[str] = ()) -> None:
        """Looks at the files.

        Args:
            paths: the files.
            also: optional tables that are read too.

        Raises:
            DataError: no files, not event files, of different classes or geometries, or some of them with masks; or a
                table that is asked for is not there.
        """
        if not paths:
            raise DataError("no event files: nothing to read")
        self.paths = list(paths)
        self._readers: dict[int, Reader] = {}
        self._process = os.getpid()
        self.sample_names: list[list[str]] = []
        events, found = [0], []
        for file, path in enumerate(self.paths):
            reader = self.reader(file)
            if missing := [name for name in also if name not in reader.tables]:
                raise DataError(f"{path}: has no /{missing[0]}; the settings of `jetimg convert` ask for it")
            tables = tuple(name for name in (*TABLES, *also) if name in reader.tables)
            found.append((reader.attributes["class_names"], ImageGeometry.of(reader.attributes, path), tables))
            self.sample_names.append(reader.attributes["sample_names"])
            events.append(reader.n_events)
            if found[-1] != found[0]:
                one, two = map(_text, (found[-1], found[0]))
                raise DataError(f"{path}: {one}; {self.paths[0]} has {two}")
        self.class_names: list[str] = found[0][0]
        self.geometry, self.tables = found[0][1:]
        self.first: NDArray[np.int64] = np.cumsum(events)

    def __len__(self) -> int:
        return int(self.first[-1])

    def __getstate__(self) -> dict[str, Any]:
        """Open files stay in the process that opened them."""
        return self.__dict__ | {"_readers": {}}

    def file_of(self, number: int) -> int:
        """The index of the file that holds an event."""
        return int(np.searchsorted(self.first, number, "right")) - 1

    def read(self, start: int, stop: int) -> Batch:
        """Events start to stop, one at least, of one file or several; tables as in `jetimg.loader.sparse.TABLES`.

        Raises:
            DataError: damaged, or with contents that no image can have.
        """
        return self.read_ranges([(start, stop)])

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> Batch:
        """The events of some ranges, one range after the other; each as of `read`.

        Raises:
            DataError: as `read`.
        """
        pieces = [piece for start, stop in ranges for piece in self._pieces(start, stop)]
        batch = read_together([(self.reader(file), first, last) for file, first, last in pieces], self.tables)
        at = 0
        for file, start, stop in pieces:
            part = batch.part(at, at := at + stop - start)
            check(part, self.geometry.image_shape, len(self.class_names), self.paths[file])
        return batch

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The files of some events; of each, the first of its events, and the one past the last."""
        for file in range(self.file_of(start), int(np.searchsorted(self.first, stop))):
            offset, end = (int(event) for event in self.first[file : file + 2])
            yield file, max(start, offset) - offset, min(stop, end) - offset

    def batches(self, n_events: int) -> Iterator[tuple[int, Batch]]:
        """All events, in their order, with the index of their file.

        Args:
            n_events: the most in a batch; fewer where they are large, or where a file ends.

        Raises:
            DataError: damaged, or with contents that no image can have.
        """
        for file, first in enumerate(self.first[:-1]):
            for start, stop in self.reader(file).steps(n_events):
                yield file, self.read(int(first) + start, int(first) + stop)

    def reader(self, file: int) -> Reader:
        """The open file; opened in the process that reads it."""
        if self._process != os.getpid():
            self._readers, self._process = {}, os.getpid()
        if file not in self._readers:
            if len(self._readers) >= MAX_OPEN:
                self._readers.pop(next(iter(self._readers))).close()
            self._readers[file] = Reader(self.paths[file])
        return self._readers[file]


def _text(found: tuple[list[str], ImageGeometry, tuple[str, ...]]) -> str:
    names, shape, tables = found
    return f"classes {', '.join(names)}, images of {shape}" + (", masks" if "masks" in tables else "")
