"""A network with masks, trained on images that are composed while it learns, and measured on composed shards."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.composition.settings import Composition
from jetimg.composition.torch_composed import ComposedImages
from jetimg.composition.write import compose
from jetimg.dataset import manifest, plan, shard
from models.networks.config import ComposedTraining, Config, Model, Training
from models.training.train import train
from tests.helpers import single_objects

MODEL = Model(architecture="mask", channels=(8, 8, 8, 8, 8))


def data_set(folder: Path, files: list[Path], splits: dict[str, str]) -> Path:
    made = plan.make(files, plan.Sharding(test_fraction=0), [], {}, splits)
    for name in made.shards():
        shard.make(made, name, folder / name)
    manifest.make(made, folder)
    return folder


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("objects")
    return [
        single_objects.write(folder / f"{name}.h5", single_objects.events(20, seed), name)
        for seed, name in enumerate(("some", "others"))
    ]


def test_composed_while_training_then_measured(objects: list[Path], tmp_path: Path) -> None:
    splits = {"some.root": "train", "others.root": "validation"}
    singles = data_set(tmp_path / "singles", objects, splits)
    composition = ComposedTraining(objects=(3, 4), images=4, validation_images=2)
    config = Config(model=MODEL, training=Training(epochs=1, batch_size=2), composition=composition)
    train(singles, tmp_path / "run", config, device="cpu", processes=1)
    record = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert record["events"] == 4
    assert record["train"]["mask"] > 0
    images = [tmp_path / f"{name}.h5" for name in ("validation", "heldout")]
    for path, source in zip(images, reversed(objects), strict=True):
        compose([source], path, Composition(objects=(3, 3)), n_images=3, sample="images", seed=1)
    composed = data_set(tmp_path / "composed", images, {str(path): path.stem for path in images})
    call = ["models", "masks", str(composed), str(tmp_path / "run" / "network.pt"), "--split", "heldout"]
    done = CliRunner().invoke(app, [*call, "--output", str(tmp_path / "masks")])
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "masks" / "masks.json").read_text())
    assert numbers["images"] == 3
    assert sum(numbers["objects"].values()) == 9
    assert (tmp_path / "masks" / "masks.png").stat().st_size > 10_000
    with pytest.raises(DataError, match="no masks, which a network of architecture mask learns"):
        train(singles, tmp_path / "other", Config(model=MODEL), device="cpu", processes=1)


def test_epochs_differ_and_the_workers_do_not_count(objects: list[Path]) -> None:
    made = ComposedImages(objects, 3, Composition(objects=(2, 3)), 8, seed=1)
    first = [batch.box.tolist() for batch in made]
    assert [len(batch) for batch in made] == [3, 3, 2]
    assert [batch.box.tolist() for batch in made] == first
    made.set_epoch(1)
    assert [batch.box.tolist() for batch in made] != first
    shares = [ComposedImages(objects, 3, Composition(objects=(2, 3)), 8, seed=1, rank=k, world_size=2) for k in (0, 1)]
    together = [box for share in shares for batch in share for box in batch.box.tolist()]
    assert together == [box for batch in first for box in batch]
