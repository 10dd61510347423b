import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks.box_ops import iou
from models.networks.default_boxes import Axis, on_map, shapes
from models.networks.matching import assign, decode, encode, match
from tests.helpers.jets import N_PHI

DEFAULT_BOXES = on_map(Axis(43, 8.0, 4.0), Axis(45, 8.0, 4.0), [(46.0, 46.0)], N_PHI)


def hundredths(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(int(low * 100), int(high * 100)).map(lambda k: k / 100)


def jet(eta: float, phi: float, rows: float = 46, columns: float = 46) -> torch.Tensor:
    phi_min = (phi - columns / 2) % N_PHI
    return torch.tensor([eta - rows / 2, phi_min, eta + rows / 2, phi_min + columns])


@given(hundredths(-20, 360), hundredths(0, 360), hundredths(8, 120), hundredths(8, 120), st.sampled_from([2, 4]))
def test_what_is_encoded_comes_back(eta, phi, rows, columns, coordinates) -> None:
    box = jet(eta, phi) if coordinates == 2 else jet(eta, phi, rows, columns)
    near = (iou(box[None], DEFAULT_BOXES, N_PHI)[0]).topk(3).indices
    again = decode(encode(box, DEFAULT_BOXES[near], coordinates, N_PHI), DEFAULT_BOXES[near], N_PHI)
    assert ((again[:, 1] >= 0) & (again[:, 1] < N_PHI)).all()
    # The same box, though one float32 below the seam may have become 0.
    torch.testing.assert_close(iou(box[None], again, N_PHI)[0], torch.ones(3), atol=1e-3, rtol=0)


@given(st.integers(0, 44), st.integers(0, 300), st.integers(0, 359))
def test_offsets_do_not_depend_on_where_the_image_is_cut(turns, eta, phi) -> None:
    box, shift = jet(eta, phi), 8 * turns
    moved = jet(eta, phi + shift)
    there = encode(box, DEFAULT_BOXES, 2, N_PHI).view(43, 45, 2)
    here = encode(moved, DEFAULT_BOXES, 2, N_PHI).view(43, 45, 2)
    assert torch.equal(here, there.roll(turns, dims=1))


def test_extreme_predictions_give_boxes() -> None:
    box = decode(torch.tensor([[1e4, -1e4, 1e4, -1e4]]), DEFAULT_BOXES[:1], N_PHI)
    assert torch.isfinite(box).all()
    assert (box[:, 2:] > box[:, :2]).all()
    assert (box[:, 3] - box[:, 1] <= N_PHI).all()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 340), st.integers(0, 359)), min_size=1, max_size=4, unique=True))
def test_near_default_boxes_take_their_jet_and_far_ones_none(centres) -> None:
    box = torch.stack([jet(*centre) for centre in centres])
    taken = match(box[None], torch.ones(1, len(box), dtype=torch.bool), DEFAULT_BOXES, 0.5, N_PHI)[0]
    overlap = iou(box, DEFAULT_BOXES, N_PHI)
    best, which = overlap.max(dim=0)
    favourites = set(overlap.argmax(dim=1).tolist())
    for default_box in range(len(DEFAULT_BOXES)):
        if default_box not in favourites:
            assert taken[default_box] == (which[default_box] if best[default_box] >= 0.5 else -1)
    assert all(taken[default_box] >= 0 for default_box in favourites)


def test_every_jet_has_a_default_box_however_small_the_overlap() -> None:
    small = torch.tensor([[[100.0, 358.0, 104.0, 362.0]]])
    taken = match(small, torch.ones(1, 1, dtype=torch.bool), DEFAULT_BOXES, 0.5, N_PHI)[0]
    assert (taken == 0).sum() == 1
    assert iou(small[0], DEFAULT_BOXES[taken == 0], N_PHI).item() > 0


def test_padding_matches_nothing_and_labels_follow_jets() -> None:
    box = torch.stack([jet(170, 0), torch.zeros(4)])[None].expand(2, 2, 4)
    class_id = torch.tensor([[3, -1], [-1, -1]])
    found = assign(
        (box, class_id, torch.tensor([[200.0, 0], [0, 0]])), torch.tensor([100.0, 1.0]), DEFAULT_BOXES, 2, 0.5, N_PHI
    )
    assert set(found.label[0].unique().tolist()) == {0, 4}
    assert not found.label[1].any()
    positive = found.label[0] > 0
    assert found.log_pt[0][positive].unique().tolist() == pytest.approx([0.6931472])
    again = decode(found.offset[0][positive], DEFAULT_BOXES[positive], N_PHI)
    torch.testing.assert_close(iou(box[0, :1], again, N_PHI)[0], torch.ones(int(positive.sum())))
    assert torch.isfinite(found.offset).all()
    assert torch.isfinite(found.log_pt).all()


def test_a_batch_without_jets_is_all_background() -> None:
    nothing = torch.empty(3, 0, 4), torch.empty(3, 0, dtype=torch.int64), torch.empty(3, 0)
    found = assign(nothing, torch.ones(3), DEFAULT_BOXES, 4, 0.5, N_PHI)
    assert found.offset.shape == (3, len(DEFAULT_BOXES), 4)
    assert not found.label.any()


def test_cells_lie_where_pooling_puts_them() -> None:
    # Three poolings with one cell of padding: cell 0 covers pixels -7 to 1.
    axis = Axis(340).pooled(1, 1).pooled(1, 1).pooled(1, 1)
    assert (axis.cells, axis.stride, axis.first) == (44, 8.0, -3.0)
    plain = Axis(360).pooled(0, 0).pooled(0, 0)
    assert (plain.cells, plain.stride, plain.first) == (90, 4.0, 2.0)


def test_shapes_have_one_area() -> None:
    assert [round(rows * columns) for rows, columns in shapes((46, 46), (0.5, 1, 2))] == [2116] * 3
    boxes = on_map(Axis(2, 100.0, 50.0), Axis(3, 120.0, 0.0), shapes((10, 10), (1, 4)), N_PHI)
    assert boxes.shape == (12, 4)
    assert boxes[0].tolist() == [45, 355, 55, 365]
    assert boxes[1].tolist() == [47.5, 350, 52.5, 370]
