"""The data set that tests of the evaluation, and of what is measured by it, share."""

from pathlib import Path

import pytest

from detector import load
from jetimg.dataset import manifest, plan, shard
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.plotting import figures
from models.evaluation import report

TEST = ("tt", "hh", "WW", "tth")


@pytest.fixture(scope="session")
def dataset(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight real test events in three shards, and two training events."""
    folder = tmp_path_factory.mktemp("evaluate")
    files = []
    for sample in ("bb", *TEST):
        files.append(folder / f"{sample}.h5")
        convert(DelphesInputs([data / f"{sample}.root"], sample), files[-1], Setup(load(), ImageSettings()))
    planned = plan.make(
        files, plan.Sharding(events_per_shard=3, validation_fraction=0, test_fraction=0), list(TEST), {}
    )
    for name in planned.shards():
        shard.make(planned, name, folder / "dataset" / name)
    manifest.make(planned, folder / "dataset")
    return folder / "dataset"


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of a quarter of the pixels along each side."""
    monkeypatch.setattr(figures, "DPI", 50)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures, which take longer than all the rest."""
    monkeypatch.setattr(report, "draw_all", lambda found, folder: None)
