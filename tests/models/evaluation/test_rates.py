"""Rules of matching, working points, bins, confusion and calibration: by hand."""

import itertools
import math

import numpy as np
import pytest

from models.evaluation import efficiency, working_point
from models.evaluation.calibration import calibration
from models.evaluation.confusion import confusion
from models.evaluation.counting import Matched
from models.evaluation.measure import DetectionSet, TrueJets, measure
from models.evaluation.metrics import Ranked
from models.evaluation.rule import IOU, Rule
from tests.helpers.jets import GRID, N_PHI, jets

SHAPE = (GRID.n_eta, N_PHI)
NAMES = ("b", "t")


def partner(found, true, rule: str) -> list[int]:
    return Matched.of(found, true, SHAPE, Rule.parse(rule)).partner.tolist()


def test_rules_by_hand_and_over_the_seam() -> None:
    """A jet at column 359 and detections at 359 + 20, 36 and 37 columns: 20, 36 and 37 degrees from it."""
    true = jets([(0, 0, 100, 359, 1, 50)])
    at = {d: jets([(0, 0, 100, 359 + d, 0.9, 50)]) for d in (20, 22, 23, 36, 37)}
    assert partner(at[20], true, "iou:0.5") == [-1]  # 26 of 66 columns are common
    assert partner(at[20], true, "iou:0.39") == [0]
    # 0.4 rad are 22.9 degrees.
    assert [partner(at[d], true, "deltar:0.4") for d in (22, 23)] == [[0], [-1]]
    # A tenth of 360 columns.
    assert [partner(at[d], true, "reference") for d in (36, 37)] == [[0], [-1]]
    # And of 340 rows.
    rows = [jets([(0, 0, 100 + d, 359, 0.9, 50)]) for d in (34, 35)]
    assert [partner(found, true, "reference") for found in rows] == [[0], [-1]]


def test_the_nearest_jet_is_taken_by_distance_too() -> None:
    true = jets([(0, 0, 100, 355, 1, 50), (0, 0, 100, 5, 1, 50)])
    found = jets([(0, 0, 100, 2, 0.9, 50), (0, 0, 100, 3, 0.8, 50)])
    assert partner(found, true, "deltar:0.4") == [1, 0]


def test_rules_are_read_and_told() -> None:
    assert Rule.parse("iou") == IOU == Rule.parse("iou:0.5")
    assert Rule.parse("reference").threshold == 0.1
    assert "0.3 apart" in str(Rule.parse("deltar:0.3"))
    for wrong in ("", "giou", "iou:2", "iou:0", "deltar:-1", "deltar:inf", "deltar:far"):
        with pytest.raises(ValueError, match=r"expected iou|is no"):
            Rule.parse(wrong)


def ranked(right: list[bool], score: list[float], n_true: int) -> Ranked:
    true = jets([(k, 0, 100, 100, 1, 50) for k in range(n_true)])
    found = jets([(0, 0, 100, 100, s, 50) for s in score])
    return Ranked.of(found, np.where(right, 0, -1), true, 0, 4)


def test_the_working_point_by_hand() -> None:
    """F1 of the cuts: 2/5, 2/6, 4/7, 4/8; the third is the largest."""
    curve = ranked([True, False, True, False], [0.9, 0.8, 0.7, 0.6], 4).curve()
    point = working_point.best(curve, 4)
    assert point == (np.float32(0.7), 2 / 3, 0.5, 0.25)
    assert working_point.false_positives_at(curve, 5, 4) == 0.25
    assert math.isnan(working_point.false_positives_at(curve, 6, 4))
    assert working_point.best(ranked([False], [0.9], 4).curve(), 4).score == math.inf
    assert math.isnan(working_point.best(ranked([], [], 0).curve(), 4).recall)


