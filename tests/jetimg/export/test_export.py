"""Every format, opened again by the library that it is for: the same images, the same boxes."""

import gc
import io
import json
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import uproot
import yaml
from matplotlib.image import imread
from typer.testing import CliRunner

from jetimg import load
from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.composition.settings import Composition
from jetimg.composition.write import compose
from jetimg.detections import hdf5
from jetimg.detections.layout import About
from jetimg.detections.table import DetectionTable
from jetimg.event_file.store import InputFile
from jetimg.export import export as exporting
from jetimg.export.coco import from_png, to_png
from jetimg.export.export import ExportRequest, export
from jetimg.loader.jet_events import JetEvents
from jetimg.loader.seam import cylinder_boxes
from tests.helpers import made_events, single_objects
from tests.helpers.made_events import BOX, CLASSES, N_ETA, N_PHI

PAGE = Path(__file__).parents[3] / "docs" / "export.md"
SPLITS = {"train": 4, "validation": 2}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of six made-up events, some of their boxes at the seam."""
    return made_events.dataset(tmp_path_factory.mktemp("small"))


def exported(source: Path, output: Path, kind: str, **chosen) -> Path:
    made = export(ExportRequest([source], kind, **chosen), output, lambda _: None)  # type: ignore[arg-type]
    assert made.n_events == len(load(source, chosen.get("split")))
    assert str(output) in made.how_to_open
    return output


def boxes_of(events: JetEvents, seam, form="xyxy") -> list[np.ndarray]:
    return [event.target(form, seam)["boxes"] for event in events]


def test_some_boxes_of_the_fixture_wrap(small: Path) -> None:
    box = load(small).jets()["box"]
    assert (box[:, 3] > N_PHI).any()


@pytest.mark.parametrize("seam", ["cut", "clip", "pad"])
def test_coco_is_opened_by_pycocotools_successor(small: Path, tmp_path: Path, seam) -> None:
    coco_api = pytest.importorskip("faster_coco_eval").COCO
    output = exported(small, tmp_path / "coco", "coco", seam=seam, images="npy")
    for split, n_events in SPLITS.items():
        coco = coco_api(str(output / "annotations" / f"instances_{split}.json"))
        events = load(small, split)
        assert [coco.cats[k]["name"] for k in sorted(coco.cats)] == CLASSES
        assert sorted(coco.imgs) == list(range(n_events))
        for number, (event, boxes) in enumerate(zip(events, boxes_of(events, seam, "xywh"), strict=True)):
            found = coco.loadAnns(coco.getAnnIds(imgIds=[number]))
            np.testing.assert_array_equal(np.array([one["bbox"] for one in found]).reshape(-1, 4), boxes)
            target = event.target(seam=seam)
            assert [one["category_id"] for one in found] == target["labels"].tolist()
            assert [one["jet"] for one in found] == target["jet"].tolist()
            image = np.load(output / split / coco.imgs[number]["file_name"])
            np.testing.assert_array_equal(image, event.dense(pad=BOX if seam == "pad" else 0))
            assert image.shape[1:] == (coco.imgs[number]["height"], coco.imgs[number]["width"])
        ids = [one["id"] for one in coco.anns.values()]
        assert min(ids) == 1
        assert len(set(ids)) == sum(map(len, boxes_of(events, seam)))


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Composed images, with masks, some of them at the seam."""
    folder = tmp_path_factory.mktemp("composed")
    objects = single_objects.write(folder / "objects.h5", single_objects.events(20, 1))
    compose([objects], folder / "composed.h5", Composition(), n_images=6, sample="composed", seed=5)
    return folder / "composed.h5"


@pytest.mark.parametrize("seam", ["cut", "clip", "pad"])
def test_masks_are_opened_by_pycocotools_successor(composed: Path, tmp_path: Path, seam) -> None:
    """The pixels of a mask, put back on the cylinder, are those of the file, but for what a clipped one has lost."""
    coco_api = pytest.importorskip("faster_coco_eval").COCO
    output = exported(composed, tmp_path / "coco", "coco", seam=seam, images="npy")
    (annotations,) = (output / "annotations").iterdir()
    coco = coco_api(str(annotations))
    crossing = 0
    for number, event in enumerate(load(composed)):
        found = coco.loadAnns(coco.getAnnIds(imgIds=[number]))
        back = {jet: set() for jet in range(len(event.pt))}
        for one in found:
            mask = coco.annToMask(one)
            assert mask.shape == (coco.imgs[number]["height"], coco.imgs[number]["width"])
            row, column = np.nonzero(mask)
            left, top, width, height = one["bbox"]
            edges = column.min(), row.min(), column.max() + 1 - left, row.max() + 1 - top
            assert edges == (left, top, width, height)
            assert one["area"] == mask.sum()
            back[one["jet"]] |= set((row * N_PHI + column % N_PHI).tolist())
        for jet, pixels in back.items():
            true = set(event.masks["pixel"][event.masks["jet"] == jet].tolist())
            beside = sum(one["jet"] == jet for one in found)
            columns = {pixel % N_PHI for pixel in true}
            at_seam = {0, N_PHI - 1} <= columns
            crossing += at_seam
            assert beside == (2 if at_seam and seam == "cut" else 1)
            assert pixels < true if at_seam and seam == "clip" else pixels == true
    assert crossing


