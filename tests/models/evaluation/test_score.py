"""Files of detections measured: ours, Parquet and COCO give what the evaluation of the network gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jetimg.common.errors import DataError
from jetimg.detections.hdf5 import Reader
from jetimg.detections.layout import CORNERS
from jetimg.loader.torch_dataset import JetImages
from models.cli import app
from models.data.data_set import DataSet
from models.evaluation.detection_files import read
from models.evaluation.evaluate import evaluate
from models.evaluation.event_set import EventSet
from models.evaluation.result import EvaluationSettings
from models.evaluation.score import score
from models.networks.build import build
from models.networks.config import Config, Model
from models.trained import checkpoint

pytestmark = pytest.mark.usefixtures("coarse")


def call(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def network(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = DataSet.of(dataset)
    config = Config(model=data.describe(Model(channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4))))
    path = tmp_path_factory.mktemp("scored") / "network.pt"
    checkpoint.save(path, config, build(config.model), images=dict(data.images))
    return path


@pytest.fixture(scope="module")
def found(dataset: Path, network: Path) -> Path:
    """The network's detections in the test events, in HDF5, and with all splits in Parquet."""
    path = network.with_name("found.h5")
    for output, more in ((path, ()), (path.with_suffix(".parquet"), ("--split", "train"))):
        splits = ("--split", "test", *more) if more else ()
        done = call("detect", network, dataset, "-o", output, "--batch-size", 25, "--device", "cpu", *splits)
        assert done.exit_code == 0, done.output
    return path


def test_our_files_give_what_the_network_gives(dataset, network, found, tmp_path) -> None:
    files = {"one": found, "two": found.with_suffix(".parquet")}
    expected = evaluate(dataset, {"one": network}, EvaluationSettings(device="cpu")).measured
    for one in score(dataset, files, EvaluationSettings()).measured[:2]:
        assert len(one.detector.found) == len(expected[0].detector.found)
        for name, numbers in one.classes.items():
            assert numbers is not None
            other = expected[0].classes[name] or {}
            for key in ("ap_11", "ap_all", "ap_coco", "found", "detections"):
                assert numbers[key] == pytest.approx(other[key], abs=1e-6, nan_ok=True), (name, key)


def test_the_command_with_two_splits_writes_one_table(dataset, found, tmp_path, undrawn) -> None:
    both = found.with_suffix(".parquet")
    splits = ("--split", "test", "--split", "train", "--table", tmp_path / "benchmark.md")
    done = call("score", f"net={both}", dataset, "-o", tmp_path / "scores", *splits)
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "scores/test/evaluation.json").read_text())
    assert list(numbers["detectors"]) == ["net", "baseline"]
    assert (tmp_path / "scores/train/evaluation.md").is_file()
    table = (tmp_path / "benchmark.md").read_text()
    for text in ("test: ceiling", "test: net", "train: net", "overlap of at least 0.5", "found.parquet"):
        assert text in table
    done = call("score", found, dataset, "-o", tmp_path / "one", "--match", "reference", "--sample", "tth")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "one/evaluation.json").read_text())["settings"]["match"] == "reference"
    other = ("--split", "test", "--match", "deltar:0.4", "--table", tmp_path / "axes.md")
    assert call("score", both, dataset, "-o", tmp_path / "axes", *other).exit_code == 0
    assert "11-point average precision (axes at most 0.4 apart in eta, phi)" in (tmp_path / "axes.md").read_text()
    for wrong in (("--match", "far"), ("--split", "some")):
        assert call("score", found, dataset, "-o", tmp_path / "no", *wrong).exit_code == 2
    assert call("score", f"ceiling={found}", dataset, "-o", tmp_path / "no").exit_code == 2
    assert isinstance(call("score", found, dataset, "-o", tmp_path / "no", "--split", "train").exception, DataError)


