import pytest
import torch

from models.networks.build import build, parameters
from models.networks.config import Config, read
from models.networks.layers import ChannelAttention, DropBlock, L2Norm, Prediction
from models.networks.postprocess import detect
from tests.helpers.jets import CMS
from tests.helpers.networks import published

SMALL = {
    "pfjet": published(channels=(4,) * 10 + (8,), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12)),
    "ssd7": published(
        architecture="ssd7", channels=(4,) * 7, class_names=("t", "V"), image_shape=(96, 128), box_size=(12, 12)
    ),
}


def running_statistics(network: torch.nn.Module) -> int:
    return sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)


def test_pf_jet_ssd_has_the_published_number_of_parameters() -> None:
    model = published(class_names=("t", "V", "H"), attention=False, **CMS)
    assert parameters(build(model).for_inference()) == 1_044_224
    assert parameters(build(model.model_copy(update={"attention": True})).for_inference()) == 1_044_227
    ours = model.model_copy(update={"class_names": ("b", "t", "H", "V", "q")})
    assert parameters(build(ours).for_inference()) == 1_044_224 + 2 * 512 * 9


def test_ssd7_has_the_published_number_of_parameters() -> None:
    network = build(
        published(architecture="ssd7", class_names=("b", "h"), first_kernel=3, pt=False, input_channels=1, **CMS)
    )
    assert parameters(network) + running_statistics(network) == 178_884


def test_pf_jet_ssd_has_maps_of_44_by_46_and_23_by_24_cells() -> None:
    network = build(published(channels=(2,) * 11, class_names=("t",), **CMS))
    assert network.default_boxes_of_map == [44 * 46, 23 * 24]
    sizes = network.default_boxes[:, 2:] - network.default_boxes[:, :2]
    assert torch.equal(sizes, torch.full_like(sizes, 46))
    prediction = network(torch.zeros(1, 3, 340, 360))
    assert [tuple(part.shape) for part in prediction] == [(1, 2576, 2), (1, 2576, 2), (1, 2576)]


@pytest.mark.parametrize("architecture", ["pfjet", "ssd7"])
@pytest.mark.parametrize("circular", [False, True])
def test_predictions_belong_to_default_boxes(architecture, circular) -> None:
    network = build(SMALL[architecture].model_copy(update={"circular": circular}))
    n_default_boxes, images = len(network.default_boxes), torch.randn(2, 3, *SMALL[architecture].image_shape)
    for evaluated in (network, network.for_inference()):
        offset, logits, log_pt = evaluated(images)
        assert offset.shape == (2, len(evaluated.default_boxes), network.coordinates)
        assert logits.shape == (2, len(evaluated.default_boxes), 3)
        assert log_pt.shape == (2, len(evaluated.default_boxes))
    assert len(network.default_boxes) < n_default_boxes or architecture == "ssd7"


def test_inference_gives_what_training_gave_for_the_first_map() -> None:
    network, images = build(SMALL["pfjet"]).eval(), torch.randn(2, 3, 48, 64)
    whole, default_boxes = network(images), network.default_boxes
    part = network.for_inference()(images)
    for one, two in zip(whole, part, strict=True):
        assert torch.equal(one[:, : two.shape[1]], two)
    assert torch.equal(default_boxes[: len(network.default_boxes)], network.default_boxes)


def maps(part: torch.Tensor, architecture: str) -> list[torch.Tensor]:
    """Predictions as maps, (eta, phi, ...), of those maps that are whole in phi."""
    if architecture == "pfjet":
        return [part[0].view(7, 8, -1)]
    sizes = [(12, 16), (6, 8), (3, 4), (1, 2)]
    split = part[0].split([3 * rows * columns for rows, columns in sizes])
    return [values.reshape(*size, -1) for size, values in zip(sizes, split, strict=True)]


