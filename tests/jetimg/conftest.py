"""A small finished data set, made once from the real Delphes files in tests/data, and a stand-in for Zenodo."""

import shutil
from pathlib import Path

import pytest

from detector import load
from detector.geometry.description import DEFAULT
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.plan import Sharding
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.release.build import ReleaseRequest, release
from tests.helpers import zenodo
from tests.helpers.downloads import contents
from tests.helpers.release_metadata import metadata

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve events of six samples in five shards: train, validation, test."""
    folder = tmp_path_factory.mktemp("campaign")
    events = []
    for sample in ("bb", "tt", "hh", "WW", "qq", "tth"):
        events.append(folder / f"{sample}.h5")
        convert(DelphesInputs([DATA / f"{sample}.root"], sample), events[-1], Setup(load(), ImageSettings()))
    sharding = Sharding(events_per_shard=3, validation_fraction=0.3, test_fraction=0)
    planned = plan.make(events, sharding, ["tth"], {})
    for name in planned.shards():
        shard.make(planned, name, folder / "dataset" / name)
    manifest.make(planned, folder / "dataset")
    return folder / "dataset"


@pytest.fixture(scope="session")
def _release_once(dataset: Path) -> Path:
    folder = dataset.parent / "release"
    release(ReleaseRequest(dataset, metadata(), load(), DEFAULT), folder)
    return folder


@pytest.fixture
def released(_release_once: Path, tmp_path: Path) -> Path:
    """The release of that data set, to be changed at will."""
    shutil.copytree(_release_once, tmp_path / "release")
    return tmp_path / "release"


@pytest.fixture
def split(dataset: Path, _release_once: Path, tmp_path: Path) -> Path:
    """The same in three records, of at most two shards each."""
    others = len([path for path in _release_once.iterdir() if path.suffix != ".h5"]) + 1  # record.json
    release(ReleaseRequest(dataset, metadata(record_files=others + 2), load(), DEFAULT), tmp_path / "split")
    return tmp_path / "split"


@pytest.fixture
def record(server: zenodo.Zenodo, released: Path) -> dict[str, bytes]:
    """The release, published as record 1."""
    server.add_record(contents(released))
    return contents(released)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloaded"
