"""How well classes are told apart: the ROC curve, the area under it, and the background that is rejected."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

# Efficiencies of the signal at which the rejection is told.
EFFICIENCIES = (0.3, 0.5)
# Of the energies, with as many examples each.
BINS = 8
# Fewer examples of the signal or the background tell nothing.
MIN_EXAMPLES = 20


@dataclass(frozen=True)
class Measure:
    """How well a signal is told from its background.

    Attributes:
        signal, background: examples.
        auc: area under the ROC curve: the probability that a signal has a higher score than a background.
        auc_error: its standard error.
        rejection: by efficiency of the signal: 1 / efficiency of the background; None where no background is left.
        rejection_error: standard errors: those of the number of background examples that are left.
    """

    signal: int
    background: int
    auc: float
    auc_error: float
    rejection: dict[str, float | None]
    rejection_error: dict[str, float | None]

    @classmethod
    def of(cls, score: Floats, signal: Bools) -> "Measure":
        """Of the scores of examples.

        Args:
            score: (examples), the higher the more like the signal.
            signal: bool (examples), whether it is.
        """
        n_signal, n_background = int(signal.sum()), int((~signal).sum())
        area = float(roc_auc_score(signal, score))
        left = {f"{at:g}": background_at(score, signal, at) for at in EFFICIENCIES}
        rejection = {at: 1 / one if one else None for at, one in left.items()}
        errors = {
            at: value / math.sqrt(left[at] * n_background) if value is not None else None
            for at, value in rejection.items()
        }
        return cls(n_signal, n_background, area, auc_error(area, n_signal, n_background), rejection, errors)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def auc_error(auc: float, n_signal: int, n_background: int) -> float:
    """The standard error of an area (J. A. Hanley and B. J. McNeil, doi:10.1148/radiology.143.1.7063747)."""
    two_signals, two_backgrounds = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (n_signal - 1) * (two_signals - auc**2) + (n_background - 1) * (two_backgrounds - auc**2)
    )
    return math.sqrt(max(variance, 0) / (n_signal * n_background))


def background_at(score: Floats, signal: Bools, efficiency: float) -> float:
    """The share of the background that a cut keeps which keeps this share of the signal, between two cuts linear."""
    false, true, _ = roc_curve(signal, score)
    return float(np.interp(efficiency, true, false))


def mean_auc(score: Floats, label: NDArray[np.int64]) -> float:
    """Of two classes the area under the ROC curve; of more the mean of each against all others.

    Args:
        score: (examples, classes), probabilities.
        label: (examples).
    """
    classes = range(1) if score.shape[1] == 2 else range(score.shape[1])
    return float(np.mean([roc_auc_score(label == k, score[:, k]) for k in classes]))


def against_energy(energy: Floats, score: Floats, signal: Bools) -> list[dict[str, Any]]:
    """Measures in bins of the energy with as many examples each; those of too few are left out.

    Args:
        energy: (examples), GeV.
        score: (examples).
        signal: (examples).
    """
    edges = np.unique(np.quantile(energy, np.linspace(0, 1, BINS + 1)))
    rows = []
    for low, high in pairwise(edges):
        inside = (energy >= low) & ((energy < high) | (high == edges[-1]))
        if min((inside & signal).sum(), (inside & ~signal).sum()) >= MIN_EXAMPLES:
            measured = Measure.of(score[inside], signal[inside]).as_dict()
            rows.append({"from": float(low), "to": float(high), **measured})
    return rows


def curve(score: Floats, signal: Bools, points: int = 200) -> dict[str, Sequence[float]]:
    """The ROC curve at some efficiencies of the signal, for pictures."""
    false, true, _ = roc_curve(signal, score)
    at = np.linspace(0, 1, points + 1)
    return {"signal": at.tolist(), "background": np.interp(at, true, false).tolist()}
