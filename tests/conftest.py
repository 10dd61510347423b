"""What many tests use: real files, and event files made by hand."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from detector import load
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import ImageSettings
from tests.helpers import zenodo

ROOT = Path(__file__).parents[1]

# Commands that tests start keep what Python compiled, as under `make test`: they start in half the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# HTCondor's bindings warn of a missing configuration file; this is their word for none.
os.environ.setdefault("CONDOR_CONFIG", "ONLY_ENV")
# As many processes test as there are cores; torch's threads beside them would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no test that fails because the machine was busy.
hypothesis.settings.register_profile("jetimg", derandomize=True, deadline=None)
hypothesis.settings.load_profile("jetimg")


@pytest.fixture(scope="session")
def data() -> Path:
    """Small real Delphes files, two events each."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The larger real Delphes files beside the repository."""
    folder = ROOT.parent / "shared" / "delphes"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: it holds the real Delphes files, 25 events each")
    return folder


@pytest.fixture(scope="session")
def setup() -> Setup:
    """The default detector and settings."""
    return Setup(load(), ImageSettings())


@pytest.fixture(scope="session")
def event_file(data: Path, setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The event file of tt.root, with the many boxes of truth mode `status`."""
    path = tmp_path_factory.mktemp("events") / "tt.h5"
    convert(DelphesInputs([data / "tt.root"], "tt"), path, Setup(setup.detector, ImageSettings(truth="status")))
    return path


@dataclass(frozen=True)
class MadeEvent:
    """An event made by hand.

    Attributes:
        sample: index of its sample.
        hits: (flat pixel, GeV) of each channel.
        jets, tags: (class_id, pt, eta, phi) of boxes and of baseline jets.
        particles: (type, pt, eta, phi), the hardest first; a file has the table if any of its events has some.
    """

    sample: int = 0
    hits: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    jets: list[tuple[int, float, float, float]] = field(default_factory=list)
    tags: list[tuple[int, float, float, float]] = field(default_factory=list)
    particles: list[tuple[int, float, float, float]] = field(default_factory=list)


MakeEvents = Callable[..., Path]


@pytest.fixture(scope="session")
def made_event() -> type[MadeEvent]:
    """The class of events made by hand."""
    return MadeEvent


@pytest.fixture(scope="session")
def make_events() -> MakeEvents:
    """Writes an event file with events made by hand."""
    return _make_events


def _make_events(
    path: Path, events: Sequence[MadeEvent], sample_names: Sequence[str] = ("tt",), split: str = "all"
) -> Path:
    attributes = provenance(load(), ImageSettings())
    attributes |= {"kind": "events" if split == "all" else "shard", "split": split, "sample_names": list(sample_names)}
    tables = {name: _hits([event.hits.get(name, []) for event in events]) for name in CHANNELS}
    jets, tags = _jets([event.jets for event in events]), _jets([event.tags for event in events])
    jets["pdg_id"] = np.zeros(len(jets["pt"]), np.int32)
    jets["box"] = boxes.around(Grid.of(load()), jets["eta"], jets["phi"], 0.4)
    tags["score"] = np.ones_like(tags["pt"])
    if any(event.particles for event in events):
        tables["particles"] = _particles([event.particles for event in events])
    rows = {
        "sample": np.array([event.sample for event in events], np.uint8),
        "file": np.zeros(len(events), np.uint32),
        "entry": np.arange(len(events), dtype=np.uint32),
        "weight": np.ones(len(events), np.float32),
    }
    with store.create(path, attributes) as writer:
        writer.append(store.Batch(tables | {"jets": jets, "baseline": tags, "events": rows}))
        writer.files.append(store.InputFile("somewhere/made[1].root", "0" * 64, len(events)))
    return path


def _indptr(rows: Sequence[Sequence[object]]) -> np.ndarray:
    return np.cumsum([0, *(len(row) for row in rows)])


def _hits(events: Sequence[list[tuple[int, float]]]) -> store.Columns:
    flat = np.array([hit for event in events for hit in event], np.float64).reshape(-1, 2)
    return {"indptr": _indptr(events), "pixel": flat[:, 0].astype(np.uint32), "value": flat[:, 1].astype(np.float32)}


def _jets(events: Sequence[list[tuple[int, float, float, float]]]) -> store.Columns:
    flat = np.array([jet for event in events for jet in event], np.float64).reshape(-1, 4)
    columns = {name: flat[:, k].astype(np.float32) for k, name in enumerate(("class_id", "pt", "eta", "phi"))}
    mass = np.zeros(len(flat), np.float32)
    return columns | {"indptr": _indptr(events), "class_id": flat[:, 0].astype(np.uint8), "mass": mass}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[zenodo.Zenodo]:
    """A stand-in for Zenodo on loopback, whose token is in the environment."""
    monkeypatch.setenv("ZENODO_TOKEN", zenodo.TOKEN)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with zenodo.serve() as running:
        # zenodo-get has no option for another host: see tests/zenodo_stand_in/sitecustomize.py.
        monkeypatch.setenv("PYTHONPATH", str(Path(zenodo.__file__).with_name("zenodo_stand_in")))
        monkeypatch.setenv("JETIMG_STAND_IN", running.url)
        yield running


# Two processes end together if the longest files begin first: whole workflows, commands of all pages, trainings.
FIRST = ("workflow", "test_commands_of_pages.py", "test_notebooks.py", "models")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files in the order of FIRST."""

    def place(item: pytest.Item) -> int:
        parts = item.path.relative_to(ROOT).parts
        return next((place for place, name in enumerate(FIRST) if name in parts), len(FIRST))

    items.sort(key=place)


def _particles(events: Sequence[list[tuple[int, float, float, float]]]) -> store.Columns:
    flat = np.array([one for event in events for one in event], np.float64).reshape(-1, 4)
    columns = {name: flat[:, k].astype(np.float32) for k, name in enumerate(("pt", "eta", "phi"), 1)}
    of_type = {"type": flat[:, 0].astype(np.uint8), "charge": np.zeros(len(flat), np.int8)}
    return columns | of_type | {"indptr": _indptr(events)}
