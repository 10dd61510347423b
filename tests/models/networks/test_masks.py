"""Masks from prototypes and coefficients: by hand, on the seam, at the border."""

import pytest
import torch

from jetimg.common.errors import DataError
from models import compress
from models.export import graph
from models.networks.build import build
from models.networks.config import Compression, Model
from models.networks.layers import Prediction
from models.networks.masks import KNOWN, OUTSIDE, PROTOTYPES, UNIT, MaskPrediction, MaskTruth, mask_loss, windows

N_ETA, N_PHI, CLASSES = 40, 48, 2
MODEL = Model(
    architecture="mask",
    channels=(4, 4, 6, 4, 6),
    class_names=("pi", "egamma"),
    image_shape=(N_ETA, N_PHI),
    box_size=(12.0, 12.0),
)


def prediction(known: list[float], boxes: int) -> MaskPrediction:
    """Every mask by the known prototypes alone."""
    nothing = torch.zeros(1, boxes, CLASSES)
    coefficients = torch.zeros(1, boxes, CLASSES, PROTOTYPES + KNOWN)
    coefficients[..., PROTOTYPES:] = torch.tensor(known)
    jets = Prediction(torch.zeros(1, boxes, CLASSES, 2), nothing, nothing)
    return MaskPrediction(jets, coefficients, torch.zeros(1, PROTOTYPES, N_ETA, N_PHI))


def one(box: list[float], known: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    zero = torch.zeros(1, dtype=torch.int64)
    found = windows(prediction(known, 1), torch.tensor([box]), zero, zero, zero)
    return found.logits[0], found.pixel[0]


@pytest.mark.parametrize("column", [20, 2, 46])
def test_a_disc_around_the_default_box_on_the_seam_too(column: int) -> None:
    """9 - y^2 - x^2 > 0, in pixels."""
    logits, pixel = one([14.0, column - 6.0, 26.0, column + 6.0], [9.0, 0, 0, -(UNIT**2), 0, -(UNIT**2)])
    expected = {
        row * N_PHI + place % N_PHI
        for row in range(N_ETA)
        for place in range(column - 10, column + 10)
        if (row + 0.5 - 20) ** 2 + (place + 0.5 - column) ** 2 < 9
    }
    assert set(pixel[logits > 0].tolist()) == expected
    assert len(expected) == 32


def test_a_mask_ends_at_the_border_in_eta() -> None:
    logits, pixel = one([-4.0, 10.0, 8.0, 22.0], [1.0, 0, 0, 0, 0, 0])
    assert (logits[:14] == OUTSIDE).all()
    assert (logits[14:] == 1).all()
    assert pixel[logits > 0].max() < N_ETA * N_PHI


def test_turning_the_image_turns_what_is_found() -> None:
    torch.manual_seed(1)
    network = build(MODEL).eval()
    image = torch.rand(1, 3, N_ETA, N_PHI)
    with torch.no_grad():
        still, turned = network(image), network(image.roll(8, dims=3))
    assert still.prototypes.shape == (1, PROTOTYPES, N_ETA, N_PHI)
    torch.testing.assert_close(turned.prototypes, still.prototypes.roll(8, dims=3))
    cells = N_ETA // 4, N_PHI // 4
    assert len(network.default_boxes) == cells[0] * cells[1]
    for one_part, two in ((turned.coefficients, still.coefficients), (turned.jets.logits, still.jets.logits)):
        torch.testing.assert_close(one_part.view(*cells, -1), two.view(*cells, -1).roll(2, dims=1))


def test_the_loss_is_least_for_the_mask_that_was_wanted() -> None:
    box, jet = torch.tensor([[14.0, 14.0, 26.0, 26.0]]), torch.tensor([[[0, -1]]])
    logits, pixel = one(box[0].tolist(), [9.0, 0, 0, -(UNIT**2), 0, -(UNIT**2)])
    inside = pixel[logits > 0]
    truth = MaskTruth(1, torch.tensor([0]), torch.zeros(len(inside), dtype=torch.int64), inside)
    losses = [
        float(mask_loss(prediction([k * size, 0, 0, -k * UNIT**2, 0, -k * UNIT**2], 1), jet, truth, box))
        for k, size in ((10, 9), (1, 9), (1, 4), (-1, 9))
    ]
    assert losses == sorted(losses)
    assert losses[0] < 0.02
    assert float(mask_loss(prediction([0.0] * KNOWN, 1), jet.fill_(-1), truth, box)) == 0


def test_a_network_of_masks_is_trained_whole() -> None:
    network = build(MODEL)
    made = network(torch.rand(2, 3, N_ETA, N_PHI))
    (made.prototypes.square().sum() + made.coefficients.square().sum() + made.jets.logits.square().sum()).backward()
    missing = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert {name.split(".")[0] for name in missing} <= {"heads"}


def test_neither_quantized_nor_exported() -> None:
    with pytest.raises(DataError, match="no int8 version"):
        compress.apply(build(MODEL), Compression(kind="int8"))
    with pytest.raises(DataError, match="are not exported"):
        graph.rewritten(build(MODEL))
