"""Jets found in Delphes files, event files, data sets and arrays are the same; bad files are named and left out."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import models
from detector import load
from detector.common.errors import CallError
from detector.geometry import boxes
from jetimg.common.errors import BadFile, DataError
from jetimg.detections.hdf5 import Reader
from jetimg.detections.table import DetectionTable
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.torch_dataset import JetImages
from models.cli import app
from models.export import onnx_writer
from models.inference import sources
from models.inference.detector import Detector
from models.networks.build import build
from models.networks.config import Config, Model
from models.trained import checkpoint, zoo
from tests.helpers import small_detector
from tests.helpers.batches import GRID

# Not the defaults, so that it shows whether they come from the network.
SETTINGS = ImageSettings(hcal="spread", tracks="calorimeter")
MODEL = Model(
    channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4),
    class_names=("b", "t", "H", "V", "q"),
    image_shape=(GRID.n_eta, GRID.n_phi),
    eta_pitch=GRID.eta_pitch,
    box_size=boxes.size(GRID, 0.4),
    normalisation="log",
    circular=True,
)


def save(path: Path, model: Model = MODEL, **rest: object) -> Path:
    torch.manual_seed(3)
    checkpoint.save(path, Config(model=model), build(model), **rest)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("network") / "small.pt", images=SETTINGS.model_dump(mode="json"))


@pytest.fixture(scope="module")
def events(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The events of tt.root and tth.root as an event file."""
    path = tmp_path_factory.mktemp("events") / "both.h5"
    convert(DelphesInputs([data / "tt.root", data / "tth.root"]), path, Setup(load(), SETTINGS))
    return path


@pytest.fixture(scope="module")
def found(network: Path, events: Path) -> DetectionTable:
    return Detector(network, device="cpu").detect(events)


def assert_same(one: DetectionTable, two: DetectionTable) -> None:
    """But for rounding, where batches are of other sizes."""
    np.testing.assert_array_equal(one.indptr, two.indptr)
    np.testing.assert_array_equal(one.class_id, two.class_id)
    for name in ("score", "pt", "eta", "phi", "box"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-4, atol=1e-4, err_msg=name)


def call(*arguments: object):
    return CliRunner().invoke(app, ["detect", *map(str, arguments), "--device", "cpu"])


def test_delphes_files_give_what_their_event_file_gives(data, network, found, tmp_path) -> None:
    assert len(found) == 4
    assert found.indptr[-1] > 100
    done = call(network, data / "tt.root", data / "tth.root", "-o", tmp_path / "found.h5", "--batch-size", 3)
    assert done.exit_code == 0, done.output
    with Reader(tmp_path / "found.h5") as reader:
        assert_same(reader.read(), found)
        assert [(Path(row.name).name, row.entries, row.verdict) for row in reader.inputs] == [
            ("tt.root", 2, "ok"),
            ("tth.root", 2, "ok"),
        ]
        assert reader.about.class_names == MODEL.class_names
        assert reader.about.settings == {"score_threshold": 0.01, "nms_threshold": 0.3, "max_detections": 100}
    assert f"{found.indptr[-1]:,} jets in 4 events of 2 files, 0 bad files" in done.output
    assert "look: jetimg inspect" in done.output


def test_settings_of_the_training_count_and_can_be_replaced(data, network, found, caplog) -> None:
    plain = Detector(network, device="cpu", settings=ImageSettings()).detect(data / "tt.root")
    assert not np.array_equal(plain.score[:20], found.score[:20])
    old = save(network.with_name("old.pt"))
    assert_same(Detector(old, device="cpu").detect(data / "tt.root"), plain)
    assert "old.pt does not say how its images were made" in caplog.text


def test_files_without_generator_particles_are_read(data, network) -> None:
    found = Detector(network, device="cpu").detect(data / "no_hard_process_tt.root")
    assert found.indptr[-1] > 0


def test_arrays_and_sparse_batches_give_the_same(network, events, found) -> None:
    detector = models.Detector(network, device="cpu", batch_size=3)
    images = JetImages([events], 4)
    (batch,) = images
    assert_same(detector.detect(batch), found)
    dense = np.zeros((4, len(CHANNELS), *images.shape), np.float32)
    dense.reshape(-1)[((batch.image_of_hit * len(CHANNELS) + batch.channel_of_hit) * GRID.size + batch.pixel)] = (
        batch.value
    )
    assert_same(detector.detect(dense), found)
    assert_same(detector.detect(torch.from_numpy(dense)), found)
    assert_same(detector.detect([events]), found)
    assert len(detector.detect(dense[:0])) == 0
    for wrong, text in (
        (dense[0], "expected"),
        (dense[:, :2], "expected"),
        (dense - 1, "below 0"),
        (dense * np.nan, "not finite"),
    ):
        with pytest.raises(ValueError, match=text):
            detector.detect(wrong)


def test_axes_are_the_centres_of_the_boxes_across_the_seam(found) -> None:
    assert np.all(np.abs(found.phi) <= np.float32(np.pi))
    wraps = found.box[:, 3] > GRID.n_phi
    assert wraps.any()
    column = np.mod((found.box[:, 1] + found.box[:, 3]) / 2, GRID.n_phi)
    np.testing.assert_allclose(np.cos(found.phi), np.cos(column * GRID.phi_pitch - np.pi), atol=1e-4)
    np.testing.assert_allclose(np.sin(found.phi), np.sin(column * GRID.phi_pitch - np.pi), atol=1e-4)


