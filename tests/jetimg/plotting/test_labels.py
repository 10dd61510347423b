from hypothesis import given
from hypothesis import strategies as st

from jetimg.plotting.labels import Area, place

FRAME = Area(0, 0, 100, 100)


def test_a_lone_label_stands_above_the_left_corner():
    assert place([Area(10, 10, 30, 30)], [(8, 3)], FRAME) == [Area(10, 30, 18, 33)]


def test_a_box_at_the_top_has_its_label_elsewhere_inside():
    (label,) = place([Area(10, 80, 30, 100)], [(8, 3)], FRAME)
    assert label.overlap(FRAME) == label.size


@given(st.integers(2, 8))
def test_labels_of_equal_boxes_do_not_cover_each_other(number):
    labels = place([Area(40, 40, 60, 60)] * number, [(8, 3)] * number, FRAME)
    assert all(a.overlap(b) == 0 for k, a in enumerate(labels) for b in labels[:k])


def test_a_label_touches_its_box():
    box = Area(40, 40, 60, 60)
    for label in place([box] * 8, [(8, 3)] * 8, FRAME):
        # Grown by a little, a label beside the box overlaps it.
        assert Area(label.x0 - 0.1, label.y0 - 0.1, label.x1 + 0.1, label.y1 + 0.1).overlap(box) > 0
