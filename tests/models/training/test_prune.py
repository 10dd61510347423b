"""Pruning end to end, in small."""

import logging
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from models.cli import app
from models.data.data_set import DataSet
from models.networks.build import build, parameters
from models.networks.config import Compression, Config, Model, Pruning
from models.trained import checkpoint
from models.training.prune import prune, targets
from tests.helpers import made_events
from tests.helpers.networks import published, published_training

SMALL = published(channels=(2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8))
WANTED = 750
CONFIG = Config(
    training=published_training(batch_size=4),
    pruning=Pruning(epochs=1, steps=2, parameters=WANTED, slimming=1e-7),
    # Is for other commands.
    compression=Compression(kind="ternary"),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return made_events.dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def start(dataset, tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("full") / "best.pt", dataset, SMALL)


def saved(path: Path, dataset: Path, model: Model) -> Path:
    config = Config(model=DataSet.of(dataset).describe(model))
    torch.manual_seed(1)
    checkpoint.save(path, config, build(config.model))
    return path


class Stopped(Exception):
    """A run that is stopped."""


def test_a_network_becomes_small_and_a_stopped_run_goes_on(dataset, start, tmp_path, caplog) -> None:
    run = tmp_path / "run"

    def stop_in_step_2(_record: logging.LogRecord) -> bool:
        if (run / "step-2" / "last.pt").is_file():
            raise Stopped
        return True

    logger = logging.getLogger("models.training.train")
    logger.addFilter(stop_in_step_2)
    caplog.set_level("INFO", "models")
    with pytest.raises(Stopped):
        prune(dataset, run, CONFIG, start, device="cpu")
    logger.removeFilter(stop_in_step_2)
    assert caplog.messages[0].startswith("step 1 of 2: training with penalty")
    assert not (run / "last.pt").exists()
    first = sha256(run / "step-1" / "last.pt")

    (tmp_path / "config.yaml").write_text(CONFIG.model_dump_json())
    call = ["prune", str(dataset), str(start), "-o", str(run), "--config", str(tmp_path / "config.yaml")]
    result = CliRunner().invoke(app, [*call, "--epochs", "1", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert sha256(run / "step-1" / "last.pt") == first
    steps = [start, run / "step-1" / "pruned.pt", run / "step-2" / "pruned.pt"]
    for folder, before in zip((run / "step-1", run / "step-2", run), steps, strict=True):
        content, config = checkpoint.read(folder / "last.pt")
        assert content["start_sha256"] == sha256(before)
        assert config.training.slimming == (0 if folder == run else CONFIG.pruning.slimming)

    network, config = checkpoint.load(run / "best.pt", for_inference=True)
    assert 0.8 * WANTED < parameters(network) <= WANTED
    assert config.compression.kind == "none"
    assert all(few <= many for few, many in zip(config.model.channels, SMALL.channels, strict=True))
    assert network(torch.zeros(1, 3, 340, 360)).logits.shape == (1, 44 * 46, 6)


def test_the_width_decreases_evenly() -> None:
    assert targets(400, 100, 2) == [225, 100]
    assert targets(1_044_227, 111_000, 1) == [111_000]


def test_what_cannot_be_pruned_is_refused(dataset, start, tmp_path) -> None:
    def begin(path: Path, config: Config = CONFIG) -> None:
        prune(dataset, tmp_path / "run", config, path, device="cpu")

    seven = saved(tmp_path / "7.pt", dataset, published(architecture="ssd7", channels=(2,) * 7))
    with pytest.raises(DataError, match=r"7\.pt: ssd7; pruning knows the channels of fast and pfjet only"):
        begin(seven)
    little = saved(tmp_path / "little.pt", dataset, SMALL.model_copy(update={"channels": (2,) * 11}))
    with pytest.raises(DataError, match="parameters at inference, 750 wanted: nothing to prune"):
        begin(little)
    hard = CONFIG.model_copy(update={"pruning": Pruning(epochs=1, steps=1, parameters=100)})
    with pytest.raises(DataError, match=r"100 parameters: at least .* take more steps"):
        begin(start, hard)
    assert not (tmp_path / "run").exists(), "told before hours of training"
