"""Whether a score is a probability: the share of detections that is right against their score."""

from typing import Any

import numpy as np

from models.evaluation.metrics import Ranked

BINS = 10


def calibration(ranked: Ranked) -> dict[str, Any]:
    """The reliability diagram of one class (Guo et al., arXiv:1706.04599), in ten bins of the score.

    Args:
        ranked: its detections.

    Returns:
        `bins`: detections, mean score and share that is right; `error`: the mean distance of the two, weighted with the
        detections (expected calibration error); not a number without detections.
    """
    score = ranked.score.astype(np.float64)
    index = np.clip((score * BINS).astype(np.int64), 0, BINS - 1)
    number = np.bincount(index, minlength=BINS)
    sums = np.bincount(index, score, BINS), np.bincount(index, ranked.right.astype(np.float64), BINS)
    mean, right = (np.divide(total, number, out=np.full(BINS, np.nan), where=number > 0) for total in sums)
    error = float(np.nansum(number * np.abs(mean - right)) / number.sum()) if number.sum() else float("nan")
    rows = [
        {"detections": n, "score": s, "right": r}
        for n, s, r in zip(number.tolist(), mean.tolist(), right.tolist(), strict=True)
    ]
    return {"bins": rows, "error": error}
