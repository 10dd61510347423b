"""The networks that come with the project: small, whole, and of use on events that they were not trained on."""

from pathlib import Path

import pytest
import torch

from detector import load
from jetimg.common.checksums import sha256
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from models import Detector
from models.networks.box_ops import iou
from models.trained import zoo

NAMES = sorted(zoo.names())


def test_there_are_networks() -> None:
    assert {"fast", "fast-int8"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_small_and_its_card_is_its_own(name: str) -> None:
    path = zoo.resolve(name)
    assert path.stat().st_size < 1_000_000
    card = path.with_suffix(".md").read_text()
    assert f"`{sha256(path)}`" in card
    assert card.startswith(f"# {name}\n")


@pytest.fixture(scope="module")
def events(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real Delphes events of a graviton of 1.5 TeV to t tbar, on which nothing was trained."""
    output = tmp_path_factory.mktemp("events") / "tt.h5"
    convert(DelphesInputs([data / "tt.root"], "tt"), output, Setup(load(), ImageSettings()))
    return output


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_jets_of_real_events(name: str, events: Path) -> None:
    """Each true jet has a detection of its class on it, with an overlap of at least 0.5 and a score above 0.1."""
    detector = Detector(name, device="cpu", threads=1)
    found = detector.detect(events)
    with Reader(events) as reader:
        true = reader.read(tables=("jets",)).tables["jets"]
    assert len(found) == 2
    assert len(true["pt"]) == 4
    for event in range(2):
        mine = slice(found.indptr[event], found.indptr[event + 1])
        for row in range(true["indptr"][event], true["indptr"][event + 1]):
            overlap = iou(torch.from_numpy(true["box"][[row]]), torch.from_numpy(found.box[mine]), 360)[0].numpy()
            right = (overlap >= 0.5) & (found.class_id[mine] == true["class_id"][row]) & (found.score[mine] > 0.1)
            assert right.any(), f"event {event}, jet {row - true['indptr'][event]}"
