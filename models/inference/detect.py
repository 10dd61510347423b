"""Jets of many files into one file of detections."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetimg.common.checksums import sha256
from jetimg.common.errors import BadFile
from jetimg.detections import write
from jetimg.detections.table import DetectionTable, concatenate
from jetimg.event_file.store import InputFile
from models.inference.detector import Detector


@dataclass(frozen=True)
class Outcome:
    """What was made.

    Attributes:
        inputs: the files, with the verdicts of bad ones.
        n_events: events of the good ones.
        n_jets: detections.
        seconds: that it took, without opening the network.
    """

    inputs: tuple[InputFile, ...]
    n_events: int
    n_jets: int
    seconds: float

    @property
    def bad(self) -> list[InputFile]:
        """The bad files, of which no event is in the output."""
        return [row for row in self.inputs if row.verdict != "ok"]


def detect(
    detector: Detector, paths: Sequence[Path], output: Path, progress: Callable[[int], None] = lambda _: None
) -> Outcome:
    """Finds the jets in the events of some files, and writes them in the files' order.

    A bad file gives no event, and stands in the output with its verdict; a fault that shows only after some of its
    events takes those back.

    Args:
        detector: the network.
        paths: Delphes files, event files or shards.
        output: the file; its suffix is its format.
        progress: told of events as they are done.

    Raises:
        ValueError: no such format.
        DataError: the output cannot be written.
        CallError: a Delphes file of a detector that the network was not made for.
    """
    begun, inputs, n_jets = time.perf_counter(), list[InputFile](), 0
    with write.create(output, detector.about) as writer:
        for path in paths:
            found, row = _of_file(detector, path, progress)
            writer.add(row, found)
            inputs.append(row)
            n_jets += len(found.score)
    n_events = sum(row.entries for row in inputs if row.verdict == "ok")
    return Outcome(tuple(inputs), n_events, n_jets, time.perf_counter() - begun)


def _of_file(detector: Detector, path: Path, progress: Callable[[int], None]) -> tuple[DetectionTable, InputFile]:
    """All detections of a file, which is held until its last event turned out good."""
    parts: list[DetectionTable] = []
    try:
        for part in detector.stream(path):
            parts.append(part)
            progress(len(part))
    except BadFile as fault:
        return DetectionTable.empty(), InputFile(str(path), "", fault.entries, fault.verdict, fault.reason)
    found = concatenate(parts)
    return found, InputFile(str(path), sha256(path), len(found))
