import math

import numpy as np
import pytest

from models.evaluation.residuals import MIN_PAIRS, PT_EDGES, Residuals, against_pt, spread
from tests.helpers.jets import GRID, jets


def test_residuals_by_hand_and_over_the_seam() -> None:
    true = jets([(0, 0, 100, 358, 1, 200), (0, 0, 200, 2, 1, 100)])
    found = jets([(0, 0, 103, 1, 0.9, 150), (0, 0, 50, 50, 0.8, 1), (0, 0, 200, 357, 0.7, 130)])
    made = Residuals.of(found, true, np.array([0, -1, 1]))
    assert made.eta.tolist() == pytest.approx([3 * GRID.eta_pitch, 0])
    # From column 358 to 361, and from 2 to -3.
    assert made.phi.tolist() == pytest.approx([3 * GRID.phi_pitch, -5 * GRID.phi_pitch])
    assert made.pt.tolist() == pytest.approx([-0.25, 0.3])
    assert made.true_pt.tolist() == [200, 100]


def test_bias_and_resolution_of_a_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(0.1, 0.25, 100_000)
    found = spread(np.concatenate([values, [np.nan]]))
    assert found["pairs"] == 100_000
    assert found["bias"] == pytest.approx(0.1, abs=0.004)
    assert found["resolution"] == pytest.approx(0.25, rel=0.01)


def test_the_error_of_the_resolution_is_its_scatter() -> None:
    random = np.random.default_rng(2)
    samples = [spread(random.normal(0, 1, 400)) for _ in range(300)]
    scatter = np.std([sample["resolution"] for sample in samples], ddof=1)
    assert scatter == pytest.approx(np.mean([sample["resolution_error"] for sample in samples]), rel=0.15)


def test_few_pairs_and_what_is_not_measured_say_nothing() -> None:
    assert math.isnan(spread(np.zeros(MIN_PAIRS - 1))["resolution"])
    assert spread(np.zeros(MIN_PAIRS))["resolution"] == 0
    assert spread(np.full(50, np.nan))["pairs"] == 0


def test_bins_hold_all_jets_and_the_last_has_no_end() -> None:
    true_pt = np.array([0.0, 49.9, 50.0, 250.0, 5000.0])
    nothing = np.zeros(2)
    rows = against_pt(Residuals(nothing, nothing, nothing, np.array([49.9, 5000.0])), true_pt)
    assert [row["true_jets"] for row in rows] == [2, 1, 0, 1, 0, 0, 0, 0, 0, 1]
    assert [row["pt_from"] for row in rows] == list(PT_EDGES[:-1])
    assert rows[0]["found"] == 0.5
    assert rows[-1]["found"] == 1
    assert rows[-1]["pt_to"] == math.inf
    assert math.isnan(rows[2]["found"])
