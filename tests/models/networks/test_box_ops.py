import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks.box_ops import area, check, delta_phi, iou, nms
from tests.helpers.jets import N_PHI


def eighths(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers that float32 holds and adds exactly."""
    return st.integers(int(low * 8), int(high * 8)).map(lambda k: k / 8)


@st.composite
def boxes(draw, least: int = 1, most: int = 8, widest: float = N_PHI) -> torch.Tensor:
    rows = []
    for _ in range(draw(st.integers(least, most))):
        eta, phi = draw(eighths(-40, 340)), draw(eighths(0, N_PHI - 0.125))
        rows.append([eta, phi, eta + draw(eighths(1, 90)), phi + draw(eighths(1, widest))])
    return torch.tensor(rows)


def turned(box: torch.Tensor, pixels: float) -> torch.Tensor:
    phi_min = torch.remainder(box[:, 1] + pixels, N_PHI)
    return torch.stack([box[:, 0], phi_min, box[:, 2], phi_min + box[:, 3] - box[:, 1]], dim=1)


def painted(box: torch.Tensor) -> torch.Tensor:
    """The cells of a box with whole pixels on an image of (500, 360) that begins at eta -100."""
    image = torch.zeros(500, N_PHI, dtype=torch.bool)
    eta_min, phi_min, eta_max, phi_max = box.int().tolist()
    image[eta_min + 100 : eta_max + 100, torch.arange(phi_min, phi_max) % N_PHI] = True
    return image


@given(boxes(), boxes(), st.integers(-720, 720))
def test_overlap_does_not_depend_on_where_the_image_is_cut(one, two, pixels) -> None:
    assert torch.equal(iou(turned(one, pixels), turned(two, pixels), N_PHI), iou(one, two, N_PHI))


@settings(max_examples=25)
@given(boxes(1, 1), boxes(1, 1))
def test_overlap_is_that_of_the_painted_pixels(one, two) -> None:
    one, two = one.floor(), two.floor()
    one[:, 3].clamp_(max=float(one[0, 1]) + N_PHI)
    first, second = painted(one[0]), painted(two[0])
    expected = (first & second).sum() / (first | second).sum()
    torch.testing.assert_close(iou(one, two, N_PHI)[0, 0], expected)


@given(boxes())
def test_a_box_overlaps_itself_wholly_and_all_overlaps_are_symmetric(box) -> None:
    overlap = iou(box, box, N_PHI)
    assert torch.equal(overlap.diagonal(), torch.ones(len(box)))
    assert torch.equal(overlap, overlap.T)
    assert ((overlap >= 0) & (overlap <= 1)).all()


def test_overlap_across_the_seam_by_hand() -> None:
    at_seam = torch.tensor([[100.0, 350.0, 146.0, 396.0]])
    beyond = torch.tensor([[100.0, 13.0, 146.0, 59.0]])
    # They share 36 - 13 = 23 of 46 columns: 1/2 / (3/2).
    assert iou(at_seam, beyond, N_PHI).item() == pytest.approx(1 / 3)
    wide = torch.tensor([[100.0, 0.0, 146.0, 350.0]])
    ends = torch.tensor([[100.0, 340.0, 146.0, 380.0]])
    # They meet at both ends: 10 and 20 columns.
    assert iou(wide, ends, N_PHI).item() == pytest.approx(30 / (350 + 40 - 30))


def greedy(box: torch.Tensor, score: torch.Tensor, threshold: float) -> list[bool]:
    """Suppression as it is told: one box after the other."""
    kept: list[int] = []
    for number in sorted(range(len(box)), key=lambda k: (-float(score[k]), k)):
        if all(iou(box[number : number + 1], box[k : k + 1], N_PHI).item() <= threshold for k in kept):
            kept.append(number)
    return [number in kept for number in range(len(box))]


SCORES = st.lists(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), min_size=12, max_size=12)


@settings(max_examples=40)
@given(boxes(1, 12, widest=90), SCORES, st.sampled_from([0.05, 0.25, 0.5]), st.integers(0, N_PHI))
def test_suppression_is_greedy_and_periodic(box, scores, threshold, pixels) -> None:
    score = torch.tensor(scores[: len(box)])
    kept = nms(box, score, threshold, N_PHI)
    assert kept.tolist() == greedy(box, score, threshold)
    assert torch.equal(nms(turned(box, pixels), score, threshold, N_PHI), kept)
    assert torch.equal(nms(torch.stack([box, box]), torch.stack([score, score]), threshold, N_PHI)[1], kept)


def test_boxes_without_area_are_refused() -> None:
    good = torch.tensor([[0.0, 350.0, 46.0, 396.0]])
    check(good, N_PHI)
    check(torch.empty(0, 4), N_PHI)
    for bad in ([0.0, 5.0, 0.0, 9.0], [0.0, 9.0, 5.0, 5.0], [0.0, 0.0, 1.0, 361.0], [0.0, float("nan"), 1.0, 2.0]):
        with pytest.raises(ValueError, match="1 boxes without area"):
            check(torch.cat([good, torch.tensor([bad])]), N_PHI)


def test_shortest_way_round() -> None:
    assert delta_phi(torch.tensor(2.0), torch.tensor(358.0), N_PHI) == 4
    assert delta_phi(torch.tensor(358.0), torch.tensor(2.0), N_PHI) == -4
    assert area(torch.tensor([0.0, 350.0, 2.0, 370.0])) == 40
