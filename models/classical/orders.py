"""For each class the best window of soft-drop mass and the best ratio of N-subjettiness to order its jets by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from models.classical.jets import Candidates
from models.evaluation.pairing import Bools, Floats

# Edges that are tried, GeV; a window is at least WIDTH wide.
EDGES = (*range(10, 160, 5), *range(160, 320, 20))
WIDTH = 15
RATIOS = ("tau21", "tau32")


@dataclass(frozen=True)
class Order:
    """How the jets of a class are chosen and put in order.

    Attributes:
        mass_min, mass_max: window of the soft-drop mass, GeV.
        ratio: tau21 or tau32; the score is 1 less it.
        ap: all-point average precision of the events that it was chosen on.
    """

    mass_min: float
    mass_max: float
    ratio: str
    ap: float

    def chosen(self, found: Candidates) -> Bools:
        """The jets in the window."""
        mass = found.jets.mass
        return (mass >= self.mass_min) & (mass < self.mass_max)

    def score(self, found: Candidates) -> Floats:
        """Of all jets; not below 0."""
        return np.maximum(1 - found.ratios[:, RATIOS.index(self.ratio)], 0.0)


def best(samples: Sequence[Candidates], class_names: Sequence[str]) -> dict[str, Order]:
    """The order with the largest average precision, by class.

    Args:
        samples: the jets of the events to choose on, of each split.
        class_names: classes to choose for.
    """
    mass = np.concatenate([one.jets.mass for one in samples])
    ratios = np.concatenate([one.ratios for one in samples])
    found: dict[str, Order] = {}
    for name in class_names:
        class_id = samples[0].events.truth.class_names.index(name)
        right = np.concatenate([one.right[:, class_id] for one in samples])
        n_true = sum(one.events.truth.counts[class_id] for one in samples)
        found[name] = _best(mass, ratios, right, n_true)
    return found


def _best(mass: np.ndarray, ratios: Floats, right: Bools, n_true: int) -> Order:
    tried = []
    for k, ratio in enumerate(RATIOS):
        order = np.argsort(ratios[:, k], kind="stable")
        sorted_mass, sorted_right = mass[order], right[order]
        for low, high in product(EDGES, EDGES):
            if high - low >= WIDTH:
                inside = sorted_right[(sorted_mass >= low) & (sorted_mass < high)]
                tried.append(Order(float(low), float(high), ratio, average_precision(inside, n_true)))
    return max(tried, key=lambda order: order.ap)


def average_precision(right: Bools, n_true: int) -> float:
    """All-point average precision of detections by descending score; of equal scores the first counts as higher."""
    if not n_true or not len(right):
        return 0.0
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    best_above = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_above[right].sum() / n_true)


def settings(orders: Mapping[str, Order]) -> dict[str, Any]:
    """For the file of detections."""
    return {
        name: f"mass {one.mass_min:g} to {one.mass_max:g} GeV, score 1 - {one.ratio}" for name, one in orders.items()
    }
