"""The networks that come with the project: small, whole, and of use on events that they were not trained on."""

import json
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
from tests.helpers import made_events
from tools.zoo import main as write_zoo

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


def test_a_card_gets_new_figures_and_stays_as_it_is_otherwise(tmp_path: Path) -> None:
    (tmp_path / "fast.md").write_text(zoo.resolve("fast").with_suffix(".md").read_text())
    given = tmp_path / "results" / "networks" / "fast" / "given" / "network.pt"
    evaluation = tmp_path / "results" / "networks" / "evaluation" / "test" / "evaluation.json"
    for path in (given, evaluation):
        path.parent.mkdir(parents=True)
    given.write_bytes(zoo.resolve("fast").read_bytes())
    measured = {"ap_11": 0.125, "ap_11_error": 0.0625}
    found = {
        "data_set": {"true_jets": {"b": 17}, "ceiling": {"b": {"ap_11": 1.0}}},
        "detectors": {"fast": {"classes": {"b": measured}, "mean": measured}},
    }
    made_events.dataset(tmp_path / "results" / "dataset")
    evaluation.write_text(json.dumps(found))
    write_zoo([str(tmp_path / "results"), "--output", str(tmp_path)])
    card, before = (path.read_text() for path in (tmp_path / "fast.md", zoo.resolve("fast").with_suffix(".md")))
    assert "| test | network | 0.125 ± 0.062 | 0.125 ± 0.062 |" in card
    assert "heldout |" not in card
    for text in (card, before):
        assert text.count("## Figures") == text.count("## Data and training") == 1
    assert card.partition("## Figures")[0] == before.partition("## Figures")[0]
    assert card.partition("## Data")[2] == before.partition("## Data")[2]
