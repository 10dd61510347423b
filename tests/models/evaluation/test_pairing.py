import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation.counting import above
from models.evaluation.pairing import JetTable, joined, match, pairs
from models.networks.box_ops import iou
from tests.helpers.jets import GRID, N_PHI, jets, random_jets

SHAPE = (GRID.n_eta, N_PHI)


def partner(found: JetTable, true: JetTable, min_iou: float = 0.5) -> list[int]:
    return match(pairs(found, true, N_PHI), len(found), len(true), min_iou).tolist()


def test_a_jet_is_found_once_and_by_the_most_certain() -> None:
    true = jets([(0, 1, 100, 100, 1, 1)])
    found = jets([(0, 1, 100, 101, 0.3, 1), (0, 1, 104, 100, 0.8, 1), (0, 1, 100, 100, 0.5, 1)])
    assert partner(found, true) == [-1, 0, -1]


def test_a_detection_takes_the_free_jet_that_it_overlaps_most() -> None:
    true = jets([(0, 0, 100, 100, 1, 1), (0, 0, 100, 110, 1, 1)])
    # Both detections overlap the second jet most; the less certain one still finds the first.
    found = jets([(0, 0, 100, 108, 0.9, 1), (0, 0, 100, 107, 0.8, 1), (0, 0, 100, 106, 0.7, 1)])
    assert partner(found, true) == [1, 0, -1]


def test_class_and_event_have_to_be_the_same() -> None:
    true = jets([(1, 0, 100, 100, 1, 1)])
    assert partner(jets([(1, 1, 100, 100, 0.9, 1), (0, 0, 100, 100, 0.9, 1)]), true) == [-1, -1]


def test_overlap_at_the_threshold_counts_and_goes_round_the_seam() -> None:
    # Centres 4 pixels apart over the seam, 20 apart in eta: 26 x 42 of 2 x 46 x 46 - 26 x 42.
    true, found = jets([(0, 0, 100, 358, 1, 1)]), jets([(0, 0, 120, 2, 0.9, 1)])
    overlap = 26 * 42 / (2 * 46 * 46 - 26 * 42)
    assert pairs(found, true, N_PHI).iou.tolist() == [overlap]
    assert partner(found, true, overlap) == [0]
    assert partner(found, true, overlap + 1e-12) == [-1]


@pytest.mark.parametrize(("n_found", "n_true"), [(0, 0), (0, 1), (1, 0)])
def test_nothing_to_pair(n_found, n_true) -> None:
    found, true = jets([(0, 0, 9, 9, 1, 1)] * n_found), jets([(0, 0, 9, 9, 1, 1)] * n_true)
    assert partner(found, true) == [-1] * n_found


def greedy(found: JetTable, true: JetTable) -> list[int]:
    """The rule as it is told, one detection after the other."""
    taken: dict[int, int] = {}
    for row in sorted(range(len(found)), key=lambda k: (-found.score[k], k)):
        best, jet = 0.5, -1
        for k in range(len(true)):
            same = true.event[k] == found.event[row] and true.class_id[k] == found.class_id[row]
            boxes = (torch.from_numpy(box[None].astype(np.float64)) for box in (found.box[row], true.box[k]))
            if same and k not in taken and (overlap := float(iou(*boxes, N_PHI)[0, 0])) >= best:
                best, jet = overlap, k
        if jet >= 0:
            taken[jet] = row
    return [next((jet for jet, row in taken.items() if row == k), -1) for k in range(len(found))]


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 5), st.booleans())
def test_matching_is_greedy(seed, n_events, ties) -> None:
    found, true = random_jets(seed, n_events, ties=ties)
    assert partner(found, true) == greedy(found, true)


def test_soft_jets_and_what_finds_them_do_not_count() -> None:
    true = jets([(0, 0, 100, 100, 1, 300), (0, 0, 100, 106, 1, 50), (0, 0, 200, 200, 1, 50)])
    found = jets(
        [
            (0, 0, 100, 106, 0.9, 40),  # nearer to the soft jet, but near enough to the hard one: right
            (0, 0, 100, 104, 0.8, 300),  # finds the soft jet, as the hard one is taken: does not count
            (0, 0, 200, 200, 0.7, 300),  # finds a soft jet: does not count
            (0, 0, 300, 10, 0.6, 199),  # finds nothing and is soft: does not count
            (0, 0, 300, 10, 0.5, 200),  # finds nothing and is hard: wrong
            (0, 0, 300, 10, 0.4, float("nan")),  # nobody knows its pt: wrong
        ]
    )
    counting = above(found, true, 200, SHAPE)
    assert counting.score.tolist() == [np.float32(score) for score in (0.9, 0.5, 0.4)]
    assert partner(counting, true.take(true.pt >= 200)) == [0, -1, -1]
    assert len(above(found, jets([]), 200, SHAPE)) == 4


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_all_jets_count_without_a_least_pt_and_leaving_soft_ones_out_again_changes_nothing(seed, n_events) -> None:
    found, true = random_jets(seed, n_events)
    assert len(above(found, true, 0, SHAPE)) == len(found)
    # Every third jet is soft.
    true = JetTable(**vars(true) | {"pt": np.where(np.arange(len(true)) % 3, 500.0, 50.0)})
    counting, hard = above(found, true, 100, SHAPE), true.take(true.pt >= 100)
    again = above(counting, hard, 100, SHAPE)
    assert np.array_equal(again.box, counting.box)
    # No hard jet is lost.
    most = match(pairs(found, hard, N_PHI), len(found), len(hard), 0.5)
    assert sum(k >= 0 for k in partner(counting, hard)) == (most >= 0).sum()


def test_parts_are_joined_in_order() -> None:
    one, two = jets([(0, 0, 1, 1, 1, 1)]), jets([(3, 1, 2, 2, 0.5, 1)])
    both = joined([one, two])
    assert both.event.tolist() == [0, 3]
    assert both.box.shape == (2, 4)
    assert both.take(np.array([1])).score.tolist() == [0.5]
