"""What the detector's tests share: Pythia starts once."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

from detector import Detector, load
from detector.simulation import seeds
from detector.simulation.fast.parameters import Tables, tables
from detector.simulation.pileup import Pool, make_pool, save_pool
from detector.simulation.processes import settings
from detector.simulation.pythia import Collision, Generator

# The first call of a compiled function takes seconds.
hypothesis_settings.register_profile("compiled", deadline=None)
hypothesis_settings.load_profile("compiled")

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="session")
def cms() -> Detector:
    return load()


@pytest.fixture(scope="session")
def numbers(cms: Detector) -> Tables:
    return tables(cms)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20191023)


@pytest.fixture(scope="session")
def pool(cms: Detector) -> Pool:
    return make_pool(cms.pileup, 60, 1)


@pytest.fixture(scope="session")
def pool_file(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "pool.npz"
    save_pool(path, pool)
    return path


@pytest.fixture(scope="session")
def records() -> list[Collision]:
    generator = Generator(settings("tt", 1500.0), seeds.generator(1, "tt", 0))
    return [record for batch in generator.batches(10, 5) for record in batch]


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "delphes").is_dir():
        pytest.skip(f"the real Delphes files are not at {SHARED}")
    return SHARED