@pytest.mark.parametrize(("architecture", "stride"), [("pfjet", 16), ("ssd7", 64)])
def test_turning_the_image_turns_circular_predictions(architecture, stride) -> None:
    network = build(SMALL[architecture].model_copy(update={"circular": True})).for_inference()
    n_phi = SMALL[architecture].image_shape[1]
    images = torch.randn(1, 3, *SMALL[architecture].image_shape)
    with torch.no_grad():
        here, there = network(images), network(images.roll(stride, dims=3))
    for one, two in zip(here, there, strict=True):
        for before, after in zip(maps(one, architecture), maps(two, architecture), strict=True):
            turned = before.roll(stride * before.shape[1] // n_phi, dims=1)
            torch.testing.assert_close(after, turned, atol=1e-5, rtol=1e-4)


def test_without_it_the_seam_is_a_border() -> None:
    network, images = build(SMALL["pfjet"]).eval(), torch.randn(1, 3, 48, 64)
    scores = [network(image).logits.sum().item() for image in (images, images.roll(16, dims=3))]
    assert scores[0] != pytest.approx(scores[1], abs=1e-6)


def test_detections_by_hand() -> None:
    network = build(SMALL["pfjet"]).for_inference()
    offset, logits, log_pt = (torch.zeros_like(part) for part in network(torch.zeros(2, 3, 48, 64)))
    logits[..., 0] = 10.0
    # Two default boxes moved to one place, and one of another class: the weaker twin goes.
    for default_box, class_id, certainty in ((0, 1, 13.0), (1, 1, 12.0), (2, 2, 11.0)):
        logits[0, default_box, class_id] = certainty
    offset[0, 1, 1] = -8 / 1.2
    log_pt[0, 0] = 2.0
    first, second = detect(
        Prediction(offset, logits, log_pt), network.default_boxes, torch.tensor([100.0, 1.0]), n_phi=64
    )
    assert first.class_id[:2].tolist() == [0, 1]
    assert first.score[0] > first.score[1] > 0.01
    assert len(first.score) == 2
    torch.testing.assert_close(first.pt[0], 100 * torch.tensor(2.0).exp())
    assert torch.equal(first.box[0], network.default_boxes[0])
    assert len(second.score) == 0


def test_l2_norm_and_attention_by_hand() -> None:
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert L2Norm(2)(x).flatten().tolist() == pytest.approx([12.0, 16.0])
    attention = ChannelAttention()
    attention.convolution.weight.data = torch.tensor([[[1.0, 0.0, -1.0]]])
    expected = [3 * torch.tensor(-4.0).sigmoid().item(), 4 * torch.tensor(3.0).sigmoid().item()]
    assert attention(x).flatten().tolist() == pytest.approx(expected)


def test_dropped_blocks_are_squares_and_the_mean_stays() -> None:
    torch.manual_seed(0)
    layer, x = DropBlock(0.1), torch.ones(4, 2, 60, 60)
    dropped = layer(x)
    assert (dropped == 0).float().mean() == pytest.approx(0.1, abs=0.02)
    assert dropped.mean() == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert torch.equal(layer.eval()(x), x)


def test_a_wrong_configuration_says_what_is_wrong(tmp_path) -> None:
    with pytest.raises(ValueError, match="3 channels; pfjet has 11 blocks"):
        published(channels=(1, 2, 3))
    with pytest.raises(ValueError, match="needs class_names"):
        build(published())
    for name in ("image_shape", "box_size"):
        with pytest.raises(ValueError, match=f"needs {name}, which comes from the data set"):
            build(SMALL["ssd7"].model_copy(update={name: (0, 0)}))
    path = tmp_path / "c.yaml"
    path.write_text("model: {architecture: ssd7}\ntraining: {epochs: 3}\n")
    config = read(path, training={"epochs": None, "seed": 4})
    assert (config.model.architecture, config.training.epochs, config.training.seed) == ("ssd7", 3, 4)
    assert Config.model_validate_json(config.model_dump_json()) == config
