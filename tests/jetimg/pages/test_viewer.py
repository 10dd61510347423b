"""What an event viewer holds: which events, their hits and jets, and detections that belong to them."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.composition.settings import Composition
from jetimg.composition.write import compose
from jetimg.dataset import manifest
from jetimg.detections import hdf5
from jetimg.event_file.store import InputFile, Reader
from jetimg.pages import viewer
from jetimg.pages.chosen_events import Choice, Place, choose, event_files
from jetimg.pages.found_jets import FoundJets, in_event
from jetimg.pages.packing import LOG_STEP, pack_hits
from tests.helpers import single_objects
from tests.helpers.detections import ABOUT, made_up


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def held(page: Path) -> tuple[dict[str, Any], list[list[str]]]:
    """What stands in a page for its program."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    data = json.loads(found[1])
    return json.loads(unpacked(data["about"])), data["hits"]


def hits(text: str, faintest: float) -> tuple[np.ndarray, np.ndarray]:
    planes = np.frombuffer(unpacked(text), np.uint8).astype(np.int64).reshape(5, -1)
    steps = planes[0] + (planes[1] << 8) + (planes[2] << 16)
    return np.cumsum(steps), faintest * np.exp(LOG_STEP * (planes[3] + (planes[4] << 8)))


def test_hits_come_back_from_a_page() -> None:
    pixel = np.array([0, 1, 300, 70_000, 122_399], np.uint32)
    value = np.array([0.02, 0.5, 1, 999, 5000], np.float32)
    back = hits(pack_hits(pixel, value, 0.02), 0.02)
    assert back[0].tolist() == pixel.tolist()
    np.testing.assert_allclose(back[1], value, rtol=LOG_STEP / 2 + 1e-6)
    assert hits(pack_hits(pixel[:0], value[:0], 0.02), 0.02)[0].tolist() == []
    with pytest.raises(ValueError, match="16,777,216 pixels"):
        pack_hits(np.array([1 << 24], np.uint32), value[:1], 0.02)


def test_a_page_holds_the_events_of_a_data_set(dataset: Path, tmp_path: Path) -> None:
    page = tmp_path / "events.html"
    assert viewer.write([dataset], page, Choice()) == 12
    about, packed = held(page)
    assert [event["sample"] for event in about["events"]].count("tth") == 2
    assert len(packed) == 12
    for event, channels in zip(about["events"], packed, strict=True):
        with Reader(dataset / event["file"]) as reader:
            tables = reader.read(event["number"], event["number"] + 1).tables
            assert reader.files[int(tables["events"]["file"][0])].name.endswith(event["source"])
        assert event["entry"] == tables["events"]["entry"][0]
        np.testing.assert_allclose(np.reshape(event["true"]["box"], (-1, 4)), tables["jets"]["box"], atol=0.006)
        for channel, text in zip(about["channels"], channels, strict=True):
            pixel, value = hits(text, channel["faintest"])
            assert pixel.tolist() == tables[channel["name"]]["pixel"].tolist()
            np.testing.assert_allclose(value, tables[channel["name"]]["value"], rtol=0.003)
    assert all(event["found"] is None for event in about["events"])


def test_a_page_holds_masks(tmp_path: Path) -> None:
    objects = single_objects.write(tmp_path / "objects.h5", single_objects.events(20, 1))
    compose([objects], tmp_path / "composed.h5", Composition(), n_images=2, sample="composed", seed=5)
    viewer.write([tmp_path / "composed.h5"], tmp_path / "events.html", Choice())
    for number, event in enumerate(held(tmp_path / "events.html")[0]["events"]):
        with Reader(tmp_path / "composed.h5") as reader:
            masks = reader.read(number, number + 1).tables["masks"]
        assert len(event["true"]["mask"]) == len(event["true"]["pt"]) >= 12
        for jet, steps in enumerate(event["true"]["mask"]):
            assert np.cumsum(steps).tolist() == masks["pixel"][masks["jet"] == jet].tolist()


def test_the_same_events_give_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("one.html", "two.html")]
    for page in pages:
        viewer.write([dataset], page, Choice(events=3))
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_page_needs_nothing_from_outside_and_escapes_names(make_events, made_event, tmp_path: Path) -> None:
    path = make_events(tmp_path / "<b>&.h5", [made_event()], sample_names=["</script><i>"])
    viewer.write([path], tmp_path / "events.html", Choice())
    text = (tmp_path / "events.html").read_text()
    assert "&lt;b&gt;&amp;.h5" in text
    assert "<i>" not in text
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert [url for url in re.findall(r"https?://[^\s\"'<]+", text) if not url.startswith("http://www.w3.org/")] == []
    assert held(tmp_path / "events.html")[0]["events"][0]["sample"] == "</script><i>"


