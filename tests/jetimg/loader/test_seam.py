"""Boxes on flat images: nothing is lost or moved at phi = +-pi."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from jetimg.loader.seam import NARROWEST, cylinder_boxes, flat_boxes

N_ETA, N_PHI = 340, 360
SHAPE = N_ETA, N_PHI
# On eighths of a pixel float32 is exact.
EIGHTH = 1 / 8


@st.composite
def cylinder(draw) -> np.ndarray:
    """Boxes as event files have them, many of them near the seam; up to the whole circle wide."""
    n = draw(st.integers(0, 6))
    numbers = npst.arrays(np.int64, n, elements=st.integers(0, 8 * N_PHI - 1))
    near = npst.arrays(np.int64, n, elements=st.integers(8 * (N_PHI - 50), 8 * N_PHI - 1))
    phi_min = draw(st.one_of(numbers, near)) * EIGHTH
    width = draw(npst.arrays(np.int64, n, elements=st.integers(8, 8 * N_PHI))) * EIGHTH
    height = draw(npst.arrays(np.int64, n, elements=st.integers(8, 8 * 60))) * EIGHTH
    centre = draw(npst.arrays(np.int64, n, elements=st.integers(0, 8 * N_ETA))) * EIGHTH
    return np.stack([centre - height / 2, phi_min, centre + height / 2, phi_min + width], axis=1).astype(np.float32)


def columns(x_min: float, x_max: float) -> set[int]:
    """Eighths of columns that a box covers, round the circle."""
    return {k % (8 * N_PHI) for k in range(round(8 * x_min), round(8 * x_max))}


@given(cylinder())
def test_padded_boxes_are_whole_and_come_back(box: np.ndarray) -> None:
    flat, jet = flat_boxes(box, SHAPE, "pad")
    assert list(jet) == list(range(len(box)))
    back = cylinder_boxes(flat, N_PHI)
    np.testing.assert_array_equal(back[:, [1, 3]], box[:, [1, 3]])
    np.testing.assert_array_equal(back[:, [0, 2]], np.clip(box[:, [0, 2]], 0, N_ETA))


@given(cylinder())
def test_parts_of_a_cut_box_cover_it_and_nothing_twice(box: np.ndarray) -> None:
    flat, jet = flat_boxes(box, SHAPE, "cut")
    assert (np.diff(jet) >= 0).all()
    for number, (_, phi_min, _, phi_max) in enumerate(box):
        parts = flat[jet == number]
        assert len(parts) == 1 or (len(parts) == 2 and phi_max > N_PHI)
        covered = [columns(x0, x1) for x0, _, x1, _ in parts]
        assert sum(map(len, covered)) == len(set().union(*covered))
        missing = columns(phi_min, phi_max) - set().union(*covered)
        assert len(missing) < 8 * NARROWEST
        assert set().union(*covered) <= columns(phi_min, phi_max)
        assert not missing or phi_max > N_PHI


@given(cylinder())
def test_a_clipped_box_is_the_larger_part(box: np.ndarray) -> None:
    flat, jet = flat_boxes(box, SHAPE, "clip")
    assert list(jet) == list(range(len(box)))
    cut, owner = flat_boxes(box, SHAPE, "cut")
    for number, kept in enumerate(flat):
        parts = cut[owner == number]
        assert kept.tolist() in parts.tolist()
        assert kept[2] - kept[0] == (parts[:, 2] - parts[:, 0]).max()


@given(cylinder(), st.sampled_from(["cut", "clip", "pad"]))
def test_boxes_lie_in_the_image_and_have_an_area(box: np.ndarray, seam) -> None:
    flat, _ = flat_boxes(box, SHAPE, seam)
    assert flat.dtype == np.float32
    x0, y0, x1, y1 = flat.T
    assert (x1 > x0).all()
    assert (y1 > y0).all()
    assert (y0 >= 0).all()
    assert (y1 <= N_ETA).all()
    assert (x0 >= 0).all()
    assert (x1 <= (2 * N_PHI if seam == "pad" else N_PHI)).all()


@given(cylinder(), st.integers(-3, 3))
def test_turns_do_not_count_on_the_way_back(box: np.ndarray, turns: int) -> None:
    flat, _ = flat_boxes(box, SHAPE, "pad")
    moved = flat + np.array([turns, 0, turns, 0], np.float32) * N_PHI
    np.testing.assert_array_equal(cylinder_boxes(moved, N_PHI), cylinder_boxes(flat, N_PHI))


@pytest.mark.parametrize(
    ("box", "cut", "clip"),
    [
        # (phi_min, phi_max); expected (x_min, x_max) of each part.
        ((300, 346), [(300, 346)], (300, 346)),
        ((314, 360), [(314, 360)], (314, 360)),  # ends at the seam
        ((0, 46), [(0, 46)], (0, 46)),  # begins there
        ((340, 386), [(340, 360), (0, 26)], (0, 26)),
        ((337, 383), [(337, 360), (0, 23)], (337, 360)),  # two halves: the first
        ((359.5, 405.5), [(0, 45.5)], (0, 45.5)),  # half a pixel is no object
        ((314.5, 360.5), [(314.5, 360)], (314.5, 360)),
        ((359.5, 360.75), [(359.5, 360), (0, 0.75)], (0, 0.75)),  # nothing else is left of it
        ((10, 370), [(10, 360), (0, 10)], (10, 360)),  # all the way round
    ],
)
def test_examples(box, cut, clip) -> None:
    one = np.array([[100, box[0], 146, box[1]]], np.float32)
    found, _ = flat_boxes(one, SHAPE, "cut")
    assert [(x0, x1) for x0, _, x1, _ in found.tolist()] == cut
    found, _ = flat_boxes(one, SHAPE, "clip")
    assert [(x0, x1) for x0, _, x1, _ in found.tolist()] == [clip]


def test_forms_of_boxes() -> None:
    box = np.array([[10, 350, 30, 380]], np.float32)
    assert flat_boxes(box, SHAPE, "pad", "xyxy")[0].tolist() == [[350, 10, 380, 30]]
    assert flat_boxes(box, SHAPE, "pad", "xywh")[0].tolist() == [[350, 10, 30, 20]]
    assert flat_boxes(box, SHAPE, "pad", "cxcywh")[0].tolist() == [[365, 20, 30, 20]]
    with pytest.raises(ValueError, match="seam 'wrap': one of cut, clip, pad"):
        flat_boxes(box, SHAPE, "wrap")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="targets 'yolo': one of xyxy, xywh, cxcywh"):
        flat_boxes(box, SHAPE, "cut", "yolo")  # type: ignore[arg-type]
