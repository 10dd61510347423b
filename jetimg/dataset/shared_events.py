"""Events that stand in two inputs, found by their digests.

The short output of a killed job beside that of its rerun, or a file that was merged and is given by itself
too, are different files with the same events: these could land on both sides of a split.
"""

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.event_file.layout import TABLES
from jetimg.event_file.store import Reader

# The digest of an event without hits, or of a file that has none.
NO_DIGEST = int(TABLES["events"]["digest"].default)

# Events read at once.
STEP = 2**20


class SharedEvents:
    """Collects the digests of event files' events, 16 bytes an event."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._digest: list[NDArray[np.uint64]] = []
        self._file: list[NDArray[np.uint32]] = []
        self._entry: list[NDArray[np.uint32]] = []

    def add(self, reader: Reader) -> None:
        """Adds the events of an event file; those of files of version 1.0 have no digests, and are not compared.

        Raises:
            DataError: the file is damaged.
        """
        for start in range(0, reader.n_events, STEP):
            events = reader.read(start, min(start + STEP, reader.n_events), ("events",)).tables["events"]
            known = events["digest"] != NO_DIGEST
            self._digest.append(events["digest"][known])
            self._file.append(events["file"][known] + np.uint32(len(self._names)))
            self._entry.append(events["entry"][known])
        self._names += [row.name for row in reader.files]

    def check(self) -> None:
        """Compares them.

        Raises:
            DataError: two events are the same; the message names both files.
        """
        digest = np.concatenate([*self._digest, np.empty(0, np.uint64)])
        ordered = np.sort(digest)
        repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if not len(repeated):
            return
        mine = np.isin(digest, repeated)
        digest, file, entry = digest[mine], np.concatenate(self._file)[mine], np.concatenate(self._entry)[mine]
        first, second = np.flatnonzero(digest == digest[0])[:2]
        shared = np.isin(digest[file == file[second]], digest[file == file[first]]).sum()
        one, other = self._names[file[first]], self._names[file[second]]
        if one == other:
            places = f"entries {entry[first]} and {entry[second]}"
            raise DataError(f"{one}: {places} are the same event; make the file again")
        raise DataError(
            f"{other} and {one} share events: {shared} of the first are in the second, entry {entry[second]} as entry "
            f"{entry[first]}. One may be the short output of a killed job, or a part or a copy of the other; give one"
        )
