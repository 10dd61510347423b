"""The network in eight-bit numbers: exact, periodic in phi, and trained through its roundings."""

import pytest
import torch
from pydantic import ValidationError

from jetimg.common.errors import DataError
from models import compress
from models.networks.build import build
from models.networks.config import Compression, Model
from models.networks.fixed_point import BIAS, FEATURE, WEIGHT, Rounded
from models.networks.trigger import TriggerSSD

CLASSES = ("b", "t")


def model(**chosen) -> Model:
    known = {"channels": (4, 6), "class_names": CLASSES, "image_shape": (50, 64), "box_size": (12, 12)}
    return Model(architecture="trigger", **(known | chosen))


def network(**chosen) -> TriggerSSD:
    torch.manual_seed(3)
    made = build(model(**chosen))
    assert isinstance(made, TriggerSSD)
    for parameter in made.parameters():  # biases too
        torch.nn.init.normal_(parameter, std=0.4)
    return made.eval()


def images(n: int = 2) -> torch.Tensor:
    """ln(1 + E) of a few hits."""
    random = torch.Generator().manual_seed(4)
    energy = torch.rand(n, 3, 50, 64, generator=random)
    return torch.where(energy > 0.9, 40 * energy, 0.0).log1p()


def test_shapes_and_default_boxes() -> None:
    prediction = network()(images())
    assert [tuple(part.shape) for part in prediction] == [(2, 48, 2, 2), (2, 48, 2), (2, 48, 2)]
    boxes = network().default_boxes
    assert boxes.shape == (48, 4)
    # The first cell: pixels 0 to 8, centre 4; in phi its box begins at the other side.
    assert boxes[0].tolist() == [-2, 62, 10, 74]
    full = build(Model(architecture="trigger", class_names=tuple("btHVq"), image_shape=(340, 360), box_size=(46, 46)))
    assert sum(part.numel() for part in full.parameters()) == 22_436
    assert len(full.default_boxes) == 42 * 45


def test_a_turn_by_a_cell_turns_the_predictions_also_across_the_seam() -> None:
    made, x = network(), images()
    for cells in (1, 7):
        turned = made(x.roll(8 * cells, dims=-1)).logits.view(2, 6, 8, 2)
        assert torch.equal(turned, made(x).logits.view(2, 6, 8, 2).roll(cells, dims=2))
    flat = network(circular=False)
    assert not torch.equal(flat(x.roll(8, dims=-1)).logits, flat(x).logits.view(2, 6, 8, 2).roll(1, 2).view(2, -1, 2))


def test_all_numbers_are_multiples_of_their_step() -> None:
    made, x = network(), images()
    assert made.circuit.layers[:3](made.circuit.image(made.prepared(x))).unique().numel() > 10
    logits, jets = made.circuit(made.prepared(x))
    for part in (logits, jets):
        units = part * 2 ** (WEIGHT.fraction + FEATURE.fraction)
        assert torch.equal(units, units.round())
        assert torch.equal(part.double(), _in_float64(made, x)[part is jets])


def _in_float64(made: TriggerSSD, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same circuit with twice the bits: nothing was lost in 24."""
    cells = made.prepared(x).double()
    found = made.circuit.double()(cells)
    made.circuit.float()
    return found


@pytest.mark.parametrize("numbers", [WEIGHT, BIAS, FEATURE], ids=("weight", "bias", "feature"))
def test_rounding_to_the_nearest_with_halves_to_even_and_the_last_beyond_the_limits(numbers) -> None:
    low, high = numbers.limits
    step = numbers.step
    x = torch.tensor([low - 9, low, 0.5 * step, 1.5 * step, 1.6 * step, high, high + 9], requires_grad=True)
    expected = torch.tensor([low, low, 0, 2 * step, 2 * step, high, high])
    rounding = Rounded(numbers)
    assert torch.equal(rounding.eval()(x), expected)
    trained = rounding.train()(x)
    assert torch.equal(trained, expected)
    trained.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert (high - low) / step == 2**numbers.bits - 1


def test_training_computes_what_inference_does_and_moves_all_weights() -> None:
    made, x = network(), images()
    expected = made(x)
    trained = made.train()(x)
    assert all(torch.equal(one, two) for one, two in zip(expected, trained, strict=True))
    sum(part.sum() for part in trained).backward()
    assert all(bool((parameter.grad != 0).any()) for parameter in made.parameters() if parameter.grad is not None)
    assert all(parameter.grad is not None for parameter in made.parameters())


def test_energies_of_a_cell_are_summed_in_gev() -> None:
    energy = torch.zeros(1, 3, 50, 64)
    energy[0, 1, 8:12, 4:8] = 2.0
    for normalisation, x in (("log", energy.log1p()), ("raw", energy)):
        cells = network(normalisation=normalisation, circular=False).prepared(x)
        assert cells.shape == (1, 3, 13, 16)
        assert cells[0, 1, 2, 1] == pytest.approx(torch.tensor(33.0).log().item(), rel=1e-5)
        assert torch.count_nonzero(cells) == 1


def test_what_cannot_be_a_trigger_network_is_said() -> None:
    with pytest.raises(DataError, match="has eight-bit numbers already: ternary is for the others"):
        compress.apply(network(), Compression(kind="ternary"))
    with pytest.raises(ValidationError, match="trigger sums energies: normalisation is log or raw, not channel"):
        model(normalisation="channel")
    with pytest.raises(ValidationError, match="trigger has at least 2"):
        model(channels=(4,))
    with pytest.raises(DataError, match="60 pixels in phi are no multiple of 8"):
        build(model(image_shape=(50, 60)))
    with pytest.raises(DataError, match="narrower"):
        build(model(image_shape=(50, 16)))
