"""A data set of another detector: from Delphes files to an evaluation, with no number of the CMS-like one."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from detector import load
from jetimg.cli import options
from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Reader
from jetimg.loader.torch_dataset import JetImages
from models.data.data_set import DataSet
from models.evaluation.evaluate import evaluate
from models.evaluation.result import EvaluationSettings
from models.export import onnx_writer
from models.export.onnx_detector import OnnxDetector
from models.networks.config import Augment, Config
from models.trained import checkpoint
from models.training.train import train
from tests.helpers import campaigns, small_detector
from tests.helpers.networks import published, published_training

NETWORK = published(architecture="pfjet", channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4), circular=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Event files and data set of the invented detector, made by the commands, and a network trained on it."""
    root = tmp_path_factory.mktemp("other")
    description = root / "invented.yaml"
    detector = small_detector.describe(description)
    with pytest.MonkeyPatch.context() as patch:

        def jetimg(*arguments: object) -> None:
            patch.setattr("sys.argv", ["jetimg", *map(str, arguments)])
            with pytest.raises(SystemExit) as end:
                options.run(app)
            assert not end.value.code

        events = []
        for sample, n_events, softest in (("tt", 4, 1.0), ("tth", 3, 10.0)):
            small_detector.write(root / f"{sample}.root", n_events, detector, softest)
            events.append(root / f"{sample}.h5")
            name = ("--sample", sample, "--detector", description, "--truth", "status")
            jetimg("convert", root / f"{sample}.root", "-o", events[-1], *name)
        folder, planned = root / "dataset", root / "plan.json"
        jetimg("plan", *events, "-o", planned, "--test", "tth", "--validation-fraction", 0, "--test-fraction", 0)
        for name in plan.read(planned).shards():
            jetimg("shard", planned, "-o", folder / name)
        jetimg("manifest", planned, folder)
        jetimg("verify", folder)
    torch.manual_seed(0)
    config = Config(model=NETWORK, training=published_training(epochs=1, batch_size=2), augmentation=Augment(overlay=1))
    train(folder, root / "run", config, device="cpu", processes=1)
    return SimpleNamespace(root=root, detector=detector, events=events, folder=folder, run=root / "run")


