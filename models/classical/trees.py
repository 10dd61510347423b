"""Boosted trees that tell the classes apart by a fat jet's soft-drop mass, N-subjettiness ratios and pt."""

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from models.classical.jets import Candidates
from models.evaluation.pairing import Floats

FEATURES = ("soft-drop mass", "tau21", "tau32", "pt")
# Small trees; training ends where a tenth of the jets, held back, gains no more.
TREES = {"max_iter": 300, "max_leaf_nodes": 15, "learning_rate": 0.05, "early_stopping": True, "random_state": 2019}
# Fewer jets of a class teach nothing.
MIN_JETS = 20


def features(found: Candidates) -> Floats:
    """(jets, 4), see FEATURES; pt and mass in GeV."""
    jets = found.jets
    return np.column_stack([jets.mass, found.ratios, jets.pt]).astype(np.float64)


def train(samples: Sequence[Candidates]) -> list[HistGradientBoostingClassifier | None]:
    """One classifier a class, by class_id; None for a class that too few jets lie on, or all but too few.

    Args:
        samples: the jets of the events to learn from, of each split.
    """
    x, right = np.concatenate([features(one) for one in samples]), np.concatenate([one.right for one in samples])
    made: list[HistGradientBoostingClassifier | None] = []
    for class_id in range(right.shape[1]):
        y = right[:, class_id]
        both = MIN_JETS <= y.sum() <= len(y) - MIN_JETS
        made.append(HistGradientBoostingClassifier(**TREES).fit(x, y) if both else None)
    return made


def scores(trees: Sequence[HistGradientBoostingClassifier | None], found: Candidates) -> Floats:
    """The probability of each class for each jet, (jets, classes)."""
    x = features(found)
    if not len(x):
        return np.zeros((0, len(trees)))
    return np.column_stack([np.zeros(len(x)) if one is None else one.predict_proba(x)[:, 1] for one in trees])
