"""What a network found in the events of a viewer: rows of files of detections, by the names of their inputs."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from jetimg.common.errors import DataError
from jetimg.detections.hdf5 import Reader
from jetimg.detections.layout import About
from jetimg.detections.table import DetectionTable, EventDetections
from jetimg.event_file.store import InputFile
from jetimg.event_file.store import Reader as EventReader


class FoundJets:
    """Files of detections, of one detector.

    Attributes:
        about: what the files say of it.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Opens files of detections.

        Raises:
            DataError: not a complete file of detections, or of detectors that differ.
        """
        self._readers: list[Reader] = []
        # By the name of an input without its folders: reader, input, and the first of its events.
        self._inputs: dict[str, list[tuple[Reader, InputFile, int]]] = defaultdict(list)
        try:
            for path in paths:
                self._readers.append(Reader(path))
                self._add(self._readers[-1])
        except BaseException:
            self.close()
            raise

    def _add(self, reader: Reader) -> None:
        self.about: About = self._readers[0].about
        if (reader.about.class_names, reader.about.image_shape) != (self.about.class_names, self.about.image_shape):
            raise DataError(f"{reader.path}: other classes or pixels than {self._readers[0].path}")
        first = 0
        for row in reader.inputs:
            if row.verdict == "ok":
                self._inputs[Path(row.name).name].append((reader, row, first))
                first += row.entries

    def __enter__(self) -> "FoundJets":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files."""
        for reader in self._readers:
            reader.close()

    def knows(self, path: Path) -> bool:
        """Whether a file of this name was searched for jets."""
        return path.name in self._inputs

    def of(self, path: Path, event: int, n_events: int) -> EventDetections:
        """The jets found in one event of a file.

        Args:
            path: the event file.
            event: its number in that file.
            n_events: how many the file has.

        Raises:
            DataError: the detections are of no such file, of several, or of one with another number of events.
        """
        rows = self._inputs.get(path.name, [])
        if len(rows) > 1:
            rows = [row for row in rows if Path(row[1].name).resolve() == path.resolve()] or rows
        if len(rows) != 1:
            held = ", ".join(str(reader.path) for reader in self._readers)
            raise DataError(f"{held}: {'several inputs' if rows else 'no input'} called {path.name}")
        ((reader, row, first),) = rows
        if row.entries != n_events:
            raise DataError(f"{reader.path}: found in {row.entries} events of {row.name}; {path} has {n_events}")
        return reader.read(first + event, first + event + 1)[0]


def in_event(path: Path, file: Path, event: int, min_score: float) -> EventDetections:
    """The detections of one event of an event file.

    Args:
        path: the file of detections.
        file: the event file.
        event: the event's number in it.
        min_score: less certain detections are left out.

    Raises:
        DataError: one of them is damaged, they do not belong together, or have other classes or pixels.
        ValueError: no such event.
    """
    with EventReader(file) as reader, FoundJets([path]) as jets:
        if not 0 <= event < reader.n_events:
            raise ValueError(f"{file}: no event {event}: it has {reader.n_events}")
        check_same(reader, jets)
        found = jets.of(file, event, reader.n_events)
    table = DetectionTable.of(np.array([len(found.score)]), **found._asdict())
    return table.take(found.score >= min_score)[0]


def check_same(reader: EventReader, jets: FoundJets) -> None:
    """Refuses detections in images of other pixels, or of other classes, than those of an event file.

    Raises:
        DataError: naming both.
    """
    shape, names = (tuple(reader.attributes[name]) for name in ("image_shape", "class_names"))
    if (shape, names) != (jets.about.image_shape, jets.about.class_names):
        raise DataError(
            f"{reader.path}: {shape} pixels, classes {', '.join(names)}; "
            f"detections in {jets.about.image_shape}, {', '.join(jets.about.class_names)}"
        )