@pytest.fixture(scope="module")
def cms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the CMS-like detector, with the same classes."""
    root = tmp_path_factory.mktemp("cms")
    paths = [campaigns.event_file(root, "tt", "tt", [6]), campaigns.event_file(root, "tth", "tth", [3])]
    return campaigns.dataset(root / "set", campaigns.planned(paths))


def test_pixels_and_boxes_by_hand(made) -> None:
    with Reader(made.events[0]) as reader:
        tables, attributes = reader.read().tables, reader.attributes
    assert attributes["image_shape"] == [80, 72]
    assert attributes["eta_pitch"] == 0.05
    # eta 0.5 lies on an edge, which belongs to the row above; 1.0 rad is 59.3 pixels of 5 degrees from -180.
    (pixel,) = set(tables["ecal"]["pixel"].tolist())
    assert divmod(pixel, 72) in {(50, 47), (49, 47)}
    assert set(tables["hcal"]["pixel"].tolist()) == {20 * 72 + 13}
    assert set(tables["tracker"]["pixel"].tolist()) == {40 * 72 + 71}
    # A cone of 0.4 is 16 rows and 9.17 columns wide; the axis is at row 42 and column 71.52.
    np.testing.assert_allclose(tables["jets"]["box"], [[34, 67.023, 50, 76.023]] * 4, atol=1e-3)


def test_the_manifest_says_what_the_images_are(made) -> None:
    contents = manifest.read(made.folder)
    assert (contents.image_shape, contents.eta_pitch) == ((80, 72), 0.05)
    assert contents.phi_pitch == pytest.approx(np.radians(5))
    assert contents.channels == ("tracker", "ecal", "hcal")
    data = DataSet.of(made.folder)
    assert (data.image_shape, data.box_size) == ((80, 72), (16, 9))
    # An older manifest does not say: the shards do.
    older = contents.model_copy(
        update=dict.fromkeys(("channels", "image_shape", "eta_pitch", "phi_pitch")) | {"format_version": "1.0"}
    )
    assert manifest.geometry(older, made.folder) == data.geometry
    with pytest.raises(DataError, match="says nothing of the images' pixels"):
        manifest.geometry(older, made.root)


def test_what_was_trained_is_for_these_images(made) -> None:
    network, config = checkpoint.load(made.run / "network.pt")
    assert (config.model.image_shape, config.model.eta_pitch, config.model.box_size) == ((80, 72), 0.05, (16, 9))
    boxes = network.default_boxes
    assert torch.equal(boxes[:, 2:] - boxes[:, :2], torch.tensor([[16.0, 9.0]]).expand(len(boxes), 2))
    assert boxes[:, 1].min() >= 0
    assert boxes[:, 1].max() < 72
    last, _ = checkpoint.read(made.run / "last.pt")
    assert last["optimizer"]["state"]
    assert {int(row["events"]) for row in last["history"]} == {4}


def test_evaluation_goes_round_the_seam_of_these_images(made) -> None:
    settings = EvaluationSettings(device="cpu", score_threshold=0.0)
    found = evaluate(made.folder, {"network": made.run / "network.pt"}, settings)
    network, baseline = found.measured
    assert found.truth.n_phi == 72
    # The classical jets are 0.08 beside the tops, on the other side of phi = pi.
    top = baseline.classes["t"]
    assert (top["true_jets"], top["detections"], top["found"], top["ap_11"]) == (3, 3, 3, 1.0)
    assert top["residuals"]["phi"]["pairs"] == 3
    residuals = baseline.residuals(found.truth.jets, 1)
    np.testing.assert_allclose(residuals.phi, 2 * np.pi - 6.2, atol=1e-6)
    box = network.detector.found.box
    assert len(box) > 0
    np.testing.assert_allclose(box[:, 2:] - box[:, :2], [[16, 9]] * len(box), atol=1e-3)
    assert box[:, 1].max() < 72


def test_networks_and_data_sets_of_other_detectors_are_refused(made, cms, tmp_path) -> None:
    settings, trained = EvaluationSettings(device="cpu"), made.run / "network.pt"
    with pytest.raises(DataError, match=r"network\.pt: made for image_shape 80, 72; the data set has 340, 360"):
        evaluate(cms, {"network": trained}, settings)
    config = Config(training=published_training(epochs=1))
    with pytest.raises(DataError, match=r"network\.pt: made for image_shape 80, 72; the data set has 340, 360"):
        train(cms, tmp_path, config, start=trained, device="cpu", processes=1)
    with pytest.raises(DataError, match=r"made for image_shape 80, 72; the data set has 340, 360"):
        onnx_writer.export(trained, tmp_path / "x.onnx", dataset=cms)
    assert not (tmp_path / "x.onnx").exists()


def test_an_onnx_file_knows_its_images(made, cms, tmp_path) -> None:
    onnx_writer.export(made.run / "network.pt", tmp_path / "x.onnx", dataset=made.folder)
    detector = OnnxDetector.open(tmp_path / "x.onnx")
    texts = detector.session.get_modelmeta().custom_metadata_map
    assert (texts["image_shape"], texts["eta_pitch"]) == ("[80, 72]", "0.05")
    assert float(texts["phi_pitch"]) == pytest.approx(np.radians(5))
    assert "image_shape" in DataSet.of(cms).difference(detector.model)
    assert DataSet.of(made.folder).difference(detector.model) == ""
    message = "a network for images of 3 x 80 x 72 .*, given 3 x 340 x 360"
    with pytest.raises(DataError, match=message):
        detector(torch.zeros(1, 3, 340, 360))


def test_another_width_of_pixels_is_another_geometry(made) -> None:
    """The number of pixels may be the same by chance."""
    data, model = DataSet.of(made.folder), checkpoint.read(made.run / "network.pt")[1].model
    assert data.difference(model.model_copy(update={"eta_pitch": 0.04})) == (
        "made for eta_pitch 0.04; the data set has 0.05"
    )
    # Checkpoints that are older than this number do not have it.
    assert data.difference(model.model_copy(update={"eta_pitch": 0.0})) == ""


def test_event_files_of_two_detectors_make_no_plan(made, tmp_path) -> None:
    same = {"image_shape": [80, 72], "phi_pitch": 2 * np.pi / 72, "config": {}}
    for known, key in (({}, "image_shape"), (same, "eta_pitch")):
        other = campaigns.event_file(tmp_path, "bb", "bb", [2], **known)
        with pytest.raises(DataError, match=rf"(tt|bb)\.h5 was made with another {key} than .*(tt|bb)\.h5"):
            plan.make([other, made.events[0]], plan.Sharding(), [], {})
    other = campaigns.event_file(tmp_path, "bb", "bb", [2], phi_pitch=0.1)
    with pytest.raises(DataError, match=r"bb\.h5: phi_pitch 0\.1 times 360 pixels is not the full circle"):
        plan.make([other], plan.Sharding(), [], {})


def test_an_event_file_of_another_detector_makes_no_shard(made, cms, tmp_path) -> None:
    planned = plan.make([made.events[0]], plan.Sharding(validation_fraction=0, test_fraction=0), [], {})
    path = tmp_path / "tt.h5"
    shutil.copyfile(cms.parent / "tt.h5", path)
    moved = planned.model_copy(update={"sources": (planned.sources[0].model_copy(update={"path": str(path)}),)})
    with pytest.raises(DataError, match=r"tt\.h5: not the event file that was planned"):
        shard.make(moved, "train-00000.h5", tmp_path / "train-00000.h5")


def test_a_delphes_file_of_another_detector_gives_no_event(made, data, tmp_path) -> None:
    from jetimg.imaging.channels import Setup
    from jetimg.imaging.convert import DelphesInputs, convert
    from jetimg.imaging.settings import ImageSettings

    inputs = DelphesInputs([data / "tt.root", made.root / "tt.root"], "tt")
    for detector, verdicts in ((load(), ["ok", "wrong-geometry"]), (made.detector, ["wrong-geometry", "ok"])):
        rows = convert(inputs, tmp_path / "x.h5", Setup(detector, ImageSettings()))
        assert [row.verdict for row in rows] == verdicts


def test_a_data_set_with_a_shard_of_another_detector_is_refused(made, cms, tmp_path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(made.folder, mixed)
    shutil.copyfile(cms / "test-00000.h5", mixed / "test-00000.h5")
    message = r"test-00000\.h5: images of 340 x 360 pixels .*; the data set has 80 x 72 pixels .*one geometry"
    with pytest.raises(DataError, match=message):
        DataSet.of(mixed)
    with pytest.raises(DataError, match=message):
        JetImages.of_dataset(mixed, "test")
    with pytest.raises(DataError, match=r"test-00000\.h5: classes .* 340 x 360 .*train-00000\.h5 has .* 80 x 72"):
        JetImages([mixed / "train-00000.h5", mixed / "test-00000.h5"])
    planned = plan.read(made.root / "plan.json")
    shutil.copyfile(mixed / "test-00000.h5", tmp_path / "kept.h5")
    with pytest.raises(DataError, match=r"test-00000\.h5: images of 340 x 360 .*; planned were 80 x 72"):
        manifest.make(planned, mixed)
    # Checksums that fit do not help.
    campaigns.rewrite(mixed / "test-00000.h5", sample_names=["tt", "tth"])
    assert any("test-00000.h5: images of 340 x 360" in fault for fault in verify(mixed).faults)