def test_true_boxes_as_results_have_a_perfect_score(small: Path, tmp_path: Path) -> None:
    faster_coco_eval = pytest.importorskip("faster_coco_eval")
    output = exported(small, tmp_path / "coco", "coco", split="train")
    truth = faster_coco_eval.COCO(str(output / "annotations" / "instances_train.json"))
    results = [
        {key: one[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9} for one in truth.anns.values()
    ]
    evaluation = faster_coco_eval.COCOeval_faster(truth, truth.loadRes(results), "bbox")
    evaluation.run()
    assert evaluation.stats[0] == pytest.approx(1)


def test_png_images_are_those_of_the_events(dataset: Path, tmp_path: Path) -> None:
    output = exported(dataset, tmp_path / "coco", "coco", split="validation")
    for number, event in enumerate(load(dataset, "validation")):
        pixels = np.rint(imread(output / "validation" / f"{number:012d}.png")[..., :3] * 255).astype(np.uint8)
        image = event.dense()
        back = from_png(pixels)
        np.testing.assert_array_equal(back > 0, image > 0)
        inside = (image > 0.03) & (image < 580)
        np.testing.assert_allclose(1 + back[inside], 1 + image[inside], rtol=0.013)


def test_the_faintest_hit_and_the_hardest_are_seen_in_a_png() -> None:
    image = np.zeros((3, 2, 2), np.float32)
    image[0, 0, 0], image[1, 0, 1], image[2, 1, 1] = 1e-4, 586, 1e5
    np.testing.assert_array_equal(to_png(image)[[0, 0, 1], [0, 1, 1]], [[1, 0, 0], [0, 255, 0], [0, 0, 255]])


@pytest.mark.parametrize("seam", ["cut", "pad"])
def test_webdataset_is_opened_by_webdataset(small: Path, tmp_path: Path, seam, monkeypatch) -> None:
    webdataset = pytest.importorskip("webdataset")
    monkeypatch.setattr("jetimg.export.webdataset.EVENTS_A_FILE", 3)
    output = exported(small, tmp_path / "tars", "webdataset", seam=seam)
    assert sorted(path.name for path in output.glob("*.tar")) == [
        "train-000000.tar",
        "train-000001.tar",
        "validation-000000.tar",
    ]
    urls = [str(path) for path in sorted(output.glob("train-*.tar"))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its files open
        found = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
        gc.collect()
    events = load(small, "train")
    assert [one["__key__"] for one in found] == [f"train-{number:09d}" for number in range(4)]
    for one, event, boxes in zip(found, events, boxes_of(events, seam), strict=True):
        truth, hits = one["json"], one["hits.npz"]
        image = np.zeros(truth["shape"], np.float32)
        image[tuple(hits["coordinates"])] = hits["value"]
        np.testing.assert_array_equal(image, event.dense(pad=BOX if seam == "pad" else 0))
        np.testing.assert_array_equal(np.array(truth["boxes"]).reshape(-1, 4), boxes)
        assert truth["names"] == [CLASSES[label] for label in truth["labels"]]
        assert truth["labels"] == event.target(seam=seam, background=False)["labels"].tolist()


def offline_datasets(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The library `datasets`, kept off the network and away from the user's cache."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(folder / "cache"))
    return datasets


def test_parquet_is_a_data_set_of_hugging_face(dataset: Path, tmp_path: Path, monkeypatch) -> None:
    datasets = offline_datasets(tmp_path, monkeypatch)
    output = exported(dataset, tmp_path / "hub", "parquet")
    head = yaml.safe_load((output / "README.md").read_text().split("---\n")[1])
    assert head["task_categories"] == ["object-detection"]
    everything = datasets.load_dataset(str(output))
    assert {split: len(rows) for split, rows in everything.items()} == {
        split: len(load(dataset, split)) for split in ("train", "validation", "test")
    }
    for split, rows in everything.items():
        same_events(rows, load(dataset, split))
    (tth,) = [one for one in head["configs"] if one["config_name"] == "tth"]
    assert [one["split"] for one in tth["data_files"]] == ["test"]
    alone = datasets.load_dataset(str(output), "tth", split="test")
    assert set(alone["sample"]) == {"tth"}
    assert {one["config_name"] for one in head["configs"]} == {"all", *load(dataset).samples().tolist()}


def same_events(rows, events: JetEvents) -> None:
    """Rows by their number: samples lie in files of their own."""
    assert sorted(row["event"] for row in rows) == list(range(len(events)))
    for row in rows:
        event = events[row["event"]]
        assert row["sample"] == event.sample
        assert row["jet_name"] == event.names
        np.testing.assert_array_equal(np.array(row["jet_box"]).reshape(-1, 4), event.target(seam="pad")["boxes"])
        for name in ("pt", "eta", "phi", "mass"):
            np.testing.assert_array_equal(np.array(row[f"jet_{name}"], np.float32), getattr(event, name))
        pixel = np.concatenate([row[f"{name}_pixel"] for name in event.geometry.channels])
        value = np.concatenate([row[f"{name}_value"] for name in event.geometry.channels])
        np.testing.assert_array_equal(pixel, event.pixel)
        np.testing.assert_array_equal(value.astype(np.float32), event.value)


def test_parquet_is_read_by_polars(small: Path, tmp_path: Path, monkeypatch) -> None:
    polars = pytest.importorskip("polars")
    monkeypatch.setattr("jetimg.export.parquet.EVENTS_A_FILE", 1)
    monkeypatch.setattr("jetimg.export.part.STEP", 1)
    output = exported(small, tmp_path / "hub", "parquet")
    assert len(list((output / "data" / "train").glob("made-*.parquet"))) == 4
    table = polars.read_parquet(output / "data" / "train" / "*.parquet").sort("event")
    events = load(small, "train")
    same_events(table.to_dicts(), events)
    jets = table.explode("jet_name", "jet_pt").drop_nulls("jet_pt")
    assert jets["jet_pt"].sum() == pytest.approx(float(events.jets()["pt"].sum()))
    assert Counter(jets["jet_name"]) == Counter(name for event in events for name in event.names)


@pytest.mark.parametrize("seam", ["cut", "pad"])
def test_npz_is_opened_by_numpy(small: Path, tmp_path: Path, seam) -> None:
    output = exported(small, tmp_path / "npz", "npz", seam=seam)
    with np.load(output / "train-00000.npz", allow_pickle=False) as columns:
        events = load(small, "train")
        assert columns["class_names"].tolist() == CLASSES
        for number, (event, boxes) in enumerate(zip(events, boxes_of(events, seam), strict=True)):
            rows = slice(*columns["jet_indptr"][number : number + 2])
            np.testing.assert_array_equal(columns["jet_box"][rows], boxes)
            np.testing.assert_array_equal(columns["jet_number"][rows], event.target(seam=seam)["jet"])
            image = np.zeros((3, N_ETA * N_PHI), np.float32)
            for channel, name in enumerate(("tracker", "ecal", "hcal")):
                hits = slice(*columns[f"{name}_indptr"][number : number + 2])
                image[channel, columns[f"{name}_pixel"][hits]] = columns[f"{name}_value"][hits]
            np.testing.assert_array_equal(image.reshape(3, N_ETA, N_PHI), event.dense())


def test_jets_are_a_tree_of_root(dataset: Path, tmp_path: Path) -> None:
    output = exported(dataset, tmp_path / "root", "root")
    for split in ("train", "test"):
        with uproot.open(output / f"{split}.root") as file:
            about, tree = json.loads(str(file["about"])), file["events"]
            events = load(dataset, split)
            arrays = tree.arrays(library="np")
        assert about["class_names"] == list(events.class_names)
        for number, event in enumerate(events):
            assert about["sample_names"][arrays["sample"][number]] == event.sample
            assert arrays["njet"][number] == len(event.pt)
            for name in ("pt", "eta", "phi", "mass"):
                np.testing.assert_array_equal(arrays[f"jet_{name}"][number], getattr(event, name))
            corners = [arrays[f"jet_{name}"][number] for name in ("eta_min", "phi_min", "eta_max", "phi_max")]
            y0, x0, y1, x1 = corners
            flat = event.target(seam="pad")["boxes"]
            np.testing.assert_array_equal(np.stack([x0, y0, x1, y1], axis=1), flat)
            np.testing.assert_array_equal(cylinder_boxes(flat, N_PHI)[:, 1], event.boxes[:, 1])


def test_detections_are_a_tree_of_root(tmp_path: Path) -> None:
    found = DetectionTable.of(
        np.array([2, 0, 1]),
        class_id=np.array([0, 1, 1]),
        score=np.array([0.9, 0.5, 0.25]),
        pt=np.array([100, 200, np.nan]),
        eta=np.zeros(3),
        phi=np.array([0, 3.1, -3.1]),
        box=np.arange(12).reshape(3, 4),
    )
    about = About(("b", "t"), (N_ETA, N_PHI), 0.0174, network="made")
    with hdf5.create(tmp_path / "found.h5", about) as writer:
        writer.add(InputFile("bad", "", 0, "unreadable", "no bytes"), DetectionTable.empty())
        writer.add(InputFile("good", "", 3), found)
    done = command(tmp_path / "found.h5", "root", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "3 events; open it with uproot.open(" in done.output
    with uproot.open(tmp_path / "out" / "found.root") as file:
        arrays = file["detections"].arrays(library="np")
    assert arrays["njet"].tolist() == [2, 0, 1]
    for number in range(3):
        for name in ("score", "pt", "eta", "phi", "class_id"):
            np.testing.assert_array_equal(arrays[f"jet_{name}"][number], getattr(found[number], name))
    done = command(tmp_path / "found.h5", "coco", tmp_path / "other")
    assert isinstance(done.exception, DataError)
    assert "a file of detections; one of them goes to root, not to coco" in str(done.exception)


def command(source: Path, kind: str, output: Path, *options: str):
    return CliRunner().invoke(app, ["export", str(source), "--to", kind, "--output", str(output), *options])


@pytest.mark.parametrize("kind", exporting.KINDS)
def test_the_command_says_what_was_made_and_how_to_open_it(small: Path, tmp_path: Path, kind: str) -> None:
    done = command(small, kind, tmp_path / "out", "--split", "train", "--seam", "clip")
    assert done.exit_code == 0, done.output
    line = done.output.strip().splitlines()[-1]
    assert line.startswith(f"{tmp_path / 'out'}: 4 events; open it with ")
    opened = line.partition("open it with ")[2]
    assert opened.partition('"')[2].partition('"')[0].startswith(str(tmp_path / "out"))
    assert Path(opened.partition('"')[2].partition('"')[0]).exists()
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "| train | 4 |" in readme
    assert "the larger part is kept" in readme
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_the_same_events_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    for kind in ("coco", "webdataset", "parquet", "npz"):
        first, second = (exported(small, tmp_path / f"{kind}{k}" / "out", kind) for k in (1, 2))
        names = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
        assert names
        for name in names:
            assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_what_is_there_stays(small: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("a year's work")
    with pytest.raises(DataError, match="out: is not empty; choose another folder"):
        export(ExportRequest([small], "npz"), tmp_path / "out", lambda _: None)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "a year's work"
    (tmp_path / "out" / "thesis.tex").unlink()
    exported(small, tmp_path / "out", "npz")  # an empty folder is taken


def test_nothing_is_left_of_an_export_that_failed(small: Path, tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        export(ExportRequest([small], "coco"), tmp_path / "out", stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--to", "yolo"], "--to yolo: one of coco, webdataset, parquet, npz, root"),
        (["--to", "coco", "--split", "training"], "--split training: one of train, validation, test, heldout"),
        (["--to", "coco", "--seam", "wrap"], "--seam wrap: one of cut, clip, pad"),
        (["--to", "coco", "--images", "jpg"], "--images jpg: one of png, npy"),
    ],
)
def test_a_wrong_call_names_what_there_is(small: Path, tmp_path: Path, options: list[str], reason: str) -> None:
    done = CliRunner().invoke(app, ["export", str(small), *options, "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    words = io.StringIO(done.output).read().replace("│", " ")
    assert reason in " ".join(words.split())
    assert not (tmp_path / "out").exists()


def test_an_event_file_has_events_of_all_splits(event_file: Path, tmp_path: Path) -> None:
    output = exported(event_file, tmp_path / "out", "npz")
    assert [path.name for path in output.glob("*.npz")] == ["events-00000.npz"]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_page_runs(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Commands and examples of docs/export.md, in their order."""
    for name in ("webdataset", "polars", "faster_coco_eval"):
        pytest.importorskip(name)
    offline_datasets(tmp_path, monkeypatch)
    (tmp_path / "results" / "demo").mkdir(parents=True)
    (tmp_path / "results" / "demo" / "dataset").symlink_to(dataset)
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text()
    commands = re.findall(r"^jetimg (export .*?) *(?:#.*)?$", page, re.MULTILINE)
    assert len(commands) == len(exporting.KINDS)
    for line in commands:
        assert CliRunner().invoke(app, line.split()).exit_code == 0, line
    for example in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(compile(example, str(PAGE), "exec"), {})
    gc.collect()
    assert "train-000000000" in capsys.readouterr().out
