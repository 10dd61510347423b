"""Precision, recall and average precision of one class, and how well the events at hand fix them.

A cut on the score keeps or drops detections of equal score together. So the precision-recall curve has a point for
each score that occurs, and nothing depends on the order of equal ones.

Precision at a recall is the interpolated one: the highest precision of all cuts with at least this recall (Everingham
et al., The Pascal Visual Object Classes Challenge, doi:10.1007/s11263-009-0275-4, equation 2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.evaluation.pairing import Bools, Floats, Ints, JetTable

# Of the bootstrap: a standard deviation from 200 samples is itself known to 5 %.
REPLICAS, SEED = 200, 2007


class Curve(NamedTuple):
    """What each cut on the score keeps, the highest first.

    Attributes:
        score: float32 (cuts), minimum score that is kept.
        right: int64 (cuts), jets found.
        kept: int64 (cuts), detections kept.
        n_true: true jets.
    """

    score: NDArray[np.float32]
    right: Ints
    kept: Ints
    n_true: int

    @property
    def precision(self) -> Floats:
        """The share of the kept detections that is right, (cuts)."""
        return self.right / np.maximum(self.kept, 1)

    @property
    def recall(self) -> Floats:
        """The share of the true jets that is found, (cuts); not a number without true jets."""
        return self.right / self.n_true if self.n_true else np.full(len(self.right), np.nan)


@dataclass(frozen=True)
class Ranked:
    """All detections of one class, by descending score.

    Attributes:
        event: int64 (detections).
        score: float32 (detections).
        right: bool (detections).
        last: int64 (cuts), the last detection of each score.
        n_true: int64 (events), true jets in each event.
    """

    event: Ints
    score: NDArray[np.float32]
    right: Bools
    last: Ints
    n_true: Ints

    @classmethod
    def of(cls, found: JetTable, partner: Ints, true: JetTable, class_id: int, n_events: int) -> "Ranked":
        """The detections of a class.

        Args:
            found: detections of all classes; events count from 0.
            partner: of each detection, see `models.evaluation.pairing.match`.
            true: true jets of all classes.
            class_id: the class.
            n_events: how many events there are, those without jets too.
        """
        rows = np.flatnonzero(found.class_id == class_id)
        rows = rows[np.argsort(-found.score[rows], kind="stable")]
        score = found.score[rows]
        return cls(
            event=found.event[rows],
            score=score,
            right=partner[rows] >= 0,
            last=np.flatnonzero(np.diff(score, append=np.float32(-np.inf)) != 0),
            n_true=np.bincount(true.event[true.class_id == class_id], minlength=n_events),
        )

    def curve(self, weight: Ints | None = None) -> Curve:
        """The curve, with each event counted so many times; once if None."""
        if weight is None:
            return self.curve(np.ones(len(self.n_true), np.int64))
        times = weight[self.event]
        right, kept = np.cumsum(times * self.right), np.cumsum(times)
        return Curve(self.score[self.last], right[self.last], kept[self.last], int(weight @ self.n_true))


def interpolated(curve: Curve, steps: int) -> Floats:
    """Precision at recall 0, 1/steps, ... 1, (steps + 1); not a number where the recall is not reached."""
    index, reached = _reach(curve, steps)
    best = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return np.where(reached, np.append(best, np.nan)[index], np.nan)


def score_at_recall(curve: Curve, tenths: int) -> float:
    """The highest score to cut at that keeps a recall of so many tenths; not a number where it is not reached."""
    index, reached = _reach(curve, 10)
    return float(curve.score[index[tenths]]) if reached[tenths] else float("nan")


def _reach(curve: Curve, steps: int) -> tuple[Ints, Bools]:
    """The first cut that reaches each recall, and whether there is one."""
    # In whole numbers: 0.3 as a sum of tenths is above 3/10, and would miss 3 jets of 10.
    index = np.searchsorted(curve.right * steps, np.arange(steps + 1) * curve.n_true, side="left")
    return index, (index < len(curve.right)) & (curve.n_true > 0)


def ap_11(curve: Curve) -> float:
    """Average precision of Pascal VOC 2007: the mean precision at recall 0, 0.1, ... 1, which is 0 where not reached.

    Not a number without true jets.
    """
    return float(np.nan_to_num(interpolated(curve, 10)).mean()) if curve.n_true else float("nan")


def ap_all(curve: Curve) -> float:
    """Area under the interpolated precision-recall curve, all points (Pascal VOC from 2010).

    Not a number without true jets.
    """
    best = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return float((np.diff(curve.right, prepend=0) * best).sum() / curve.n_true) if curve.n_true else float("nan")


def bootstrap(
    ranked: Sequence[Ranked],
    n_events: int,
    metric: Callable[[Curve], float] = ap_11,
    progress: Callable[[int], None] = lambda _: None,
) -> Floats:
    """A metric in samples of as many events, drawn from the events with replacement.

    Efron, doi:10.1214/aos/1176344552. Every sample has the same events for all entries of `ranked`, so that
    differences between detectors, and means over classes, have their own errors. Matching is done event by event and
    stays as it is.

    Args:
        ranked: detections of a class by a detector, each.
        n_events: events to draw from.
        metric: of a curve.
        progress: told of each sample.

    Returns:
        (REPLICAS, len(ranked)); not a number in samples without true jets.
    """
    values = np.empty((REPLICAS, len(ranked)))
    for replica in range(REPLICAS):
        drawn = np.random.default_rng((SEED, replica)).integers(n_events, size=n_events)
        weight = np.bincount(drawn, minlength=n_events)
        values[replica] = [metric(one.curve(weight)) for one in ranked]
        progress(1)
    return values
