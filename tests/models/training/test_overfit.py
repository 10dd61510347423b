"""Real events learned by heart: everything between the shard and the detections has to work together.

So that two CPU cores need half a minute, 2 x 2 pixels are summed to one (170 x 180, boxes of 23 x 23), the networks are
slim (4 to 64 channels), without dropped features, and trained by Adam.
"""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import avg_pool2d

from detector import load
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.torch_dataset import JetImages, dense
from models.data.data_set import truth
from models.networks.build import Network, build
from models.networks.loss import loss
from models.networks.matching import assign
from models.networks.postprocess import detect
from tests.helpers.networks import published, published_training
from tests.helpers.precision import average_precision

SLIM = {
    "pfjet": published(channels=(4, 8, 16, 16, 32, 64, 64, 64, 64, 64, 64), circular=True, drop_block=0.0),
    "ssd7": published(architecture="ssd7", channels=(4, 8, 16, 32, 32, 32, 32), circular=True),
}
STEPS, N_PHI = 150, 180
Jets = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def events(data: Path, tmp_path_factory) -> JetImages:
    """Eight real events: two each of bb, tt, hh and WW."""
    output = tmp_path_factory.mktemp("events") / "mixed.h5"
    # Without the W inside its t: where both claim one default box, no network could find the two.
    setup = Setup(load(), ImageSettings(truth="status", nested="outermost"))
    convert(DelphesInputs([data / f"{name}.root" for name in ("bb", "tt", "hh", "WW")], "mixed"), output, setup)
    return JetImages([output], 8)


@pytest.mark.parametrize("architecture", ["pfjet", "ssd7"])
def test_eight_real_events_are_learned_by_heart(events, architecture) -> None:
    torch.manual_seed(1)
    (batch,) = events
    known = {"class_names": tuple(events.class_names), "image_shape": (170, N_PHI), "box_size": (23.0, 23.0)}
    network = build(SLIM[architecture].model_copy(update=known))
    pixels, scale = dense(batch, "cpu", "raw")
    pixels = (4 * avg_pool2d(pixels, 2)).log1p()
    box, class_id, pt = truth(batch, "cpu")
    box = box / 2
    targets = assign((box, class_id, pt), scale, network.default_boxes, network.coordinates, 0.5, N_PHI)
    jets = [(box[k][class_id[k] >= 0], class_id[k][class_id[k] >= 0]) for k in range(len(batch))]
    chosen = published_training(label_smoothing=0.0)
    # The statistics of the last step alone: each step sees the same eight events.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    assert learned(network, pixels, scale, jets) < 0.3
    for step in range(STEPS):
        optimizer.zero_grad()
        loss(network(pixels), targets, chosen).total.backward()
        optimizer.step()
        if step % 10 == 9 and learned(network, pixels, scale, jets) > 0.95:
            return
    pytest.fail(f"average precision {learned(network, pixels, scale, jets)} after {STEPS} steps")


@torch.no_grad()
def learned(network: Network, pixels: torch.Tensor, scale: torch.Tensor, jets: list[Jets]) -> float:
    """The average precision on the training events, with batch norm's running statistics as at inference."""
    network.train()
    network(pixels)
    network.eval()
    found = detect(network(pixels), network.default_boxes, scale, n_phi=N_PHI)
    network.train()
    return average_precision(found, jets, N_PHI)
