"""A cut on the score for each class, so that detections can be counted as found or not."""

from typing import NamedTuple

import numpy as np

from models.evaluation.metrics import Curve, score_at_recall


class WorkingPoint(NamedTuple):
    """What a cut on the score keeps.

    Attributes:
        score: the cut; infinite where nothing is right.
        precision: share of the kept detections that is right.
        recall: share of the true jets that they found.
        false_positives: wrong detections an event.
    """

    score: float
    precision: float
    recall: float
    false_positives: float


NOTHING = WorkingPoint(float("inf"), float("nan"), 0.0, 0.0)


def best(curve: Curve, n_events: int) -> WorkingPoint:
    """The cut with the largest F1, the harmonic mean of precision and recall (van Rijsbergen 1979, chapter 7).

    It needs no scale of scores, so it serves networks and classical jets alike.

    Args:
        curve: of a class.
        n_events: events.
    """
    if not curve.n_true or not curve.right.any():
        return NOTHING._replace(recall=0.0 if curve.n_true else float("nan"))
    return _at(curve, int(np.argmax(2 * curve.right / (curve.kept + curve.n_true))), n_events)


def false_positives_at(curve: Curve, tenths: int, n_events: int) -> float:
    """Wrong detections an event, cut at a recall of so many tenths; not a number where it is not reached."""
    score = score_at_recall(curve, tenths)
    if not np.isfinite(score):
        return float("nan")
    return _at(curve, int(np.flatnonzero(curve.score >= np.float32(score))[-1]), n_events).false_positives


def _at(curve: Curve, k: int, n_events: int) -> WorkingPoint:
    wrong = float(curve.kept[k] - curve.right[k]) / max(n_events, 1)
    return WorkingPoint(float(curve.score[k]), float(curve.precision[k]), float(curve.recall[k]), wrong)
