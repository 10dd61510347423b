"""One jet of each class for a default box: who gets which, what is lost, and what comes out again."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks.box_ops import iou
from models.networks.default_boxes import Axis, on_map
from models.networks.layers import Prediction
from models.networks.loss import of_batch, quality_loss
from models.networks.matching import ClassTargets, assign_per_class
from models.networks.postprocess import detect
from tests.helpers.networks import published_training

N_PHI, SIZE, CLASSES = 360, 46.0, 3
BOXES = on_map(Axis(43, 8.0, 2.0), Axis(45, 8.0, 2.0), [(SIZE, SIZE)], N_PHI)
CHOSEN = published_training(match_threshold=0.4)


def around(eta: float, phi: float) -> list[float]:
    low = (phi - SIZE / 2) % N_PHI
    return [eta - SIZE / 2, low, eta + SIZE / 2, low + SIZE]


def targets(jets: list[tuple[float, float, int, float]]) -> ClassTargets:
    return assign_per_class(truth(jets), torch.tensor([100.0]), BOXES, 2, CLASSES, 0.4, N_PHI)


def truth(jets: list[tuple[float, float, int, float]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    box = torch.tensor([around(eta, phi) for eta, phi, _, _ in jets]).view(1, len(jets), 4)
    class_id = torch.tensor([class_id for _, _, class_id, _ in jets], dtype=torch.int64).view(1, -1)
    return box, class_id, torch.tensor([pt for *_, pt in jets]).view(1, -1)


def perfect(wanted: ClassTargets) -> Prediction:
    """The prediction that says what was wanted; certain where a default box fits."""
    logits = torch.where(wanted.overlap > 0, 10 * wanted.overlap, -20.0)
    return Prediction(wanted.offset, logits, wanted.log_pt)


jets = st.lists(
    st.tuples(st.floats(0, 340), st.floats(0, 359.9), st.integers(0, CLASSES - 1), st.floats(20, 2000)), max_size=5
)


@settings(max_examples=40, deadline=None)
@given(jets)
def test_every_default_box_takes_the_jet_of_its_class_that_it_overlaps_most(made) -> None:
    found = targets(made)
    for class_id in range(CLASSES):
        mine = [jet for jet in made if jet[2] == class_id]
        if not mine:
            assert not found.overlap[0, :, class_id].any()
            continue
        overlap = iou(truth(mine)[0][0], BOXES, N_PHI)
        best = overlap.amax(dim=0)
        sure = best >= 0.4
        assert torch.allclose(found.overlap[0, sure, class_id], best[sure])
        # A jet's best box takes it in any case, and no other box below the threshold takes any.
        rest = found.overlap[0, ~sure, class_id] > 0
        own = torch.zeros(len(BOXES), dtype=torch.bool)
        own[(overlap == overlap.amax(dim=1, keepdim=True)).any(dim=0)] = True
        assert not (rest & ~own[~sure]).any()


@settings(max_examples=40, deadline=None)
@given(jets)
def test_what_was_wanted_is_what_is_detected(made) -> None:
    """Encoded and decoded again, jets of one class that do not suppress each other come back, across the seam too."""
    apart: list[tuple[float, float, int, float]] = []
    for jet in made:
        others = [other for other in apart if other[2] == jet[2]]
        if not others or iou(truth([jet])[0][0], truth(others)[0][0], N_PHI).max() < 0.05:
            apart.append(jet)
    (found,) = detect(perfect(targets(apart)), BOXES, torch.tensor([100.0]), n_phi=N_PHI, score_threshold=0.5)
    assert len(found.score) == len(apart)
    for eta, phi, class_id, pt in apart:
        overlap = iou(torch.tensor([around(eta, phi)]), found.box, N_PHI)[0] * (found.class_id == class_id)
        assert overlap.max() > 0.99
        assert found.pt[overlap.argmax()] == pytest.approx(pt, rel=1e-3)


def test_a_t_and_its_v_share_a_default_box() -> None:
    wanted = targets([(170.0, 359.0, 1, 800.0), (171.0, 3.0, 2, 300.0)])
    both = (wanted.overlap > 0).sum(dim=-1) == 2
    assert both.any()
    (found,) = detect(perfect(wanted), BOXES, torch.tensor([100.0]), n_phi=N_PHI, score_threshold=0.5)
    assert sorted(found.class_id.tolist()) == [1, 2]
    assert sorted(found.pt.tolist()) == pytest.approx([300.0, 800.0], rel=1e-3)


def test_the_loss_of_one_default_box_by_hand() -> None:
    """Overlap 0.7 with a threshold of 0.4 wants a probability of 0.3 + 0.7 * 0.3 / 0.6 = 0.65."""
    overlap = torch.tensor([[[0.7, 0.0]]])
    wanted = ClassTargets(
        overlap, torch.tensor([[[[0.5, 0.0], [0.0, 0.0]]]]), torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0, -1]]])
    )
    found = Prediction(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2), torch.zeros(1, 1, 2))
    parts = quality_loss(found, wanted, CHOSEN)
    entropy = math.log(2)
    assert parts.classification.item() == pytest.approx((0.15**2 + 0.5**2) * entropy / 1.0, rel=1e-5)
    assert parts.localisation.item() == pytest.approx(0.5 * 0.5 * 0.5**2, rel=1e-5)
    assert parts.regression.item() == pytest.approx(0.5 * 0.5 * 1.0**2, rel=1e-5)


def test_the_loss_is_finite_without_jets_and_least_for_what_was_wanted() -> None:
    made = [(5.0, 358.0, 0, 500.0), (100.0, 100.0, 1, 50.0)]
    scale = torch.tensor([100.0])
    torch.manual_seed(0)
    random = Prediction(
        *(torch.randn_like(part) for part in targets(made)[1:2]), *(torch.randn(2, 1, len(BOXES), CLASSES))
    )
    nothing = of_batch(random, truth([]), scale, BOXES, CHOSEN, N_PHI)
    assert all(torch.isfinite(part) for part in nothing[:3])
    wanted = targets(made)
    best = quality_loss(perfect(wanted), wanted, CHOSEN)
    assert best.localisation == best.regression == 0
    assert best.total < of_batch(random, truth(made), scale, BOXES, CHOSEN, N_PHI).total
