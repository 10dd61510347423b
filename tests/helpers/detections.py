"""Detections made at random, and what a file says of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetimg.detections.layout import About
from jetimg.detections.table import DetectionTable

ABOUT = About(
    class_names=("b", "t", "H", "V", "q"),
    image_shape=(340, 360),
    eta_pitch=0.0174,
    network="some.pt",
    network_sha256="ab" * 32,
    settings={"score_threshold": 0.01},
)


def made_up(counts: list[int], seed: int = 1) -> DetectionTable:
    """So many detections in each event, the most certain first; boxes reach past the seam, some pt are not measured."""
    rng, n = np.random.default_rng(seed), sum(counts)
    low = rng.uniform((0, 0), (290, 360), (n, 2))
    event = np.repeat(np.arange(len(counts)), counts)
    score = rng.random(n)
    return DetectionTable.of(
        np.array(counts),
        class_id=rng.integers(0, 5, n),
        score=score[np.lexsort((-score, event))],
        pt=np.where(rng.random(n) < 0.2, np.nan, rng.uniform(20, 900, n)),
        eta=rng.uniform(-2.9, 2.9, n),
        phi=rng.uniform(-np.pi, np.pi, n),
        box=np.concatenate([low, low + 46], axis=1),
    )


def near(jets: Mapping[str, NDArray[Any]], seed: int) -> DetectionTable:
    """Detections at true jets: a little off, some of another class, some twice; and some where there is no jet.

    Args:
        jets: the table of this name, with `indptr`.
        seed: of what is random.
    """
    rng, counts = np.random.default_rng(seed), np.diff(jets["indptr"])
    event = np.concatenate([np.repeat(np.arange(len(counts)), counts)] * 2 + [np.arange(len(counts))])
    corner = rng.uniform((0, 0), (290, 360), (len(counts), 2))
    box = np.concatenate([jets["box"], jets["box"], np.concatenate([corner, corner + 46], axis=1)])
    shift = rng.normal(0, 6, (len(box), 2))
    class_id = np.concatenate([jets["class_id"], jets["class_id"], rng.integers(0, 5, len(counts))])
    other = rng.random(len(box)) < 0.3
    score = rng.random(len(box)).round(3)
    rows = np.lexsort((-score, event))
    columns = {"class_id": np.where(other, (class_id + 1) % 5, class_id), "score": score, "pt": 100 * (1 + score)}
    columns |= {"eta": np.zeros(len(box)), "phi": np.zeros(len(box)), "box": box + np.tile(shift, 2)}
    return DetectionTable.of(2 * counts + 1, **{name: column[rows] for name, column in columns.items()})
