"""Detections of many events as flat columns, and those of one event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class EventDetections(NamedTuple):
    """The jets found in one event, the most certain first.

    Attributes:
        class_id: uint8 (jets), index into the class names.
        score: float32 (jets), 0 to 1: how certain; what it is depends on the detector.
        pt: float32 (jets), GeV; not a number from a detector that does not measure it.
        eta, phi: float32 (jets), centre of the box, radians; phi in [-pi, pi).
        box: float32 (jets, 4), eta_min, phi_min, eta_max, phi_max in pixels; phi_max past n_phi: the box wraps.
    """

    class_id: NDArray[np.uint8]
    score: NDArray[np.float32]
    pt: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    box: NDArray[np.float32]


@dataclass(frozen=True)
class DetectionTable:
    """Detections of several events: event i has rows indptr[i] to indptr[i + 1] of each column.

    `table[i]` is event i, `len(table)` the number of events.

    Attributes:
        indptr: int64 (n_events + 1), from 0.
        class_id, score, pt, eta, phi, box: as in `EventDetections`, all events after one another.
    """

    indptr: NDArray[np.int64]
    class_id: NDArray[np.uint8]
    score: NDArray[np.float32]
    pt: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    box: NDArray[np.float32]

    @classmethod
    def of(cls, counts: NDArray[Any], **columns: NDArray[Any]) -> "DetectionTable":
        """Columns in the layout's types.

        Args:
            counts: (n_events), detections of each event.
            columns: all but `indptr`.

        Raises:
            ValueError: columns of other lengths than the counts say.
        """
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        types = {"class_id": np.uint8} | dict.fromkeys(("score", "pt", "eta", "phi", "box"), np.float32)
        typed: dict[str, Any] = {name: np.ascontiguousarray(columns[name], types[name]) for name in types}
        if lengths := {name: len(column) for name, column in typed.items() if len(column) != indptr[-1]}:
            raise ValueError(f"{indptr[-1]} detections by their counts; columns have {lengths}")
        return cls(indptr, **typed)

    @classmethod
    def empty(cls, n_events: int = 0) -> "DetectionTable":
        """So many events without detections."""
        nothing = np.empty(0, np.float32)
        columns = dict.fromkeys(EventDetections._fields, nothing) | {"box": nothing.reshape(0, 4)}
        return cls.of(np.zeros(n_events, np.int64), **columns)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, event: int) -> EventDetections:
        if not -len(self) <= event < len(self):
            raise IndexError(f"event {event} of {len(self)}")
        rows = slice(*self.indptr[event % len(self) :][:2].tolist())
        return EventDetections(*(getattr(self, name)[rows] for name in EventDetections._fields))

    @property
    def event(self) -> NDArray[np.int64]:
        """The event of each detection, counted from 0."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def take(self, rows: NDArray[Any]) -> "DetectionTable":
        """Some of the detections, in their order; events stay, those without detections too.

        Args:
            rows: bool (detections).
        """
        counts = np.bincount(self.event[rows], minlength=len(self))
        return DetectionTable.of(counts, **{name: getattr(self, name)[rows] for name in EventDetections._fields})


def concatenate(parts: Sequence[DetectionTable]) -> DetectionTable:
    """The events of several tables, one after the other."""
    if not parts:
        return DetectionTable.empty()
    counts = np.concatenate([np.diff(part.indptr) for part in parts])
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in EventDetections._fields}
    return DetectionTable.of(counts, **columns)
