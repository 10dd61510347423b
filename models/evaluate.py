"""The evaluation: detectors and the classical baseline on the same events of a data set.

The folder appears whole: numbers in `evaluation.json`, tables in `evaluation.md`, and pictures. Only detections are
kept in memory, at most 100 an event, never images or predictions.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from detector import load
from detector.files import replace_folder
from detector.grid import Grid
from detector.progress import bar
from jetimg import boxes, manifest
from jetimg.dataset import JetImages, dense
from jetimg.digest import sha256
from jetimg.errors import DataError
from jetimg.store import Batch, Columns, Reader
from models import checkpoint, evaluation_report
from models.config import Model
from models.data import DataSet
from models.decode import Detections, detect
from models.measure import BASELINE, LEAST_IOU, Detector, Measured, Truth, measure
from models.metrics import REPLICAS
from models.pairing import Jets, above, joined

BASELINE_SCORE = "1 - tau_n / tau_(n-1) of a jet in its class's window of soft-drop mass, n prongs; no probability"


@dataclass(frozen=True)
class Settings:
    """How an evaluation runs.

    Attributes:
        split: which events.
        batch_size: images that a network sees at once.
        device: cpu, cuda, or auto for a GPU if there is one.
        least_score: less certain detections are left out.
        least_pt: of true jets that are to be found, GeV; see `models.pairing.above`.
        baseline: whether the classical baseline is measured too.
    """

    split: str = "test"
    batch_size: int = 25
    device: str = "auto"
    least_score: float = 0.01
    least_pt: float = 0.0
    baseline: bool = True


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what.

    Attributes:
        data: the data set.
        shards: the files of its events.
        truth: their jets.
        settings: with the device that was used.
        measured: the detectors, the baseline last.
        missing_baseline: why there is no baseline; empty if there is one.
    """

    data: DataSet
    shards: tuple[Path, ...]
    truth: Truth
    settings: Settings
    measured: Sequence[Measured]
    missing_baseline: str


def evaluate(folder: Path, checkpoints: Mapping[str, Path], output: Path, settings: Settings) -> Evaluation:
    """Measures detectors and writes the report.

    Args:
        folder: the data set.
        checkpoints: by the detector's name.
        output: folder of the report; what an evaluation left there before is replaced.
        settings: how.

    Raises:
        DataError: no data set or no such events; not a checkpoint, or one for other classes, images or boxes; the
            folder holds other files, or cannot be written.
        ValueError: a detector has the baseline's name.
    """
    if BASELINE in checkpoints:
        raise ValueError(f"a detector cannot have the name {BASELINE}; choose another with NAME=PATH")
    _check_output(output)
    data = DataSet.of(folder)
    shards: tuple[Path, ...] = getattr(data, settings.split)
    if not shards:
        raise DataError(f"{folder}: no {settings.split} events")
    if settings.device == "auto":
        settings = replace(settings, device="cuda" if torch.cuda.is_available() else "cpu")
    # Before hours of work, not after them.
    about = {name: _about(path, data) for name, path in checkpoints.items()}
    contents, grid = manifest.read(folder), Grid.of(load())
    truth, tagged = _tables(shards, data, grid, contents.config["box_radius"])
    detectors = [_run(name, path, shards, settings, grid, about[name]) for name, path in checkpoints.items()]
    tags = tuple(data.class_names.index(name) for name in contents.config.get("tags", {}))
    missing = _missing(settings, tags, tagged)
    if not missing:
        detectors.append(Detector(BASELINE, tagged, tags, {"kind": "baseline", "score": BASELINE_SCORE}))
    if settings.least_pt:
        detectors, truth = _harder(detectors, truth, settings.least_pt)
    with bar("bootstrap", REPLICAS) as advance:
        measured = measure(detectors, truth, advance)
    found = Evaluation(data, shards, truth, settings, measured, missing)
    _write(found, output)
    return found


def _harder(detectors: Sequence[Detector], truth: Truth, least_pt: float) -> tuple[list[Detector], Truth]:
    """What counts where only jets of at least this pt are to be found."""
    true, n_phi = truth.jets, truth.n_phi
    counting = [replace(one, found=above(one.found, true, least_pt, LEAST_IOU, n_phi)) for one in detectors]
    return counting, replace(truth, jets=true.take(true.pt >= least_pt))


def _missing(settings: Settings, tags: tuple[int, ...], tagged: Jets) -> str:
    if not settings.baseline:
        return "not asked for"
    if not tags:
        return "the data set's settings tag no class"
    return "" if len(tagged) else "no tagged jet in these events: their files may lack the branch of classical jets"


