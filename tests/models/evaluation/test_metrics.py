import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation import coco
from models.evaluation.metrics import REPLICAS, Curve, Ranked, ap_11, ap_all, bootstrap, interpolated, score_at_recall
from models.evaluation.pairing import JetTable, match, pairs
from models.networks.postprocess import Detections
from tests.helpers.jets import N_PHI, jets, random_jets
from tests.helpers.precision import average_precision

RIGHT, WRONG = (100, 100), (250, 300)


def ranked(found: JetTable, true: JetTable, class_id: int = 0, n_events: int = 8) -> Ranked:
    partner = match(pairs(found, true, N_PHI), len(found), len(true), 0.5)
    return Ranked.of(found, partner, true, class_id, n_events)


def curve(found: JetTable, true: JetTable, class_id: int = 0) -> Curve:
    return ranked(found, true, class_id).curve()


def test_one_event_by_hand() -> None:
    """Right, wrong, right, of two jets."""
    true = jets([(0, 0, 100, 100, 1, 1), (0, 0, 200, 100, 1, 1)])
    found = jets([(0, 0, 100, 102, 0.9, 1), (0, 0, 10, 300, 0.8, 1), (0, 0, 201, 100, 0.7, 1)])
    made = curve(found, true)
    assert made.precision.tolist() == [1, 1 / 2, 2 / 3]
    assert made.recall.tolist() == [1 / 2, 1 / 2, 1]
    # Up to recall 1/2 the best precision is 1 (6 of 11 points), from there 2/3 (5 points).
    assert ap_11(made) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert ap_all(made) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert interpolated(made, 10)[[3, 5, 6]].tolist() == [1, 1, 2 / 3]
    assert [score_at_recall(made, k) for k in (3, 5, 6)] == [np.float32(0.9), np.float32(0.9), np.float32(0.7)]


def test_three_events_by_hand() -> None:
    """Wrong, right, found again, right, of four jets in three events, one of them without detections."""
    true = jets([(0, 0, *RIGHT, 1, 1), (1, 0, *RIGHT, 1, 1), (1, 0, 200, 20, 1, 1), (2, 0, *RIGHT, 1, 1)])
    found = jets(
        [(0, 0, *WRONG, 0.9, 1), (1, 0, *RIGHT, 0.8, 1), (1, 0, 101, 101, 0.7, 1), (0, 0, 100, 103, 0.6, 1)],
    )
    made = curve(found, true)
    # Cuts at 0.9, 0.8, 0.7, 0.6 keep 1, 2, 3, 4 detections, of which 0, 1, 1, 2 are right.
    assert made.precision.tolist() == [0, 1 / 2, 1 / 3, 1 / 2]
    assert made.recall.tolist() == [0, 1 / 4, 1 / 4, 1 / 2]
    # The best precision is 1/2 up to recall 1/2 (6 points); beyond there is none, which counts as 0.
    assert ap_11(made) == pytest.approx(6 / 11 / 2)
    assert ap_all(made) == pytest.approx(1 / 2 * 1 / 2)
    assert math.isnan(interpolated(made, 10)[6])
    assert math.isnan(score_at_recall(made, 6))
    # Each event once more, but the last four times: 7 jets, 0, 1, 1, 2 right.
    heavy = ranked(found, true, n_events=3).curve(np.array([1, 1, 4]))
    assert (heavy.n_true, heavy.right.tolist(), heavy.kept.tolist()) == (7, [0, 1, 1, 2], [1, 2, 3, 4])


def test_equal_scores_by_hand() -> None:
    """Three detections of one score, of which one is right, then a right one: two cuts, whatever the order."""
    true = jets([(0, 0, *RIGHT, 1, 1), (1, 0, *RIGHT, 1, 1)])
    rows = [(0, 0, *WRONG, 0.5, 1), (0, 0, *RIGHT, 0.5, 1), (1, 0, *WRONG, 0.5, 1), (1, 0, *RIGHT, 0.25, 1)]
    for order in ([0, 1, 2, 3], [1, 0, 2, 3]):
        made = curve(jets([rows[k] for k in order]), true)
        assert made.score.tolist() == [0.5, 0.25]
        assert made.precision.tolist() == [1 / 3, 2 / 4]
        # Precision 1/2 at recall 1 is above the 1/3 at recall 1/2: 1/2 everywhere.
        assert ap_11(made) == ap_all(made) == 1 / 2


