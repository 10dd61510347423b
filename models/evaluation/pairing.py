"""Which detection is which true jet.

Detections are taken from the most certain down, each event and class by itself. A detection is right if it overlaps a
true jet of its class that no more certain detection has taken, by at least a threshold; of several such jets it takes
the one it overlaps most. So every jet is found once, and what finds it again is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from jetimg.common.ranges import ranges
from models.networks.box_ops import iou

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class JetTable:
    """Jets of many events, true ones or detections, event by event.

    Attributes:
        event: int64 (jets), the event's number, never descending.
        class_id: int64 (jets).
        box: float32 (jets, 4), pixels as in `detector.geometry.boxes`.
        eta, phi: float64 (jets), of the axis, radians.
        pt: float64 (jets), GeV; not a number from a detector that does not measure it.
        score: float32 (jets), how certain a detection is; 1 for true jets.
    """

    event: Ints
    class_id: Ints
    box: NDArray[np.float32]
    eta: Floats
    phi: Floats
    pt: Floats
    score: NDArray[np.float32]

    @classmethod
    def of_boxes(cls, event: Ints, class_id: Ints, box: NDArray[np.float32], score: NDArray[np.float32]) -> "JetTable":
        """Jets of which only class, box and score are looked at; their directions and pt are 0."""
        nothing = np.zeros(len(event))
        return cls(event, class_id, box, nothing, nothing, nothing, score)

    def __len__(self) -> int:
        return len(self.event)

    def take(self, rows: "Ints | Bools") -> "JetTable":
        """Some of the jets."""
        return JetTable(**{name: column[rows] for name, column in vars(self).items()})

    def of_events(self, numbers: Ints) -> "JetTable":
        """The jets of some events, which are numbered anew from 0.

        Args:
            numbers: of the events, ascending.
        """
        index = np.searchsorted(numbers, self.event)
        mine = np.flatnonzero(numbers[np.minimum(index, len(numbers) - 1)] == self.event)
        return replace(self.take(mine), event=index[mine])


def joined(parts: Sequence[JetTable]) -> JetTable:
    """The jets of several runs of events, one after the other.

    Raises:
        ValueError: no parts.
    """
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    return JetTable(**columns)


class Pairs(NamedTuple):
    """Each detection with each true jet of its event and class, however far apart.

    Events and classes come one after the other; in each, the detections by descending score (ties in their order).

    Attributes:
        found: int64 (pairs), row of the detection.
        true: int64 (pairs), row of the jet.
        iou: float64 (pairs), their overlap.
    """

    found: Ints
    true: Ints
    iou: Floats


def pairs(found: JetTable, true: JetTable, n_phi: int) -> Pairs:
    """All pairs of a detection and a true jet of the same event and class, with their overlap round the cylinder."""
    rows, true_rows = candidates(found, true)
    # In double precision, so that a threshold means the same for all detectors.
    one, two = (torch.from_numpy(box.astype(np.float64))[:, None] for box in (found.box[rows], true.box[true_rows]))
    return Pairs(rows, true_rows, iou(one, two, n_phi).reshape(-1).numpy())


def candidates(found: JetTable, true: JetTable) -> tuple[Ints, Ints]:
    """The rows of all pairs of a detection and a true jet of the same event and class, in the order of `Pairs`."""
    n_classes = 1 + int(max(found.class_id.max(initial=0), true.class_id.max(initial=0)))
    key, true_key = (jets.event * n_classes + jets.class_id for jets in (found, true))
    order, true_order = np.lexsort((-found.score, key)), np.argsort(true_key, kind="stable")
    first = np.searchsorted(true_key[true_order], key[order], side="left")
    counts = np.searchsorted(true_key[true_order], key[order], side="right") - first
    return np.repeat(order, counts), true_order[ranges(first, counts)]


def match(
    pairs: Pairs, n_found: int, n_true: int, minimum: float, last: Bools | None = None, nearness: Floats | None = None
) -> Ints:
    """The true jet that each detection found.

    Args:
        pairs: of all events.
        n_found, n_true: how many detections and true jets there are.
        minimum: overlap, or nearness, that makes a detection right.
        last: bool (n_true), jets that are taken only where no other can be.
        nearness: (pairs), what counts instead of the overlap; see `models.evaluation.rule.Rule`.

    Returns:
        int64 (n_found), row of the jet; -1 for a wrong detection.
    """
    how_near = pairs.iou if nearness is None else nearness
    near = np.flatnonzero(how_near >= minimum)
    later = np.zeros(n_true, np.bool_) if last is None else last
    # Detections in their order, and the jets of one by descending nearness. Pairs of one detection stand together.
    turn = np.cumsum(np.diff(pairs.found[near], prepend=-1) != 0)
    near = near[np.lexsort((-how_near[near], later[pairs.true[near]], turn))]
    partner, free = np.full(n_found, -1, np.int64), np.ones(n_true, np.bool_)
    for row, jet in zip(pairs.found[near].tolist(), pairs.true[near].tolist(), strict=True):
        if partner[row] < 0 and free[jet]:
            partner[row], free[jet] = jet, False
    return partner