def test_events_are_chosen_evenly(make_events, made_event, tmp_path: Path) -> None:
    events = [made_event(sample=k) for k in (0, 0, 0, 0, 1, 0, 1, 2)]
    names = ["tt", "bb", "hh", "ZZ"]
    paths = [make_events(tmp_path / f"{split}.h5", events, names, split) for split in ("train", "test")]
    chosen = choose(paths, Choice(events=7))
    assert chosen == [Place(0, 0), Place(0, 1), Place(0, 4), Place(0, 7), Place(1, 0), Place(1, 4), Place(1, 7)]
    assert choose(paths, Choice(samples=("bb",), splits=("test",))) == [Place(1, 4), Place(1, 6)]
    assert len(choose(paths, Choice())) == 16
    with pytest.raises(DataError, match="no events of sample ZZ and split test"):
        choose(paths, Choice(samples=("ZZ",), splits=("test",)))
    with pytest.raises(DataError, match=r"^no sample WW; there are ZZ, bb, hh, tt$"):
        choose(paths, Choice(samples=("bb", "WW")))
    with pytest.raises(DataError, match=r"^no split heldout; there are test, train$"):
        choose(paths, Choice(splits=("heldout", "test")))


@pytest.fixture
def found(dataset: Path, tmp_path: Path) -> Path:
    """Detections in every event of the data set but for those of its test shards."""
    path = tmp_path / "found.h5"
    with hdf5.create(path, ABOUT) as writer:
        for k, shard in enumerate(manifest.read(dataset).shards):
            if shard.split != "test":
                row = InputFile(f"elsewhere/{shard.name}", shard.sha256, shard.n_events)
                writer.add(row, made_up([3] * shard.n_events, seed=k))
        writer.add(InputFile("bad.h5", "", 7, "unreadable", "empty"), made_up([]))
    return path


def test_detections_stand_with_their_events(dataset: Path, found: Path, tmp_path: Path) -> None:
    page = tmp_path / "events.html"
    assert viewer.write([dataset], page, Choice(), [found]) == 10
    about, _ = held(page)
    with hdf5.Reader(found) as reader:
        names, table = [Path(row.name).name for row in reader.inputs], reader.read()
        firsts = np.cumsum([0, *(row.entries for row in reader.inputs)])
    for event in about["events"]:
        expected = table[int(firsts[names.index(event["file"])]) + event["number"]]
        assert event["found"]["class_id"] == expected.class_id.tolist()
        np.testing.assert_allclose(event["found"]["score"], expected.score, atol=1e-4)
        assert [pt is None for pt in event["found"]["pt"]] == np.isnan(expected.pt).tolist()
    assert about["network"] == "some.pt"


def test_detections_of_other_events_are_refused(dataset: Path, found: Path, tmp_path: Path) -> None:
    shards = event_files([dataset])
    with FoundJets([found]) as jets, pytest.raises(DataError, match=r"found in 3 events of elsewhere/.*; .* has 99"):
        jets.of(next(path for path in shards if path.name == "train-00000.h5"), 0, 99)
    with FoundJets([found, found]) as jets, pytest.raises(DataError, match=r"several inputs called train-00000\.h5"):
        jets.of(shards[0].with_name("train-00000.h5"), 0, 3)
    alone = [path for path in shards if path.name.startswith("test")]
    with pytest.raises(DataError, match=r"found\.h5: of none of .*test-00000\.h5"):
        viewer.write(alone, tmp_path / "events.html", Choice(), [found])


def test_detections_with_other_classes_are_refused(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    about = type(ABOUT)(**{**vars(ABOUT), "class_names": ("jet",)})
    with hdf5.create(path, about) as writer:
        writer.add(InputFile("train-00000.h5", "", 3), made_up([0, 0, 0]))
    with pytest.raises(DataError, match=r"detections in \(340, 360\), jet$"):
        viewer.write([dataset], tmp_path / "events.html", Choice(), [path])
    assert not (tmp_path / "events.html").exists()


def test_show_draws_detections_above_a_score(dataset: Path, found: Path, tmp_path: Path) -> None:
    shard = dataset / "train-00000.h5"
    jets = in_event(found, shard, 1, 0.5)
    with hdf5.Reader(found) as reader:
        first = [Path(row.name).name for row in reader.inputs].index(shard.name)
        scores = reader.read()[sum(row.entries for row in reader.inputs[:first]) + 1].score
    assert jets.score.tolist() == scores[scores >= 0.5].tolist()
    call = ["show", str(shard), "--event", "1", "--detections", str(found), "--output", str(tmp_path / "event.png")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    with pytest.raises(ValueError, match=r"no event 99: it has 3"):
        in_event(found, shard, 99, 0.5)


def test_the_command(dataset: Path, found: Path, tmp_path: Path) -> None:
    page = tmp_path / "events.html"
    call = ["view", str(dataset), "--output", str(page), "--detections", str(found), "--events", "4"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert f"{page}: 4 events, " in done.output
    missing = CliRunner().invoke(app, ["view", str(tmp_path / "nothing.h5"), "--output", str(page)])
    assert isinstance(missing.exception, DataError)
