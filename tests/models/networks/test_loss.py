from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from models.networks.default_boxes import Axis, on_map
from models.networks.layers import Prediction
from models.networks.loss import Loss, hard_negatives, loss
from models.networks.matching import Targets, assign
from tests.helpers.jets import N_PHI
from tests.helpers.networks import published_training

DEFAULT_BOXES = on_map(Axis(20, 17.0, 8.5), Axis(20, 18.0, 9.0), [(46.0, 46.0)], N_PHI)


def prediction(images: int) -> Prediction:
    torch.manual_seed(0)
    sizes = ((2,), (6,), ())
    return Prediction(*(torch.randn(images, len(DEFAULT_BOXES), *size, requires_grad=True) for size in sizes))


def of(*jets_of_image: list[list[float]]) -> tuple[Prediction, Loss]:
    most = max(map(len, jets_of_image))
    box, class_id = torch.zeros(len(jets_of_image), most, 4), torch.full((len(jets_of_image), most), -1)
    for image, jets in enumerate(jets_of_image):
        for number, jet in enumerate(jets):
            box[image, number], class_id[image, number] = torch.tensor(jet), number
    truth = box, class_id, torch.full(class_id.shape, 300.0)
    found = prediction(len(jets_of_image))
    return found, loss(
        found, assign(truth, torch.ones(len(jets_of_image)), DEFAULT_BOXES, 2, 0.5, N_PHI), published_training()
    )


SEAM, INSIDE = [100.0, 345.0, 146.0, 391.0], [10.0, 100.0, 56.0, 146.0]


@pytest.mark.parametrize(
    "jets",
    [([], []), ([],), ([SEAM],), ([SEAM, INSIDE], []), ([[-23.0, 0.0, 23.0, 46.0]],), ([[100.0, 10.0, 100.5, 10.5]],)],
    ids=["no jets", "one event without jets", "seam", "some without", "border", "tiny box"],
)
def test_the_loss_and_its_gradient_are_finite(jets) -> None:
    found, parts = of(*jets)
    parts.total.backward()
    assert torch.isfinite(parts.total)
    assert parts.classification > 0
    assert (parts.localisation > 0) == any(jets)
    assert all(torch.isfinite(part.grad).all() for part in found if part.grad is not None)


def test_the_loss_does_not_depend_on_where_the_image_is_cut() -> None:
    moved = [[low, phi + 18 - N_PHI * (phi + 18 >= N_PHI), high, 0.0] for low, phi, high, _ in (SEAM, INSIDE)]
    moved = [[low, phi, high, phi + 46] for low, phi, high, _ in moved]
    found, here = of([SEAM, INSIDE])
    truth = torch.tensor([moved]), torch.tensor([[0, 1]]), torch.full((1, 2), 300.0)
    rolled = Prediction(*(part.view(1, 20, 20, -1).roll(1, dims=2).view(part.shape) for part in found))
    there = loss(rolled, assign(truth, torch.ones(1), DEFAULT_BOXES, 2, 0.5, N_PHI), published_training())
    for one, two in zip(here, there, strict=True):
        torch.testing.assert_close(one, two)


def test_hard_negatives_are_the_least_certain_and_three_for_one() -> None:
    logits = torch.zeros(2, 10, 2)
    logits[..., 0] = torch.arange(10.0)
    positive = torch.zeros(2, 10, dtype=torch.bool)
    positive[0, :2] = True
    chosen = hard_negatives(logits, positive, 3.0)
    assert chosen[0].nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7]
    assert chosen[1].nonzero().flatten().tolist() == [0, 1, 2]
    positive[0] = True
    assert not hard_negatives(logits, positive, 3.0)[0].any()


def by_hand(label: int, logits: list[float], alpha: float) -> float:
    log_p = torch.tensor(logits).log_softmax(0)
    return float(-(1 - alpha) * log_p[label] - alpha * log_p.mean())


def test_the_loss_by_hand() -> None:
    label, logits = torch.tensor([[1, 0]]), torch.tensor([[[0.5, 1.0, -1.0], [2.0, 0.0, 0.0]]])
    offset, log_pt = torch.tensor([[[0.5, 3.0], [9.0, 9.0]]]), torch.tensor([[1.0, 9.0]])
    targets = Targets(label, torch.zeros(1, 2, 2), torch.zeros(1, 2))
    parts = loss(Prediction(offset, logits, log_pt), targets, published_training())
    expected = by_hand(1, [0.5, 1.0, -1.0], 0.1) + by_hand(0, [2.0, 0.0, 0.0], 0.1)
    assert parts.classification.item() == pytest.approx(expected)
    assert parts.localisation.item() == pytest.approx(0.5 * 0.25 + (3 - 0.5))
    assert parts.regression.item() == pytest.approx(0.5)
    huber: Callable[..., torch.Tensor] = functional.huber_loss
    assert huber(torch.tensor(3.0), torch.tensor(0.0)) == 2.5
