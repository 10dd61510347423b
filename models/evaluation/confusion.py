"""What is found where: jets of one class on which a detection of another lies."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.evaluation.counting import Matched
from models.evaluation.pairing import JetTable
from models.evaluation.rule import Rule


def confusion(
    found: JetTable, true: JetTable, cuts: Mapping[int, float], class_names: tuple[str, ...], geometry: tuple[int, int],
    rule: Rule,
) -> dict[str, Any]:  # fmt: skip
    """Detections above their class's cut, matched with the true jets of all classes.

    Each class of detections is matched by itself: a jet on which a t and a V are found counts under both, so that
    nothing depends on how scores of different classes compare. A detection takes a jet of its own class where it can.

    Args:
        found, true: detections and true jets.
        cuts: minimum score by class_id, of the classes that the detector knows.
        class_names: by class_id.
        geometry: pixels along eta and phi.
        rule: what is near enough.

    Returns:
        `of`: by true class, by class of the detection: how many of its jets; `none`: by true class, its jets on which
        nothing is found; `no_jet`: by class of the detection, those that lie on no jet.
    """
    seen, n_classes = np.zeros(len(true), np.bool_), len(class_names)
    counts, alone = np.zeros((n_classes, n_classes), np.int64), np.zeros(n_classes, np.int64)
    one_class = replace(true, class_id=np.zeros_like(true.class_id))
    for class_id, cut in cuts.items():
        mine = found.take((found.class_id == class_id) & (found.score >= np.float32(cut)))
        mine = replace(mine, class_id=np.zeros_like(mine.class_id))
        partner = Matched.of(mine, one_class, geometry, rule).of_jets(true.class_id == class_id)
        taken = partner[partner >= 0]
        counts[:, class_id] = np.bincount(true.class_id[taken], minlength=n_classes)
        alone[class_id] = int((partner < 0).sum())
        seen[taken] = True
    known = [class_names[k] for k in cuts]
    return {
        "of": {
            name: {other: int(counts[k, class_names.index(other)]) for other in known}
            for k, name in enumerate(class_names)
        },
        "none": {name: int((~seen & (true.class_id == k)).sum()) for k, name in enumerate(class_names)},
        "no_jet": {name: int(alone[class_names.index(name)]) for name in known},
    }
