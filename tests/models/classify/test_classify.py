"""Networks, training and the command, on small showers that are made up: one crystal or two."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common.errors import DataError
from models.classify import architectures
from models.classify.config import ARCHITECTURES, TASKS, Classifier, Network, Training, read
from models.classify.data import Examples
from models.classify.inputs import Flips, Inputs
from models.classify.train import MIN_STEPS, Trained, load, save, scores, steps_of, train

CPU = torch.device("cpu")
PHOTON = (1, 16, 16)


def showers(n: int, seed: int) -> Examples:
    """Gammas in one crystal; pi0 with a second one two columns away, on either side."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, n)
    counts = 1 + label
    second = np.flatnonzero(np.repeat(label, counts))[1::2]
    row = np.full(counts.sum(), 8, np.int16)
    column, value = row.copy(), np.full(counts.sum(), 20, np.float32)
    column[second] += random.choice([-2, 2], len(second)).astype(np.int16)
    value[second] = random.uniform(5, 15, len(second))
    pitch = TASKS["photon"], (0.0174, np.pi / 180)
    return Examples(
        ("gamma", "pi0"),
        PHOTON,
        pitch[1],
        np.arange(n),
        label,
        random.uniform(2, 50, n).astype(np.float32),
        counts,
        np.zeros(len(row), np.int16),
        row,
        column,
        value,
        {},
    )


def classifier(architecture: str, **training: int) -> Classifier:
    chosen = {"epochs": 2, "batch_size": 32, "seed": 1} | training
    return Classifier(
        task=TASKS["photon"],
        network=Network(architecture=architecture, hidden=8, hits=3, channels=(4, 8)),  # type: ignore[arg-type]
        training=Training(**chosen),  # type: ignore[arg-type]
    )