def test_onnx_files_give_the_same(data, network, found, tmp_path) -> None:
    onnx_writer.export(network, tmp_path / "small.onnx")
    detector = Detector(tmp_path / "small.onnx", device="cpu")
    assert detector.network.image_settings == SETTINGS
    other = detector.detect([data / "tt.root", data / "tth.root"])
    # Near ties may fall otherwise.
    assert abs(int(other.indptr[-1] - found.indptr[-1])) <= 4
    np.testing.assert_allclose(other[0].score[:10], found[0].score[:10], atol=1e-3)


def test_bad_files_stand_in_the_output_and_give_no_event(data, network, events, tmp_path) -> None:
    (tmp_path / "cut.root").write_bytes((data / "tt.root").read_bytes()[:200_000])
    (tmp_path / "cut.h5").write_bytes(events.read_bytes()[:50_000])
    inputs = (tmp_path / "cut.root", events, tmp_path / "cut.h5", tmp_path / "none.root")
    done = call(network, *inputs, "-o", tmp_path / "found.h5")
    assert done.exit_code == 1
    for text in ("cut.root: truncated", "cut.h5: unreadable", "none.root: unreadable: no such file", "3 bad files"):
        assert text in done.output
    with Reader(tmp_path / "found.h5") as reader:
        assert [row.verdict for row in reader.inputs] == ["truncated", "ok", "unreadable", "unreadable"]
        assert reader.n_events == 4
    assert call(network, *inputs, "-o", tmp_path / "found.h5", "--keep-going").exit_code == 0
    with pytest.raises(BadFile, match="truncated"):
        Detector(network, device="cpu").detect(tmp_path / "cut.root")


def test_a_file_that_turns_out_bad_late_gives_no_event(data, network, tmp_path, monkeypatch) -> None:
    def late(path, *others):
        yield from real(path, *others)
        raise BadFile(path, "bad-value", "in the last event", 2)

    real = sources.batches
    monkeypatch.setattr(sources, "batches", late)
    done = call(network, data / "tt.root", "-o", tmp_path / "found.h5")
    assert done.exit_code == 1
    assert "0 jets in 0 events" in done.output
    with Reader(tmp_path / "found.h5") as reader:
        assert (reader.n_events, reader.inputs[0].verdict) == (0, "bad-value")


def test_images_of_another_detector_are_refused(data, network, tmp_path) -> None:
    description = tmp_path / "invented.yaml"
    invented = small_detector.describe(description)
    small_detector.write(tmp_path / "small.root", 2, invented, 1.0)
    with pytest.raises(CallError, match=r"80 x 72 pixels .* small.pt was trained on .*340 x 360"):
        Detector(network, device="cpu", description=invented).detect(data / "tt.root")
    assert call(network, tmp_path / "small.root", "-o", tmp_path / "found.h5").exit_code == 1
    convert(DelphesInputs([tmp_path / "small.root"]), tmp_path / "small.h5", Setup(invented, ImageSettings()))
    done = call(network, tmp_path / "small.h5", "-o", tmp_path / "found.h5")
    assert done.exit_code == 1
    assert "wrong-geometry: images of 80 x 72" in done.output


def test_names_of_the_zoo(network, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(zoo, "ZOO", tmp_path)
    with pytest.raises(CallError, match=r"fast: no such file, .*: the zoo is empty"):
        Detector("fast")
    shutil.copy(network, tmp_path / "fast.pt")
    (tmp_path / "int8.onnx").touch()
    assert Detector("fast", device="cpu").class_names == MODEL.class_names
    with pytest.raises(CallError, match=r"fats: no such file, .*: the zoo has fast, int8"):
        Detector("fats")


def test_calls_that_are_at_fault(data, network, tmp_path) -> None:
    assert call(network, data / "tt.root", "-o", tmp_path / "found.h5", "--split", "some").exit_code == 2
    done = call(network, data / "tt.root", "-o", tmp_path / "found.csv")
    assert isinstance(done.exception, CallError)
    assert "detections end in .h5" in str(done.exception)
    with pytest.raises(ValueError, match="thresholds lie between 0 and 1"):
        Detector(network, score_threshold=2)
    done = call(network, (data / "tt.root").parent, "-o", tmp_path / "found.h5")
    assert "a folder of ROOT files, and no data set; name them" in str(done.exception)
    if not torch.cuda.is_available():
        with pytest.raises(CallError, match=r"device cuda: .*choose cpu or auto"):
            Detector(network, device="cuda")
    (tmp_path / "text.pt").write_text("no network")
    with pytest.raises(DataError, match=r"text.pt: not a readable checkpoint"):
        Detector(tmp_path / "text.pt")
    assert list(tmp_path.glob("found*")) == []


def test_a_data_set_stands_for_the_shards_of_a_split(events, network, found, tmp_path) -> None:
    from jetimg.dataset import manifest, plan, shard

    made = plan.make([events], plan.Sharding(events_per_shard=3), ["events"], {})
    for name in made.shards():
        shard.make(made, name, tmp_path / "dataset" / name)
    manifest.make(made, tmp_path / "dataset")
    done = call(network, tmp_path / "dataset", "-o", tmp_path / "found.root")
    assert done.exit_code == 0, done.output
    assert "4 events of 2 files" in done.output
    done = call(network, tmp_path / "dataset", "-o", tmp_path / "found.root", "--split", "heldout")
    assert isinstance(done.exception, DataError)
    with store.Reader(tmp_path / "dataset" / next(iter(made.shards()))) as reader:
        assert reader.n_events <= 3
