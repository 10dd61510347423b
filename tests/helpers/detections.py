"""Detections made at random, and what a file says of them."""

import numpy as np

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
