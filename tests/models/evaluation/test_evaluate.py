"""The command end to end: real events, an untrained network, the classical baseline."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.event_file import store
from models.cli import app
from models.data.data_set import DataSet
from models.evaluation import plots, report
from models.evaluation.evaluate import evaluate
from models.evaluation.measure import DetectionSet, TrueJets, measure
from models.evaluation.pairing import JetTable
from models.evaluation.result import Evaluation, EvaluationSettings
from models.networks.build import build
from models.networks.config import Config, Model
from models.trained import checkpoint
from tests.helpers.jets import GRID, N_PHI, jets
from tests.helpers.networks import published

SMALL = {
    "pfjet": published(channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4)),
    "ssd7": published(architecture="ssd7", channels=(2, 2, 2, 4, 4, 4, 4), pt=False),
}
TEST = ("tt", "hh", "WW", "tth")

pytestmark = pytest.mark.usefixtures("coarse")


@pytest.fixture(scope="module")
def checkpoints(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: save(folder / name / "best.pt", dataset, model) for name, model in SMALL.items()}


def save(path: Path, dataset: Path, model: Model, **known) -> Path:
    torch.manual_seed(7)
    data = DataSet.of(dataset)
    config = Config(model=data.describe(model).model_copy(update=known))
    checkpoint.save(path, config, build(config.model), dataset_sha256=data.digest, epoch=1)
    return path


def call(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--device", "cpu"])


def test_the_command(dataset, checkpoints, tmp_path, request) -> None:
    output = tmp_path / "report"
    arguments = (dataset, checkpoints["pfjet"], f"other={checkpoints['ssd7']}", "-o", output, "--batch-size", 3)
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    assert {path.name for path in output.iterdir()} == set(report.NAMES)
    text = (output / "evaluation.json").read_text()
    found = json.loads(text, parse_constant=pytest.fail)
    assert list(found["detectors"]) == ["pfjet", "other", "baseline"]
    check_counts(found, dataset)
    assert [one.get("trained_on_this_data_set") for one in found["detectors"].values()] == [True, True, None]
    # SSD-7 without pt measures none.
    spreads = [row["residuals"]["pt"]["pairs"] for row in found["detectors"]["other"]["classes"].values()]
    assert spreads == [0] * 5
    assert all((output / name).read_bytes()[:4] == b"\x89PNG" for name in report.PICTURES)
    table = (output / "evaluation.md").read_text()
    assert "| baseline | n/a |" in table
    assert "8 test events" in table
    # Again into the same folder: the same bytes.
    request.getfixturevalue("undrawn")
    assert call(*arguments).exit_code == 0
    assert (output / "evaluation.json").read_text() == text


def check_counts(found: dict, dataset: Path) -> None:
    """Events, true jets and baseline jets are those of the shards."""
    shards = DataSet.of(dataset).test
    tables = []
    for path in shards:
        with store.Reader(path) as reader:
            tables.append(reader.read().tables)
    jets_of = {name: np.concatenate([table[name]["class_id"] for table in tables]) for name in ("jets", "baseline")}
    assert found["data_set"]["events"] == 8
    assert found["data_set"]["shards"] == [path.name for path in shards]
    counts = np.bincount(jets_of["jets"], minlength=5).tolist()
    assert list(found["data_set"]["true_jets"].values()) == counts
    baseline = found["detectors"]["baseline"]
    assert baseline["detections"] == len(jets_of["baseline"]) > 0
    assert [row and row["true_jets"] for row in baseline["classes"].values()] == [None, *counts[1:4], None]


def test_without_the_baseline(dataset, checkpoints, tmp_path, undrawn) -> None:
    found = evaluate(dataset, {"one": checkpoints["pfjet"]}, EvaluationSettings(device="cpu", baseline=False))
    assert [one.detector.name for one in found.measured] == ["one"]
    content = report.as_dict(found)
    assert content["no_baseline_because"] == "not asked for"
    assert "over_classes_of_baseline" not in content["detectors"]["one"]["mean"]


def test_only_hard_jets(dataset, checkpoints, tmp_path, undrawn) -> None:
    found = evaluate(dataset, {"one": checkpoints["pfjet"]}, EvaluationSettings(device="cpu", min_pt=200))
    true = []
    for path in DataSet.of(dataset).test:
        with store.Reader(path) as reader:
            true.append(reader.read().tables["jets"])
    hard = np.concatenate([table["class_id"][table["pt"] >= 200] for table in true])
    assert found.truth.counts == np.bincount(hard, minlength=5).tolist()
    assert report.as_dict(found)["settings"]["min_pt"] == 200
    report.write(found, tmp_path / "r")
    assert "Only jets of at least 200 GeV" in (tmp_path / "r" / "evaluation.md").read_text()


def test_events_of_one_sample(dataset, checkpoints, tmp_path, undrawn) -> None:
    whole = evaluate(dataset, {"one": checkpoints["pfjet"]}, EvaluationSettings(device="cpu"))
    parts = [
        evaluate(dataset, {"one": checkpoints["pfjet"]}, EvaluationSettings(sample=sample, device="cpu"))
        for sample in TEST
    ]
    assert sorted(np.concatenate([part.numbers for part in parts]).tolist()) == whole.numbers.tolist() == list(range(8))
    assert np.sum([part.truth.counts for part in parts], axis=0).tolist() == whole.truth.counts
    for part in parts:
        assert part.truth.n_events == 2
        for k, number in enumerate(part.numbers):
            for mine, all_of_them in ((part.truth.jets, whole.truth.jets), (found_by(part), found_by(whole))):
                np.testing.assert_array_equal(mine.box[mine.event == k], all_of_them.box[all_of_them.event == number])
    with pytest.raises(DataError, match="no test events of sample qq"):
        evaluate(dataset, {}, EvaluationSettings(sample="qq", device="cpu"))


def found_by(one: Evaluation) -> JetTable:
    return one.measured[0].detector.found


def test_test_sets_side_by_side(dataset, checkpoints, tmp_path, undrawn) -> None:
    for sample in ("tt", "tth"):
        found = evaluate(dataset, {"one": checkpoints["pfjet"]}, EvaluationSettings(sample=sample, device="cpu"))
        report.write(found, tmp_path / sample)
    named = [f"{sample}={tmp_path / sample / 'evaluation.json'}" for sample in ("tt", "tth")]
    done = CliRunner().invoke(app, ["side-by-side", *named, "-o", str(tmp_path / "both.md")])
    assert done.exit_code == 0, done.output
    table = (tmp_path / "both.md").read_text()
    assert all(text in table for text in ("tt: true jets", "tt: one", "tth: one", "n/a"))
    (tmp_path / "other.json").write_text("{}")
    done = CliRunner().invoke(app, ["side-by-side", str(tmp_path / "other.json"), "-o", str(tmp_path / "both.md")])
    assert isinstance(done.exception, DataError)


def test_calls_that_are_at_fault(dataset, checkpoints, tmp_path) -> None:
    one = checkpoints["pfjet"]
    for arguments in ((one, one), (f"baseline={one}",), (f"={one}",), (one, "--split", "some")):
        assert call(dataset, *arguments, "-o", tmp_path / "r").exit_code == 2, arguments
    assert not (tmp_path / "r").exists()


def test_data_that_are_at_fault(dataset, checkpoints, tmp_path) -> None:
    def run(path: Path, split: str = "test") -> None:
        evaluate(dataset, {"one": path}, EvaluationSettings(split=split, device="cpu"))

    others = {"class_names": ("b", "t"), "image_shape": (170, 180), "eta_pitch": 0.02, "box_size": (23.0, 23.0)}
    for known in ({name: value} for name, value in others.items()):
        path = save(tmp_path / "other.pt", dataset, SMALL["pfjet"], **known)
        with pytest.raises(DataError, match=f"other.pt: made for {next(iter(known))} .*; the data set has"):
            run(path)
    with pytest.raises(DataError, match="no validation events"):
        run(checkpoints["pfjet"], split="validation")
    with pytest.raises(DataError, match="not a readable checkpoint"):
        run(tmp_path / "nowhere.pt")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years")
    done = call(dataset, checkpoints["pfjet"], "-o", tmp_path / "thesis")
    assert isinstance(done.exception, DataError)
    assert "holds other files (thesis.tex" in str(done.exception)
    assert (tmp_path / "thesis" / "thesis.tex").read_text() == "years"
    assert not list(tmp_path.glob("*/evaluation*"))


def test_a_checkpoint_of_another_data_set_is_measured_and_said_so(dataset, checkpoints, tmp_path, undrawn) -> None:
    other = tmp_path / "other"
    shutil.copytree(dataset, other)
    text = (other / manifest.NAME).read_text()
    (other / manifest.NAME).write_text(text + "\n")
    found = evaluate(other, {"one": checkpoints["pfjet"]}, EvaluationSettings(device="cpu"))
    assert found.measured[0].detector.about["trained_on_this_data_set"] is False


def of(dataset: Path, truth: TrueJets, *detectors: DetectionSet) -> Evaluation:
    data = DataSet.of(dataset)
    settings, numbers = EvaluationSettings(device="cpu"), np.arange(truth.n_events)
    return Evaluation(data, data.test, numbers, truth, settings, measure(detectors, truth), {}, "not asked for")


def test_classes_without_jets_and_detectors_without_detections(dataset, tmp_path) -> None:
    truth = TrueJets(jets([(0, 1, 100, 358, 1, 200)]), 8, ("b", "t"), N_PHI)
    about = {"kind": "network", "trained_on_this_data_set": None, "sha256": "0" * 64, "score": "made up"}
    good = DetectionSet("good", jets([(0, 1, 100, 2, 0.9, 210)]), (0, 1), about)
    empty = DetectionSet("empty", jets([]), (0, 1), about)
    found = of(dataset, truth, good, empty)
    report.write(found, tmp_path)
    content = json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert [content["detectors"][name]["classes"]["b"]["ap_11"] for name in ("good", "empty")] == [None, None]
    assert [content["detectors"][name]["classes"]["t"]["ap_11"] for name in ("good", "empty")] == [1, 0]
    assert content["detectors"]["good"]["mean"]["classes"] == ["t"]
    assert content["detectors"]["good"]["classes"]["t"]["ap_coco"] == pytest.approx(0.7)
    assert "no true jets" in (tmp_path / "evaluation.md").read_text()
    nothing = of(dataset, TrueJets(jets([]), 8, ("b", "t"), N_PHI), empty)
    report.write(nothing, tmp_path / "nothing")
    assert (tmp_path / "nothing" / "events.png").is_file()
    assert math.isnan(nothing.measured[0].mean["ap_11"])


def test_the_difference_to_the_baseline_has_its_own_error(dataset) -> None:
    """Both find the same jets: every sample of events gives the same difference."""
    true = jets([(event, 1, 100, 100, 1, 200) for event in range(8)])
    found = jets([(event, 1, 100, 100 if event % 2 else 250, 0.9 - event / 10, 200) for event in range(8)])
    both = (DetectionSet("one", found, (0, 1)), DetectionSet("baseline", found, (1,)))
    one, baseline = measure(both, TrueJets(true, 8, ("b", "t"), N_PHI))
    numbers = one.classes["t"]
    assert numbers is not None
    assert numbers["ap_11_error"] > 0
    assert numbers["ap_11_less_baseline"] == numbers["ap_11_less_baseline_error"] == 0
    assert baseline.classes["b"] is None
    assert "ap_11_less_baseline" not in (one.classes["b"] or {})
    assert one.mean["over_classes_of_baseline"]["classes"] == ["t"]


def test_boxes_over_the_seam_are_drawn_on_both_sides(dataset) -> None:
    truth = TrueJets(jets([(0, 1, 100, 358, 1, 200)]), 8, ("b", "t", "H", "V", "q"), N_PHI)
    found = DetectionSet("one", jets([(0, 1, 100, 358, 0.9, 210), (0, 0, 200, 100, 0.8, 30)]), (0, 1))
    figure = plots.events(of(dataset, truth, found))
    solid = [patch for patch in figure.axes[0].patches if patch.get_linestyle() == "-"]
    low = sorted(patch.get_y() for patch in solid if patch.get_x() < 0)
    assert len(solid) == 3
    assert low[1] - low[0] == pytest.approx(2 * np.pi)
    assert low[1] == pytest.approx((358 - 23) * GRID.phi_pitch - np.pi)
    assert {text.get_text() for text in figure.axes[0].texts} == {"t 0.90 210", "b 0.80 30"}
