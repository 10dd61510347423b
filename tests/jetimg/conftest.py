"""A small finished data set, made once from the real Delphes files in tests/data."""

from pathlib import Path

import pytest

from detector import load
from jetimg import manifest, plan, shard
from jetimg.channels import Setup
from jetimg.convert import Inputs, convert
from jetimg.plan import Sharding
from jetimg.settings import Images

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve events of six samples in five shards: train, validation, test."""
    folder = tmp_path_factory.mktemp("campaign")
    events = []
    for sample in ("bb", "tt", "hh", "WW", "qq", "tth"):
        events.append(folder / f"{sample}.h5")
        convert(Inputs([DATA / f"{sample}.root"], sample), events[-1], Setup(load(), Images()))
    sharding = Sharding(events_per_shard=3, validation_fraction=0.3)
    planned = plan.make(events, sharding, ["tth"], {})
    for name in planned.shards():
        shard.make(planned, name, folder / "dataset" / name)
    manifest.make(planned, folder / "dataset")
    return folder / "dataset"