def test_the_cnn_has_the_numbers_of_the_belgrade_tests() -> None:
    """577,820 with the running statistics of the batch norm, 577,800 that are trained."""
    config = Classifier(network=Network(architecture="cnn"))
    network = architectures.build(config, PHOTON, 2)
    trained = sum(weight.numel() for weight in network.parameters())
    made = Trained(config, ("gamma", "pi0"), PHOTON, network)
    assert (made.parameters, trained) == (577_820, 577_800)
    sizes = []
    x = torch.zeros(1, *PHOTON)
    for layer in network:  # type: ignore[attr-defined]
        x = layer(x)
        sizes.append(tuple(x.shape[1:]))
    assert (10, 15, 15) in sizes
    assert (2250,) in sizes


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_tells_one_crystal_from_two(architecture: str, tmp_path: Path) -> None:
    config = classifier(architecture, epochs=4)
    made = train(config, showers(400, 1), showers(100, 2), CPU)
    assert made.records[-1]["auc"] > 0.95
    assert [record["epoch"] for record in made.records] == [1, 2, 3, 4]
    save(made, tmp_path / "network.pt")
    again = load(tmp_path / "network.pt", CPU)
    inputs = Inputs(showers(50, 3), config, CPU)
    assert np.array_equal(scores(again.network, inputs), scores(made.network, inputs))
    assert (again.class_names, again.shape, again.classifier) == (made.class_names, made.shape, config)


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two, other = (
        train(classifier("cnn", epochs=1, seed=seed), showers(64, 1), showers(64, 2), CPU).network.state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_continued_training_begins_as_the_one_that_is_given() -> None:
    made = train(classifier("mlp", epochs=3), showers(400, 1), showers(100, 2), CPU)
    same = train(classifier("mlp", epochs=0), showers(20, 4), showers(20, 5), CPU, start=made)
    state = same.network.state_dict()
    assert all(torch.equal(weight, state[name]) for name, weight in made.network.state_dict().items())
    with pytest.raises(DataError, match="another network"):
        train(classifier("cnn"), showers(20, 4), showers(20, 5), CPU, start=made)


def test_a_number_of_seconds_becomes_a_number_of_epochs() -> None:
    made = train(classifier("mlp"), showers(64, 1), showers(64, 2), CPU, seconds=0.3)
    assert made.classifier.training.epochs == len(made.records) >= 1


def test_a_small_set_is_passed_over_several_times() -> None:
    assert steps_of(10, 256) == MIN_STEPS
    assert steps_of(25_600, 256) == 100


def test_a_mirror_keeps_the_middle_and_turns_images_and_sequences_alike() -> None:
    some = showers(50, 7)
    rows, yes = torch.arange(50), torch.ones(50, 1, dtype=torch.bool)
    images = Inputs(some, classifier("cnn"), CPU)
    plain, turned = images.of(rows), images.of(rows, Flips(~yes, yes))
    assert torch.equal(plain[..., 8], turned[..., 8])
    assert torch.equal(plain[..., 1:].flip(-1), turned[..., 1:])
    sequences = Inputs(some, classifier("gru"), CPU)
    plain, turned = sequences.of(rows), sequences.of(rows, Flips(~yes, yes))
    assert torch.equal(plain[..., 2], -turned[..., 2])
    assert torch.equal(plain[..., [0, 1, 3, 4]], turned[..., [0, 1, 3, 4]])
    assert plain.shape == (50, 3, 5)
    assert plain[..., 3].sum(1).tolist() == some.counts.tolist()


def test_the_configuration_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("task: {classes: [pi0, gamma]}\nnetwork: {architecture: gru}\ntraining: {epochs: 3}\n")
    config = read(path, "photon", epochs=None, seed=5)
    assert config.task.classes == ("pi0", "gamma")
    assert config.task.window == (16, 16)
    assert (config.training.epochs, config.training.seed) == (3, 5)
    path.write_text("network: {hiden: 3}\n")
    with pytest.raises(DataError, match="did you mean `hidden`"):
        read(path, "photon")
    path.write_text("task: {window: [15, 16], pool: 2}\n")
    with pytest.raises(DataError, match="multiples of pool"):
        read(path, "photon")


def test_another_checkpoint_is_refused(tmp_path: Path) -> None:
    made = train(classifier("mlp", epochs=0), showers(20, 1), showers(20, 2), CPU)
    save(made, tmp_path / "network.pt")
    with pytest.raises(DataError, match="not a checkpoint of format jetimg-classifier"):
        load(Path("models/zoo/fast.pt").resolve(), CPU)
    ran = CliRunner().invoke(app, ["models", "describe", str(tmp_path / "network.pt")])
    assert isinstance(ran.exception, DataError)
    assert "not a checkpoint of format jetimg-checkpoint" in str(ran.exception)


def test_the_command_leaves_numbers_tables_and_pictures(data: Path, coarse: None, tmp_path: Path) -> None:
    """Hits of real events; two events a file have to be enough for three networks."""
    events = tmp_path / "events"
    events.mkdir()
    for sample in ("tt", "qq"):
        ran = CliRunner().invoke(
            app,
            [
                "convert",
                *map(str, [data / f"{sample}.root"] * 1),
                "--sample",
                sample,
                "-o",
                str(events / f"{sample}.h5"),
            ],
        )
        assert ran.exit_code == 0, ran.output
    files = [str(path) for path in sorted(events.glob("*.h5"))] * 12
    output = tmp_path / "found"
    call = ["models", "classify", *files, "--task", "process", "--architecture", "gru", "--architecture", "lstm"]
    more = ["--epochs", "1", "--batch-size", "4", "--examples", "8,16", "-o", str(output), "--device", "cpu"]
    ran = CliRunner().invoke(app, [*call, *more])
    assert ran.exit_code == 0, ran.output
    found = json.loads((output / "classification.json").read_text())
    assert [(run["architecture"], run["examples"]) for run in found["runs"]] == [
        ("gru", 8),
        ("gru", 16),
        ("lstm", 8),
        ("lstm", 16),
    ]
    names = {"roc.png", "energy.png", "examples.png", "curve.png", "classification.md", "gru", "lstm"}
    assert names <= {path.name for path in output.iterdir()}
    assert "AUC" in (output / "classification.md").read_text()
    start = ["--start", str(output / "gru" / "network.pt"), "--epochs", "0", "-o", str(output), "--device", "cpu"]
    ran = CliRunner().invoke(app, ["models", "classify", *files, "--task", "process", *start])
    assert ran.exit_code == 0, ran.output
    again = json.loads((output / "classification.json").read_text())["runs"]
    assert [run["begins"] for run in again] == ["from scratch", "continued"]
    assert again[1]["auc"] == found["runs"][1]["auc"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--task", "photons"], "photon, top, process"),
        (["--task", "top", "--architecture", "mlp"], "mlp takes the shapes of single showers"),
        (["--architecture", "rnn"], "mlp, cnn, gru, lstm, resnet"),
        (["--task", "top", "--input", "particles"], "cnn sees the image; particles are read by gru and lstm"),
        (["--architecture", "gru", "--input", "tracks"], "(found 'tracks')"),
        (["--examples", "many"], "many"),
    ],
)
def test_a_wrong_call_says_what_there_is(words: list[str], told: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["models", "classify", "none.h5", "-o", str(tmp_path / "out"), *words])
    assert ran.exit_code == 2
    assert told in ran.output
    assert not (tmp_path / "out").exists()
