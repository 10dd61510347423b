"""Areas, rejections and their errors by hand."""

import math

import numpy as np
import pytest

from models.classify import metrics

SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
SIGNAL = np.array([True, True, False, True, False, False])


def test_area_and_rejection_by_hand() -> None:
    """Of 9 pairs one stands the wrong way round; half the signal is kept before any background is."""
    found = metrics.Measure.of(SCORE, SIGNAL)
    assert found.auc == pytest.approx(8 / 9)
    assert (found.signal, found.background) == (3, 3)
    assert found.rejection == {"0.3": None, "0.5": None}
    # The other way round: the first of three backgrounds comes before any signal, two before the second.
    turned = metrics.Measure.of(-SCORE, SIGNAL)
    assert turned.auc == pytest.approx(1 / 9)
    assert turned.rejection["0.3"] == pytest.approx(3 / 2)
    assert turned.rejection_error["0.3"] == pytest.approx(3 / 2 / math.sqrt(2))


def test_the_error_of_an_area_is_that_of_repeated_trials() -> None:
    random = np.random.default_rng(3)
    signal = np.arange(120) < 50
    areas = [metrics.Measure.of(random.normal(signal * 1.0), signal).auc for _ in range(300)]
    assert metrics.auc_error(float(np.mean(areas)), 50, 70) == pytest.approx(np.std(areas), rel=0.15)


def test_equal_scores_are_worth_half() -> None:
    assert metrics.Measure.of(np.ones(6), SIGNAL).auc == 0.5
    assert metrics.background_at(np.ones(6), SIGNAL, 0.3) == pytest.approx(0.3)


def test_more_than_two_classes_have_the_mean_of_each_against_the_others() -> None:
    label = np.array([0, 1, 2, 0, 1, 2])
    score = np.eye(3)[label]
    assert metrics.mean_auc(score, label) == 1
    score[0] = [0, 0.4, 0.6]  # the first of class 0 is behind all others of its column
    by_class = [metrics.Measure.of(score[:, k], label == k).auc for k in range(3)]
    assert metrics.mean_auc(score, label) == pytest.approx(np.mean(by_class))
    assert metrics.mean_auc(np.stack([SCORE, 1 - SCORE], 1), (~SIGNAL).astype(np.int64)) == pytest.approx(8 / 9)


def test_bins_of_energy_have_as_many_examples_each() -> None:
    random = np.random.default_rng(1)
    signal = random.random(1600) < 0.5
    energy = random.uniform(2, 50, 1600)
    score = np.where(energy < 26, signal, 0.5) + random.normal(0, 0.1, 1600)
    rows = metrics.against_energy(energy, score, signal)
    assert [row["signal"] + row["background"] for row in rows] == [200] * metrics.BINS
    assert [row["to"] for row in rows[:-1]] == [row["from"] for row in rows[1:]]
    assert rows[0]["auc"] > 0.99
    assert abs(rows[-1]["auc"] - 0.5) < 0.15
    assert metrics.against_energy(energy[:30], score[:30], signal[:30]) == []
