"""Against the published reference code: what it made of the same real files (layout: jetimg.pfjet_format)."""

from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from detector import load
from detector.geometry.grid import Grid
from jetimg.event_file.store import Batch, Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.delphes_reader import DelphesFile, wanted
from jetimg.imaging.settings import ImageSettings

pytestmark = pytest.mark.shared

DETECTOR = load()
GRID = Grid.of(DETECTOR)
FILES = [f"{sample}_{number}" for sample in ("bb", "tt", "hh", "WW", "qq", "tth") for number in (0, 1)]
BRANCHES = {"tracker": ("EFlowTrack", "PT"), "ecal": ("EFlowPhoton", "ET"), "hcal": ("EFlowNeutralHadron", "ET")}
CLASSES = {0: "t", 1: "V", 2: "H"}
N_EVENTS = 25


@pytest.fixture(scope="module", params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ours(name: str, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    output = tmp_path_factory.mktemp("reference") / f"{name}.h5"
    rows = convert(
        DelphesInputs([shared / f"{name}.root"]), output, Setup(DETECTOR, ImageSettings(hcal="point", truth="status"))
    )
    assert [row.verdict for row in rows] == ["ok"]
    with Reader(output) as reader:
        return reader.read()


@pytest.fixture(scope="module")
def theirs(name: str, shared: Path) -> dict[str, list[NDArray[np.float64]]]:
    with h5py.File(shared / "reference" / f"{name}.h5") as file:
        return {key: [np.asarray(event, np.float64) for event in file[key][:]] for key in file}


def dense(table: dict[str, NDArray[np.float64]], event: int) -> NDArray[np.float64]:
    image = np.zeros(GRID.size)
    mine = slice(table["indptr"][event], table["indptr"][event + 1])
    image[table["pixel"][mine]] = table["value"][mine]
    return image


def test_pixels_and_values(ours: Batch, theirs: dict[str, list[NDArray[np.float64]]]) -> None:
    """All but 4 pixels of some 60,000, where their float32 edges round."""
    different = 0
    for channel, (branch, value) in BRANCHES.items():
        assert len(theirs[f"{branch}_Eta"]) == len(ours) == N_EVENTS
        for event in range(N_EVENTS):
            image = np.zeros(GRID.size)
            eta, phi = (theirs[f"{branch}_{axis}"][event].astype(int) for axis in ("Eta", "Phi"))
            np.add.at(image, eta * 360 + phi, theirs[f"{branch}_{value}"][event])
            mine = dense(ours.tables[channel], event)
            assert np.sum(mine) > 0
            different += int(np.sum(np.abs(mine - image) > 1e-4 * np.maximum(mine, image)))
    assert different <= 4


def entries(events: list[NDArray[np.float64]], width: int) -> list[Counter[tuple[str, int, float]]]:
    """(class, pixel, pt to six digits) of each event."""
    return [
        Counter((CLASSES[int(row[0])], int(row[1]) * 360 + int(row[2]) % 360, float(f"{row[3]:.5g}")) for row in rows)
        for rows in (event.reshape(-1, width) for event in events)
    ]


def found(table: dict[str, NDArray[np.float64]]) -> list[Counter[tuple[str, int, float]]]:
    names = list(ImageSettings().classes)
    pixel = GRID.pixel(table["eta"], table["phi"])
    rows = [
        (names[k], int(p), float(f"{pt:.5g}")) for k, p, pt in zip(table["class_id"], pixel, table["pt"], strict=True)
    ]
    return [Counter(rows[a:b]) for a, b in zip(table["indptr"][:-1], table["indptr"][1:], strict=True)]


def test_every_label(name: str, ours: Batch, theirs: dict[str, list[NDArray[np.float64]]]) -> None:
    expected = entries(theirs["labels"], 4)
    mine = found(ours.tables["jets"])
    for event in range(N_EVENTS):
        assert not expected[event] - mine[event]
        # Nothing more of their classes either: our labels beyond theirs are b and q.
        assert {label[0] for label in mine[event] - expected[event]} <= {"b", "q"}
    if name.partition("_")[0] not in ("bb", "qq"):
        assert sum(map(Counter.total, expected)) >= N_EVENTS


def test_every_baseline_entry(ours: Batch, theirs: dict[str, list[NDArray[np.float64]]]) -> None:
    expected = entries(theirs["baseline"], 5)
    mine = found(ours.tables["baseline"])
    assert sum(map(Counter.total, expected)) > 0
    for event in range(N_EVENTS):
        assert not expected[event] - mine[event]
    # Their last column is the ratio of tau; equal entries in equal order of class and pt.
    table = ours.tables["baseline"]
    for event in range(N_EVENTS):
        rows = theirs["baseline"][event].reshape(-1, 5)
        a, b = table["indptr"][event : event + 2]
        for row in rows:
            same = np.isclose(table["pt"][a:b], row[3], rtol=1e-5) & (
                table["class_id"][a:b] == list(ImageSettings().classes).index(CLASSES[int(row[0])])
            )
            assert np.isclose(1 - table["score"][a:b][same], row[4], atol=1e-5).any()


def test_spread_conserves_each_events_sum(name: str, shared: Path, tmp_path: Path) -> None:
    """Against the sum over the towers in the image, straight from the file's branches."""
    source, output = shared / f"{name}.root", tmp_path / "spread.h5"
    settings = ImageSettings(hcal="spread")
    convert(DelphesInputs([source]), output, Setup(DETECTOR, settings))
    file = DelphesFile(source, wanted(settings))
    chunk = file.head(N_EVENTS)
    file.close()
    et, edges = chunk["EFlowNeutralHadron.ET"], chunk["EFlowNeutralHadron.Edges"].content.reshape(-1, 4)
    inside = np.abs(edges[:, :2].astype(float).mean(axis=1)) < 2.958
    with Reader(output) as reader:
        table = reader.read().tables["hcal"]
    for event in range(N_EVENTS):
        mine = slice(et.offsets[event], et.offsets[event + 1])
        expected = et.content[mine][inside[mine]].sum(dtype=np.float64)
        pixels = table["value"][table["indptr"][event] : table["indptr"][event + 1]]
        assert pixels.sum(dtype=np.float64) == pytest.approx(expected, rel=2e-7)