def _about(path: Path, data: DataSet) -> dict[str, Any]:
    """What the report says of a checkpoint.

    Raises:
        DataError: not a checkpoint, or it does not fit the data set.
    """
    content, config = checkpoint.read(path)
    model, wanted = config.model, data.describe(config.model)
    for what in ("class_names", "image_shape", "box_size"):
        mine, theirs = getattr(model, what), getattr(wanted, what)
        if tuple(mine) != tuple(theirs):
            raise DataError(f"{path}: a detector with {what} {mine}; the data set has {theirs}")
    trained_on = content.get("dataset_sha256")
    return {
        "kind": "network",
        "architecture": model.architecture,
        "file": path.name,
        "sha256": sha256(path),
        "epoch": content.get("epoch"),
        "trained_on_sha256": trained_on,
        "trained_on_this_data_set": None if trained_on is None else trained_on == data.digest,
        "score": "probability of the class",
    }


def _tables(shards: Sequence[Path], data: DataSet, grid: Grid, radius: float) -> tuple[Truth, Jets]:
    """True jets and baseline jets of all events, numbered over the shards as `JetImages` does."""
    true, tagged, first = [], [], 0
    for path in shards:
        with Reader(path) as reader:
            if (names := tuple(reader.attributes["class_names"])) != data.class_names:
                raise DataError(f"{path}: classes {names}; the manifest has {data.class_names}")
            batch: Batch = reader.read(tables=("jets", "baseline"))
            n_events = reader.n_events
        jets, tags = batch.tables["jets"], batch.tables["baseline"]
        true.append(_jets(jets, first, jets["box"], np.ones(len(jets["pt"]), np.float32)))
        around = boxes.around(grid, tags["eta"], tags["phi"], radius)
        tagged.append(_jets(tags, first, around, tags["score"]))
        first += n_events
    return Truth(joined(true), first, data.class_names, data.image_shape[1]), joined(tagged)


def _jets(table: Columns, first: int, box: np.ndarray[Any, Any], score: np.ndarray[Any, Any]) -> Jets:
    counts = np.diff(table["indptr"])
    return Jets(
        event=first + np.repeat(np.arange(len(counts)), counts),
        class_id=table["class_id"].astype(np.int64),
        box=box,
        eta=table["eta"].astype(np.float64),
        phi=table["phi"].astype(np.float64),
        pt=table["pt"].astype(np.float64),
        score=score,
    )


@torch.no_grad()
def _run(
    name: str, path: Path, shards: Sequence[Path], settings: Settings, grid: Grid, about: dict[str, Any]
) -> Detector:
    """A network's detections in all events."""
    network, config = checkpoint.load(path, settings.device, for_inference=True)
    images, parts = JetImages(shards, settings.batch_size), []
    memory = torch.empty(settings.batch_size, config.model.input_channels, *images.shape, device=settings.device)
    with bar(name, images.n_events) as advance:
        for batch in images:
            pixels, scale = dense(batch, settings.device, config.model.normalisation, memory)
            found = detect(
                network(pixels),
                network.priors,
                scale,
                least_score=settings.least_score,
                n_phi=images.shape[1],
            )
            parts.append(_detections(found, batch.event, grid, config.model))
            advance(len(batch))
    return Detector(name, joined(parts), tuple(range(len(images.class_names))), about)


def _detections(found: Sequence[Detections], event: np.ndarray[Any, Any], grid: Grid, model: Model) -> Jets:
    box, class_id, score, pt = (torch.cat(column).cpu().numpy() for column in zip(*found, strict=True))
    eta, phi = boxes.centre(grid, box)
    measured = model.architecture == "pfjet" or model.pt
    return Jets(
        event=np.repeat(event, [len(one.score) for one in found]),
        class_id=class_id,
        box=box,
        eta=eta,
        phi=phi,
        pt=pt.astype(np.float64) if measured else np.full(len(pt), np.nan),
        score=score,
    )


def _check_output(output: Path) -> None:
    """Refuses a folder with other people's files: the report replaces it."""
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: not a folder")
    # Snakemake leaves a file of its own in folders that a rule makes.
    known = {*evaluation_report.NAMES, ".snakemake_timestamp"}
    if others := sorted({path.name for path in output.glob("*")} - known):
        raise DataError(f"{output}: holds other files ({others[0]}, ...); choose a folder of its own")


def _write(found: Evaluation, output: Path) -> None:
    output = output.resolve()
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        evaluation_report.write(found, partial)
        replace_folder(partial, output)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{output}: cannot be written: {reason}; what was there is as it was") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
