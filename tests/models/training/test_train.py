import json
from functools import partial
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from detector.common.errors import CallError
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.event_file import store
from models.cli import app
from models.data.data_set import DataSet
from models.networks.config import Augment, Config
from models.trained import checkpoint
from models.training.epoch import duration
from models.training.tensorboard import append
from models.training.train import stalled, train
from tests.helpers import made_events
from tests.helpers.networks import published, published_training

CONFIGS = {
    "pfjet": published(channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4), circular=True),
    "ssd7": published(architecture="ssd7", channels=(2, 2, 2, 4, 4, 4, 4)),
}


def configured(architecture: str, **training) -> Config:
    chosen = {"epochs": 2, "batch_size": 2, "milestones": (1,), **training}
    return Config(model=CONFIGS[architecture], training=published_training(**chosen), augmentation=Augment())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Four training and two validation events; one without jets, some at the seam."""
    return made_events.dataset(tmp_path_factory.mktemp("dataset"))


def weights(folder: Path, name: str = "last.pt") -> dict[str, torch.Tensor]:
    return checkpoint.read(folder / name)[0]["weights"]


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(("architecture", "optimizer"), [("pfjet", "sgd"), ("ssd7", "adamw")])
def test_a_resumed_run_reaches_the_same_weights_bit_for_bit(dataset, tmp_path, caplog, architecture, optimizer) -> None:
    caplog.set_level("INFO", "models")
    config = partial(configured, optimizer=optimizer)
    train(dataset, tmp_path / "whole", config(architecture), device="cpu")
    train(dataset, tmp_path / "parts", config(architecture, epochs=1), device="cpu")
    assert not same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    train(dataset, tmp_path / "parts", config(architecture), device="cpu")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    whole, parts = (checkpoint.read(tmp_path / name / "last.pt")[0] for name in ("whole", "parts"))
    for state in (whole, parts):
        for record in state["history"]:
            for name in ("seconds", "processor_seconds", "events_per_second"):
                record.pop(name)
    assert whole["history"] == parts["history"]
    # Other loggers speak too, if a command ran in this process before.
    said = [record.message for record in caplog.records if record.name.startswith("models.training")]
    assert "s a step on 1 CPU" in said[0]
    assert "epoch 1 of 2: train total" in said[1]


def test_a_run_leaves_checkpoints_metrics_and_a_plot(dataset, tmp_path) -> None:
    train(dataset, tmp_path, configured("pfjet"), device="cpu")
    content, stored = checkpoint.read(tmp_path / "last.pt")
    assert content["dataset_sha256"] == sha256(dataset / manifest.NAME)
    assert stored.model.class_names == tuple(made_events.CLASSES)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert [line["learning_rate"] for line in lines] == [1e-3, 5e-4]
    assert all(line["validation"]["total"] > 0 for line in lines)
    assert (tmp_path / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "network.pt").stat().st_size < (tmp_path / "best.pt").stat().st_size
    network, _ = checkpoint.load(tmp_path / "network.pt", for_inference=True)
    assert network(torch.zeros(1, 3, 340, 360)).offset.shape == (1, 44 * 45, 2)


def test_training_stops_when_the_loss_no_longer_falls() -> None:
    assert not stalled([], 1)
    assert not stalled([3.0, 2.0, 1.0], 1)
    assert not stalled([3.0, 1.0, 2.0], 2)
    assert stalled([3.0, 1.0, 2.0, 1.0], 2)


def test_another_run_is_not_gone_on_with(dataset, tmp_path) -> None:
    train(dataset, tmp_path, configured("pfjet", epochs=1), device="cpu")
    with pytest.raises(DataError, match=r"another configuration: training\.seed was 2019, and is to be 5"):
        train(dataset, tmp_path, configured("pfjet", epochs=1, seed=5), device="cpu")
    train(dataset, tmp_path, configured("pfjet", epochs=1, seed=5), resume=False, device="cpu")
    assert checkpoint.read(tmp_path / "last.pt")[1].training.seed == 5
    train(dataset, tmp_path, configured("pfjet", epochs=1, seed=6), replace=True, device="cpu")
    assert checkpoint.read(tmp_path / "last.pt")[1].training.seed == 6


def test_a_finished_run_gives_what_was_lost_again(dataset, tmp_path) -> None:
    train(dataset, tmp_path, configured("ssd7", epochs=1), device="cpu")
    before = weights(tmp_path, "network.pt")
    for name in ("network.pt", "loss.png", "metrics.jsonl"):
        (tmp_path / name).unlink()
    train(dataset, tmp_path, configured("ssd7", epochs=1), replace=True, device="cpu")
    assert same(weights(tmp_path, "network.pt"), before)
    assert (tmp_path / "loss.png").is_file()


def test_two_processes_train_one_network_and_the_first_one_logs(dataset, tmp_path, caplog) -> None:
    caplog.set_level("INFO", "models")
    train(dataset, tmp_path, configured("pfjet", epochs=1, batch_size=1), device="cpu", processes=2)
    (record,) = checkpoint.read(tmp_path / "last.pt")[0]["history"]
    assert record["train"]["total"] > 0
    assert [text.partition(":")[0] for text in caplog.messages if text.startswith("epoch")] == ["epoch 1 of 1"]
    assert {record.name for record in caplog.records} <= {"models.training.epoch", "models.training.train"}


def test_a_fault_in_two_processes_is_the_callers(dataset, tmp_path) -> None:
    config = configured("pfjet", epochs=2, batch_size=1, learning_rate=1e30)
    with pytest.raises(DataError, match=r"^training diverged: loss .*; choose a lower learning rate$"):
        train(dataset, tmp_path, config, device="cpu", processes=2)


def test_checkpoints_that_are_none_are_refused(tmp_path) -> None:
    path = tmp_path / "x.pt"
    with pytest.raises(DataError, match="not a readable checkpoint"):
        checkpoint.load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a readable checkpoint"):
        checkpoint.load(path)
    torch.save({"format": "other"}, path)
    with pytest.raises(DataError, match="not a checkpoint of format"):
        checkpoint.load(path)


def test_weights_have_to_fit_the_configuration(dataset, tmp_path) -> None:
    train(dataset, tmp_path, configured("pfjet", epochs=1), device="cpu")
    content = torch.load(tmp_path / "last.pt", weights_only=True)
    content["weights"].popitem()
    checkpoint.write(tmp_path / "less.pt", content)
    with pytest.raises(DataError, match="weights do not fit"):
        checkpoint.load(tmp_path / "less.pt")


def test_the_command(dataset, tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(configured("ssd7").model_dump_json(exclude={"augmentation"}))
    call = ["train", str(dataset), "-o", str(tmp_path / "run"), "--config", str(path), "--epochs", "1"]
    result = CliRunner().invoke(app, [*call, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert "epoch 1 of 1" in result.output
    # Which is exit code 2 of the command: tests/jetimg/cli/test_mistakes.py.
    assert isinstance(CliRunner().invoke(app, [*call, "--device", "tpu"]).exception, CallError)
    path.write_text("model: {arhitecture: ssd7}")
    assert CliRunner().invoke(app, call).exit_code == 2


def test_a_shard_that_is_not_there_is_named(dataset, tmp_path) -> None:
    (tmp_path / manifest.NAME).write_bytes((dataset / manifest.NAME).read_bytes())
    with pytest.raises(DataError, match=r"train-00000\.h5: named in .* but not there \(2 in all\)"):
        DataSet.of(tmp_path)
    assert store.Reader(dataset / "train-00000.h5").n_events == 4


def test_durations_are_readable() -> None:
    assert [duration(seconds) for seconds in (5, 300, 7200, 864000)] == ["5 s", "5.0 min", "2.0 h", "10.0 days"]


def test_no_epochs_measure_what_a_run_begins_with(dataset, tmp_path) -> None:
    train(dataset, tmp_path / "full", configured("pfjet", epochs=1), device="cpu")
    begun = tmp_path / "full" / "network.pt"
    train(dataset, tmp_path / "same", configured("pfjet", epochs=0), start=begun, device="cpu")
    assert same(weights(tmp_path / "same", "network.pt"), weights(tmp_path / "full", "network.pt"))
    (line,) = (tmp_path / "same" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["epoch"] == 0
    assert json.loads(line)["validation"]["total"] > 0


def test_the_curves_for_tensorboard_have_each_epoch_once(dataset, tmp_path) -> None:
    """Those of metrics.jsonl, read by TensorBoard's own reader; an epoch done again counts once."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(dataset, tmp_path / "run", configured("ssd7", tensorboard=True), device="cpu")
    records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    append(tmp_path / "run", records[-1])  # as if the run had been killed before it kept this epoch
    curves = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    found = [(event.step, event.value) for event in curves.Scalars("train/total")]
    assert found == [(1, pytest.approx(records[0]["train"]["total"])), (2, pytest.approx(records[1]["train"]["total"]))]