def test_three_of_ten_are_a_recall_of_three_tenths() -> None:
    """0.1 + 0.1 + 0.1 is above 3 / 10 in floating point, and would ask for a fourth jet."""
    true = jets([(event, 0, *RIGHT, 1, 1) for event in range(10)])
    found = jets([(event, 0, *(RIGHT if event < 3 else WRONG), 0.9 - event / 20, 1) for event in range(10)])
    made = Ranked.of(found, match(pairs(found, true, N_PHI), 10, 10, 0.5), true, 0, 10).curve()
    assert interpolated(made, 10)[3] == 1
    assert math.isnan(interpolated(made, 10)[4])
    assert ap_11(made) == pytest.approx(4 / 11)


def test_without_jets_there_is_no_number_and_without_detections_it_is_zero() -> None:
    one, none = jets([(0, 0, *RIGHT, 0.9, 1)]), jets([])
    assert math.isnan(ap_11(curve(one, none)))
    assert math.isnan(ap_all(curve(one, none)))
    assert np.isnan(interpolated(curve(one, none), 10)).all()
    assert np.isnan(curve(one, none).recall).all()
    assert ap_11(curve(none, one)) == ap_all(curve(none, one)) == 0
    assert math.isnan(ap_11(curve(none, none)))
    assert np.isnan(coco.average_precision(one, none, pairs(one, none, N_PHI), 0)).all()
    assert coco.average_precision(none, one, pairs(none, one, N_PHI), 0).tolist() == [0] * 10


def from_the_definition(found: JetTable, true: JetTable, class_id: int) -> float:
    """11 points as equation 2 of the Pascal VOC paper has them, cut by cut."""
    mine, n_true = found.take(found.class_id == class_id), int((true.class_id == class_id).sum())
    partner = match(pairs(mine, true, N_PHI), len(mine), len(true), 0.5)
    points = []
    for cut in set(mine.score.tolist()):
        kept = mine.score >= np.float32(cut)
        right = int((partner[kept] >= 0).sum())
        points.append((right, right / int(kept.sum())))
    best = [max((p for right, p in points if 10 * right >= k * n_true), default=0.0) for k in range(11)]
    return sum(best) / 11


SEEDS = st.integers(0, 10**6)


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 8), st.booleans())
def test_11_points_agree_with_the_definition(seed, n_events, ties) -> None:
    found, true = random_jets(seed, n_events, ties=ties)
    for class_id in set(true.class_id.tolist()):
        assert ap_11(curve(found, true, class_id)) == pytest.approx(from_the_definition(found, true, class_id))


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 8))
def test_11_and_101_points_agree_with_the_library(seed, n_events) -> None:
    """Matching, sorting and interpolation there are independent of ours; scores differ, as ties go by order there."""
    found, true = random_jets(seed, n_events)
    together, min_iou = pairs(found, true, N_PHI), np.array([0.5])
    for class_id in set(true.class_id.tolist()):
        made = curve(found, true, class_id)
        for steps in (10, 100):
            points = np.arange(steps + 1) / steps
            theirs = coco.average_precision(found, true, together, class_id, min_iou, points)
            assert np.nan_to_num(interpolated(made, steps)).mean() == pytest.approx(theirs[0])


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 8))
def test_in_the_library_equal_scores_go_by_the_order_of_events(seed, n_events) -> None:
    """Ties made different in that order change nothing in the library, and agree with us."""
    found, true = random_jets(seed, n_events, ties=True)
    rank = np.empty(len(found), np.float32)
    rank[np.argsort(-found.score, kind="stable")] = np.linspace(0.9, 0.1, len(found))
    for class_id in set(true.class_id.tolist()):
        by_iou = coco.average_precision(found, true, pairs(found, true, N_PHI), class_id)
        untied = JetTable(**vars(found) | {"score": rank})
        assert np.array_equal(by_iou, coco.average_precision(untied, true, pairs(untied, true, N_PHI), class_id))
        ours = np.nan_to_num(interpolated(curve(untied, true, class_id), 100)).mean()
        assert ours == pytest.approx(by_iou[0])


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 8))
def test_the_area_agrees_with_the_one_of_the_tests(seed, n_events) -> None:
    found, true = random_jets(seed, n_events)
    classes = sorted(set(true.class_id.tolist()))
    if not classes:
        return
    by_event = []
    for event in range(n_events):
        mine, there = found.take(found.event == event), true.take(true.event == event)
        mine = mine.take(np.argsort(-mine.score))
        detections = Detections(*(torch.from_numpy(x) for x in (mine.box, mine.class_id, mine.score, mine.pt)))
        by_event.append((detections, (torch.from_numpy(there.box), torch.from_numpy(there.class_id))))
    theirs = average_precision([one for one, _ in by_event], [two for _, two in by_event], N_PHI)
    assert np.mean([ap_all(curve(found, true, k)) for k in classes]) == pytest.approx(theirs)


