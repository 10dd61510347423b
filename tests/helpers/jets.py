"""Jets for tests of the evaluation: by hand, and at random."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from detector import load
from detector.geometry import boxes
from detector.geometry.grid import Grid
from models.evaluation.pairing import JetTable

GRID = Grid.of(load())
N_PHI = GRID.n_phi
# What a network's configuration takes from a data set of the CMS-like detector.
CMS: dict[str, Any] = {"image_shape": (GRID.n_eta, GRID.n_phi), "box_size": boxes.size(GRID, 0.4)}

# Event, class_id, row and column of the box's centre in pixels, score, pt.
Row = tuple[int, int, float, float, float, float]


def jets(rows: Sequence[Row]) -> JetTable:
    """Jets with boxes of 46 x 46 pixels, in the order of their events."""
    columns = np.array(sorted(rows, key=lambda row: row[0]), np.float64).reshape(-1, 6)
    phi_min = np.mod(columns[:, 3] - 23, N_PHI)
    box = np.stack([columns[:, 2] - 23, phi_min, columns[:, 2] + 23, phi_min + 46], axis=1).astype(np.float32)
    eta, phi = boxes.centre(GRID, box)
    return JetTable(
        event=columns[:, 0].astype(np.int64),
        class_id=columns[:, 1].astype(np.int64),
        box=box,
        eta=eta,
        phi=phi,
        pt=columns[:, 5],
        score=columns[:, 4].astype(np.float32),
    )


def random_jets(seed: int, n_events: int, n_classes: int = 2, ties: bool = False) -> tuple[JetTable, JetTable]:
    """Detections and true jets: 0 to 3 jets an event, found with an error, found again, missed, or made up."""
    random = np.random.default_rng(seed)
    true: list[Row] = []
    found: list[Row] = []

    def score() -> float:
        return float(random.integers(1, 5) / 8) if ties else float(random.random())

    for event in range(n_events):
        for _ in range(random.integers(0, 4)):
            class_id, row, column = int(random.integers(n_classes)), random.uniform(0, 340), random.uniform(0, 360)
            true.append((event, class_id, row, column, 1.0, 100.0))
            for _ in range(random.integers(0, 3)):
                eta, phi = row + random.normal(0, 9), column + random.normal(0, 9)
                found.append((event, class_id, eta, phi, score(), 110.0))
        for _ in range(random.integers(0, 3)):
            row, column = random.uniform(0, 340), random.uniform(0, 360)
            found.append((event, int(random.integers(n_classes)), row, column, score(), 50.0))
    return jets(found), jets(true)