def test_efficiencies_by_hand() -> None:
    rows = efficiency.against(np.array([10.0, 50, 60, 2000]), np.array([True, True, False, True]), (0, 50, 100, np.inf))
    assert [(row["true_jets"], row["efficiency"]) for row in rows] == [(1, 1), (2, 0.5), (1, 1)]
    # Wilson: (0.5 + 1/4) / (1 + 1/2) = 1/2, half width sqrt(1/8 + 1/16) / 1.5.
    assert rows[1]["low"] == pytest.approx(0.5 - (3 / 16) ** 0.5 / 1.5)
    assert efficiency.wilson(3, 3)[1] == 1
    for k, n in itertools.combinations_with_replacement(range(30), 2):
        low, high = efficiency.wilson(k, n)
        assert n == 0 or low <= k / n <= high, (k, n)
    assert math.isnan(efficiency.wilson(0, 0)[0])


def test_bins_of_vertices_hold_every_event() -> None:
    number = np.random.default_rng(1).poisson(50, 1000)
    edges = efficiency.vertex_edges(number)
    assert np.histogram(number, edges)[0].sum() == 1000
    assert len(edges) == efficiency.VERTEX_BINS + 1
    assert efficiency.vertex_edges(np.full(5, 50)) == [50, 51]
    assert efficiency.vertex_edges(np.full(5, -1)) == efficiency.vertex_edges(np.empty(0, np.int64)) == []


def test_confusion_by_hand() -> None:
    true = jets([(0, 0, 100, 100, 1, 50), (0, 1, 200, 200, 1, 50), (1, 1, 100, 100, 1, 50)])
    found = jets(
        [
            (0, 0, 100, 100, 0.9, 50),  # b on b
            (0, 1, 102, 100, 0.9, 50),  # t on b
            (0, 1, 200, 200, 0.4, 50),  # t on t, below the cut
            (1, 0, 100, 100, 0.5, 50),  # b on t
            (1, 0, 300, 300, 0.6, 50),  # b on nothing
        ]
    )
    counted = confusion(found, true, {0: 0.5, 1: 0.5}, NAMES, SHAPE, IOU)
    assert counted["of"] == {"b": {"b": 1, "t": 1}, "t": {"b": 1, "t": 0}}
    assert counted["none"] == {"b": 0, "t": 1}
    assert counted["no_jet"] == {"b": 1, "t": 0}
    # A t between a t and a b takes the t, though the b is nearer.
    true = jets([(0, 0, 100, 100, 1, 50), (0, 1, 100, 110, 1, 50)])
    counted = confusion(jets([(0, 1, 100, 102, 0.9, 50)]), true, {1: 0.5}, NAMES, SHAPE, IOU)
    assert counted["of"] == {"b": {"t": 0}, "t": {"t": 1}}


def test_calibration_by_hand() -> None:
    found = calibration(ranked([True, False, True, True], [1.0, 0.95, 0.11, 0.05], 4))
    assert [row["detections"] for row in found["bins"]] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert [row["right"] for row in found["bins"]][::9] == [1, 0.5]
    assert found["error"] == pytest.approx((0.95 + 0.89 + 2 * 0.475) / 4)
    assert math.isnan(calibration(ranked([], [], 1))["error"])


def test_bins_of_pt_count_only_their_own() -> None:
    true = jets([(0, 0, 100, 100, 1, 60), (1, 0, 100, 100, 1, 300)])
    found = jets(
        [
            (0, 0, 100, 100, 0.9, 70),  # right in its bin, ignored in that of the other
            (1, 0, 100, 100, 0.8, 90),  # right, though it measures another pt
            (1, 0, 200, 200, 0.95, 310),  # wrong, and only where it says to be
        ]
    )
    truth = TrueJets(true, 2, NAMES, N_PHI, GRID.n_eta, np.array([40, 60]))
    (one,) = measure([DetectionSet("one", found, (0,))], truth)
    numbers = one.classes["b"]
    assert numbers is not None
    rows = {efficiency.PT_BINS[k]: row for k, row in enumerate(numbers["ap_by_pt"]) if row["true_jets"]}
    assert {low: row["ap_11"] for low, row in rows.items()} == {50: 1, 200: 0.5}
    assert [(row["true_jets"], row["efficiency"]) for row in numbers["efficiency_by_vertices"]] == [(2, 1)]
    assert numbers["working_point"]["recall"] == 1
    assert one.confusion["no_jet"] == {"b": 1}