def results(found: Path) -> tuple[list[dict], tuple[str, ...]]:
    """The detections as COCO has them."""
    with Reader(found) as reader:
        table, names = reader.read(), reader.about.class_names
    rows = zip(table.event.tolist(), table.class_id.tolist(), table.box.tolist(), table.score.tolist(), strict=True)
    return [
        {"image_id": event, "category_id": k + 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": s}
        for event, k, (y0, x0, y1, x1), s in rows
    ], names


def test_coco_and_parquet_of_others(dataset, found, tmp_path) -> None:
    events = EventSet.of(dataset, "test")
    ours = read("ours", found, dataset, events).found
    made, names = results(found)
    (tmp_path / "list.json").write_text(json.dumps(made))
    # Other numbers of the categories, and boxes a turn further.
    other = [
        one | {"category_id": 10 * one["category_id"], "bbox": [one["bbox"][0] - 360, *one["bbox"][1:]], "pt": 50}
        for one in made
    ]
    categories = [{"id": 10 * (k + 1), "name": name} for k, name in reversed(list(enumerate(names)))]
    (tmp_path / "named.json").write_text(json.dumps({"annotations": other, "categories": categories}))
    for name in ("list.json", "named.json"):
        theirs = read("theirs", tmp_path / name, dataset, events).found
        for column in ("event", "class_id", "score", "eta"):
            np.testing.assert_allclose(getattr(theirs, column), getattr(ours, column), atol=1e-5, err_msg=column)
        np.testing.assert_allclose(np.cos(theirs.phi - ours.phi), 1, atol=1e-6)
    assert theirs.pt.tolist() == [50] * len(theirs)
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    axes = pandas.DataFrame({"event": ours.event, "score": ours.score, "eta": ours.eta, "phi": ours.phi})
    axes["class_name"] = [names[k] for k in ours.class_id]
    axes.sample(frac=1, random_state=1).to_parquet(tmp_path / "axes.parquet")
    theirs = read("theirs", tmp_path / "axes.parquet", dataset, events).found
    np.testing.assert_array_equal(np.bincount(theirs.event), np.bincount(ours.event))
    np.testing.assert_allclose(np.sort(theirs.box[:, 0]), np.sort(ours.box[:, 0]), atol=1e-3)


def test_events_count_in_the_order_of_the_loader(dataset, found) -> None:
    """The labels themselves, put into a file by the loader's numbers, are all found."""
    made = [
        {"image_id": int(batch.event[0]), "category_id": int(k) + 1, "score": 0.9, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for batch in JetImages.of_dataset(dataset, "test", batch_size=1)
        for k, (y0, x0, y1, x1) in zip(batch.class_id, batch.box.tolist(), strict=True)
    ]
    path = found.with_name("labels.json")
    path.write_text(json.dumps(made))
    (one, _) = score(dataset, {"labels": path}, EvaluationSettings()).measured
    reached = {name: row["ap_11"] for name, row in one.classes.items() if row and row["true_jets"]}
    assert len(reached) > 1
    assert set(reached.values()) == {1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 8}, "a detection in event 8; the split has events 0 to 7"),
        ({"image_id": -3}, "a detection in event -3"),
        ({"image_id": -1}, "a detection in event -1"),
        ({"category_id": 9}, "class_id 8 is none of the 5 classes"),
        ({"category_id": 0}, "without `categories` it is class_id"),
        ({"score": float("nan")}, "a score that is not a finite number: nan"),
        (
            {"bbox": [1, 2, 0, 4]},
            r"a box without area: \[2.0, 1.0, 6.0, 1.0\]; where it crosses the seam, phi_max is above",
        ),
        ({"bbox": [1, 2, 3]}, "a bbox not of four"),
        ({"score": "high"}, "values that are not numbers"),
        ({"category_id": 1.5}, r"values that are not numbers.*\"category_id\": 1.5"),
        ({"image_id": 1e308}, "values that are not numbers"),
        ({"image_id": True}, r"values that are not numbers.*\"image_id\": true"),
        ({"score": 1e300}, "a score that is not a finite number"),
    ],
)
def test_results_that_are_wrong(dataset, tmp_path, change, message) -> None:
    events = EventSet.of(dataset, "test")
    good = {"image_id": 0, "category_id": 1, "bbox": [1, 2, 46, 46], "score": 0.5}
    path = tmp_path / "r.json"
    path.write_text(json.dumps([good]))
    assert len(read("one", path, dataset, events).found) == 1
    path.write_text(json.dumps([good, good | change]))
    with pytest.raises(DataError, match="(row|result) 1: .*" + message):
        read("one", path, dataset, events)


def test_rows_that_stand_twice_and_scores_beyond_one(dataset, tmp_path, caplog) -> None:
    events = EventSet.of(dataset, "test")
    good = {"image_id": 0, "category_id": 1, "bbox": [1, 2, 46, 46], "score": 0.5}
    path = tmp_path / "r.json"
    path.write_text(json.dumps([good, good | {"score": 0.4}]))
    assert read("one", path, dataset, events).probability
    assert not caplog.text
    path.write_text(json.dumps([good, good, good | {"score": 7}]))
    made = read("one", path, dataset, events)
    assert "r.json: 1 rows repeat another" in caplog.text
    assert len(made.found) == 3
    assert not made.probability  # no calibration of what is no probability


def test_files_that_are_none(dataset, found, tmp_path) -> None:
    events = EventSet.of(dataset, "test")
    for name, text, message in (
        ("a.json", "{", "not JSON"),
        ("b.json", "{}", "expected a list of results"),
        ("c.json", '[{"image_id": 1}]', "result 0: no category_id"),
        ("d.json", '{"annotations": [], "categories": [{"id": 1}]}', "not a list of id and name"),
        ("e.json", '{"annotations": [], "categories": [{"id": 1, "name": "W"}]}', "classes W; the data set has b, t"),
        ("f.parquet", "no", "not a readable Parquet file"),
        ("g.h5", "no", "not a readable HDF5 file"),
        ("h.csv", "no", r"detections are read from \.parquet"),
        ("I.JSON", "{", "not JSON"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=message):
            read("one", tmp_path / name, dataset, events)
    with pytest.raises(DataError, match=r"nothing\.json: no such file"):
        read("one", tmp_path / "nothing.json", dataset, events)
    with pytest.raises(DataError, match=r"no detections in 1 of the 1 shards \(train-00000.h5"):
        read("one", found, dataset, EventSet.of(dataset, "train"))
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    for columns, message in (({"event": [0]}, "no column score"), ({"event": [0], "score": [1.0]}, "class_name")):
        pandas.DataFrame(columns).to_parquet(tmp_path / "k.parquet")
        with pytest.raises(DataError, match=message):
            read("one", tmp_path / "k.parquet", dataset, events)
    pandas.DataFrame({"event": [0], "score": [1.0], "class_id": [1]}).to_parquet(tmp_path / "k.parquet")
    with pytest.raises(DataError, match=f"neither {', '.join(CORNERS)} nor eta, phi"):
        read("one", tmp_path / "k.parquet", dataset, events)
    place = {"event": [0], "score": [1.0], "pt": [9.0], "eta": [0.0], "phi": [0.0]}
    for class_id, message in ((-1, "class_id -1 is none of the 5 classes"), (0.5, "no whole numbers")):
        pandas.DataFrame(place | {"class_id": [class_id]}).to_parquet(tmp_path / "k.parquet")
        with pytest.raises(DataError, match=message):
            read("one", tmp_path / "k.parquet", dataset, events)