@settings(max_examples=20)
@given(SEEDS, st.floats(0, 360))
def test_average_precision_does_not_depend_on_where_the_image_is_cut(seed, turn) -> None:
    found, true = random_jets(seed, 6)

    def turned(of: JetTable) -> JetTable:
        phi_min = np.mod(of.box[:, 1] + np.float32(turn), N_PHI)
        box = np.stack([of.box[:, 0], phi_min, of.box[:, 2], phi_min + 46], axis=1)
        return JetTable(**vars(of) | {"box": box})

    for class_id in (0, 1):
        here, there = ap_11(curve(found, true, class_id)), ap_11(curve(turned(found), turned(true), class_id))
        # Rounding may move an overlap across the threshold; such a case is not among the examples.
        assert there == here or (math.isnan(here) and math.isnan(there))


def test_coco_by_hand() -> None:
    # Centres 4 pixels apart over the seam: 42 of 50 columns, an overlap of 0.84, right at 0.50 to 0.80.
    true, found = jets([(0, 0, 100, 358, 1, 1)]), jets([(0, 0, 100, 2, 0.9, 1)])
    by_iou = coco.average_precision(found, true, pairs(found, true, N_PHI), 0)
    assert by_iou.tolist() == pytest.approx([1] * 7 + [0] * 3)


def test_bootstrap_repeats_itself_and_events_that_are_alike_leave_no_error() -> None:
    found, true = random_jets(3, 8)
    mine = [ranked(found, true, class_id) for class_id in (0, 1)]
    values = bootstrap(mine, 8)
    assert values.shape == (REPLICAS, 2)
    assert np.array_equal(values, bootstrap(mine, 8))
    # The same sample of events for each: a detector does not differ from itself.
    alone = bootstrap([mine[0], mine[0]], 8)
    assert np.array_equal(alone[:, 0], alone[:, 1])
    assert np.array_equal(alone[:, 0], values[:, 0])
    alike = jets([(event, 0, *RIGHT, 0.9, 1) for event in range(8)])
    assert bootstrap([ranked(alike, alike)], 8).std() == 0


def test_the_error_is_that_of_a_share() -> None:
    """Of 400 jets, one an event and all of one score, 160 are found: the precision is 0.4 +- sqrt(0.4 * 0.6 / 400)."""
    true = jets([(event, 0, *RIGHT, 1, 1) for event in range(400)])
    found = jets([(event, 0, *(RIGHT if event < 160 else WRONG), 0.5, 1) for event in range(400)])
    mine = Ranked.of(found, match(pairs(found, true, N_PHI), 400, 400, 0.5), true, 0, 400)
    error = bootstrap([mine], 400, lambda made: float(made.precision[-1])).std(ddof=1)
    assert error == pytest.approx((0.4 * 0.6 / 400) ** 0.5, rel=0.15)
