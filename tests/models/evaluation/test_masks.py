"""Overlaps of masks, and the study's measure, by hand."""

import numpy as np
import pytest

from models.evaluation.masks import THRESHOLDS, Images, Objects, best_cut, counted, mask_pairs, measure
from models.evaluation.pairing import JetTable

N_PIXELS = 1000
Row = tuple[int, int, list[int], float]


def objects(rows: list[Row]) -> Objects:
    """Of each its image, class, pixels and score."""
    event, class_id = (np.array([row[k] for row in rows], np.int64) for k in (0, 1))
    score = np.array([row[3] for row in rows], np.float32)
    box = np.tile(np.array([0, 0, 1, 1], np.float32), (len(rows), 1))
    pixel = np.array([pixel for row in rows for pixel in row[2]], np.int64)
    return Objects(JetTable.of_boxes(event, class_id, box, score), np.array([len(row[2]) for row in rows]), pixel)


TRUE = objects([(0, 0, [1, 2, 3, 4], 1), (0, 1, [3, 4, 5], 1), (1, 0, [1, 2, 3, 4, 5], 1)])


def test_overlaps_are_those_of_pixels_of_one_image_and_class() -> None:
    found = objects([(0, 0, [2, 3, 4, 7], 0.9), (0, 1, [8], 0.8), (1, 0, [1, 2, 3, 4], 0.7), (1, 1, [1], 0.6)])
    pairs = mask_pairs(found, TRUE, N_PIXELS)
    iou = dict(zip(zip(pairs.found.tolist(), pairs.true.tolist(), strict=True), pairs.iou, strict=True))
    assert iou == {(0, 0): 3 / 5, (1, 1): 0, (2, 2): 4 / 5}
    whatever = mask_pairs(found, TRUE, N_PIXELS, of_class=False)
    assert len(whatever.found) == 2 * 2 + 2 * 1


def test_the_measure_by_hand() -> None:
    """Overlaps 0.6 and 0.8, and one detection of nothing: TP 2, FP 1, FN 1 up to 0.6; TP 1, FP 2, FN 2 up to 0.8."""
    found = objects([(0, 0, [2, 3, 4, 7], 0.9), (0, 1, [8], 0.8), (1, 0, [1, 2, 3, 4], 0.7)])
    images = Images(found, TRUE, N_PIXELS)
    pairs = mask_pairs(found, TRUE, N_PIXELS)
    assert counted(images, pairs, 0, 0.5) == (2, 1, 1)
    assert counted(images, pairs, 0, 0.75) == (1, 2, 2)
    assert counted(images, pairs, 0.85, 0.5) == (1, 0, 2)
    result = measure(images, 0.1, ("pi", "egamma"))
    expected = [2 / 4 if t <= 0.6 else 1 / 5 if t <= 0.8 else 0 for t in THRESHOLDS]
    assert result.measure == pytest.approx(expected)
    assert result.missed == pytest.approx(1 / 3)
    assert result.ap[0] == pytest.approx([1, 1, 1, 51 / 101, 51 / 101, 51 / 101, 51 / 101, 0, 0, 0], abs=0.26)


def test_what_is_found_as_another_class_is_not_missed() -> None:
    found = objects([(0, 1, [1, 2, 3, 4], 0.9)])
    result = measure(Images(found, TRUE, N_PIXELS), 0.1, ("pi", "egamma"))
    assert result.counts == (0, 1, 3)
    assert result.missed == pytest.approx(2 / 3)
    assert result.wrong_class == pytest.approx(1 / 3)


def test_the_truth_itself_has_everything() -> None:
    result = measure(Images(TRUE, TRUE, N_PIXELS), 0.5, ("pi", "egamma"))
    assert (result.ap == 1).all()
    assert (result.measure == 1).all()
    assert best_cut(Images(TRUE, TRUE, N_PIXELS)) == 0.05
