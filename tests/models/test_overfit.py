"""Real events learned by heart: everything between the shard and the detections has to work together.

The networks are slim (4 to 64 channels), without dropped features and trained by Adam, so that two idle CPU cores need
about a minute; images have their full size.
"""

from pathlib import Path

import pytest
import torch

from detector import load
from jetimg.channels import Setup
from jetimg.convert import Inputs, convert
from jetimg.dataset import JetImages, dense
from jetimg.settings import Images
from models.build import build
from models.config import Model, Training
from models.data import truth
from models.decode import detect
from models.loss import loss
from models.matching import assign
from tests.models.precision import average_precision

SLIM = {
    "pfjet": Model(channels=(4, 8, 16, 16, 32, 64, 64, 64, 64, 64, 64), drop_block=0.0),
    "ssd7": Model(architecture="ssd7", channels=(4, 8, 16, 32, 32, 32, 32)),
}
STEPS = 150


@pytest.fixture(scope="module")
def events(data: Path, tmp_path_factory) -> JetImages:
    """Eight real events: two each of bb, tt, hh and WW."""
    output = tmp_path_factory.mktemp("events") / "mixed.h5"
    # Without the W inside its t: where both claim one default box, no network could find the two.
    setup = Setup(load(), Images(nested="outermost"))
    convert(Inputs([data / f"{name}.root" for name in ("bb", "tt", "hh", "WW")], "mixed"), output, setup)
    return JetImages([output], 8)


@pytest.mark.parametrize("architecture", ["pfjet", "ssd7"])
def test_eight_real_events_are_learned_by_heart(events, architecture) -> None:
    torch.manual_seed(1)
    (batch,) = events
    network = build(SLIM[architecture].model_copy(update={"class_names": tuple(events.class_names), "circular": True}))
    pixels, scale = dense(batch, "cpu", "log")
    boxes = truth(batch, "cpu")
    assigned = assign(boxes, scale, network.priors, network.coordinates, 0.5)
    jets = [(boxes[0][k][boxes[1][k] >= 0], boxes[1][k][boxes[1][k] >= 0]) for k in range(8)]
    chosen = Training(label_smoothing=0.0)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    precision = 0.0
    for step in range(STEPS):
        network.train()
        optimizer.zero_grad()
        loss(network(pixels), assigned, chosen).total.backward()
        optimizer.step()
        if step >= 29 and step % 10 == 9:
            network.eval()
            with torch.no_grad():
                found = detect(network(pixels), network.priors, scale)
            precision = average_precision(found, jets)
            if precision > 0.95:
                break
    assert precision > 0.95
