"""The evaluation: detectors and the classical baseline on the same events of a data set.

Only detections are kept in memory, at most 100 an event, never images or predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detector.common.progress import bar
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.event_file.store import Batch, Columns, Reader
from jetimg.loader.torch_dataset import JetImages, dense
from models.data.data_set import DataSet
from models.evaluation import oracle
from models.evaluation.measure import BASELINE, MIN_IOU, DetectionSet, TrueJets, measure
from models.evaluation.metrics import REPLICAS
from models.evaluation.pairing import JetTable, above, joined
from models.evaluation.result import Evaluation, EvaluationSettings
from models.networks.config import Model
from models.networks.postprocess import NMS_THRESHOLD, Detections, detect
from models.trained import checkpoint

BASELINE_SCORE = "1 - tau_n / tau_(n-1) of a jet in its class's window of soft-drop mass, n prongs; no probability"


def evaluate(folder: Path, checkpoints: Mapping[str, Path], settings: EvaluationSettings) -> Evaluation:
    """Measures detectors.

    Args:
        folder: the data set.
        checkpoints: by the detector's name.
        settings: how.

    Raises:
        DataError: no data set, no such events or no such sample; not a checkpoint, or one for other
            classes, images or boxes.
        ValueError: a detector has the baseline's name.
    """
    if BASELINE in checkpoints:
        raise ValueError(f"a detector cannot have the name {BASELINE}; choose another with NAME=PATH")
    data = DataSet.of(folder)
    shards: tuple[Path, ...] = getattr(data, settings.split)
    if not shards:
        raise DataError(f"{folder}: no {settings.split} events")
    if settings.device == "auto":
        settings = replace(settings, device="cuda" if torch.cuda.is_available() else "cpu")
    # Before hours of work, not after them.
    about = {name: _about(path, data) for name, path in checkpoints.items()}
    contents = manifest.read(folder)
    mine = _events_of(shards, settings.sample)
    if not len(mine):
        raise DataError(f"{folder}: no {settings.split} events of sample {settings.sample}")
    truth, tagged = _tables(shards, data)
    detectors = [_run(name, path, shards, settings, data.grid, about[name]) for name, path in checkpoints.items()]
    truth, tagged = replace(truth, jets=truth.jets.of_events(mine), n_events=len(mine)), tagged.of_events(mine)
    detectors = [replace(one, found=one.found.of_events(mine)) for one in detectors]
    tags = tuple(data.class_names.index(name) for name in contents.config.get("tags", {}))
    missing = _missing(settings, tags, tagged)
    if not missing:
        detectors.append(DetectionSet(BASELINE, tagged, tags, {"kind": "baseline", "score": BASELINE_SCORE}))
    if settings.min_pt:
        detectors, truth = _harder(detectors, truth, settings.min_pt)
    with bar("bootstrap", REPLICAS) as progress:
        measured = measure(detectors, truth, progress)
    ceiling = oracle.of(truth, NMS_THRESHOLD)
    return Evaluation(data, shards, mine, truth, settings, measured, ceiling, missing)


def _events_of(shards: Sequence[Path], sample: str) -> NDArray[np.int64]:
    """The events of a sample, or all, by their numbers counted over the shards."""
    chosen = []
    for path in shards:
        with Reader(path) as reader:
            names = reader.attributes["sample_names"]
            wanted = [number for number, name in enumerate(names) if sample in ("", name)]
            chosen.append(np.isin(reader.read(tables=("events",)).tables["events"]["sample"], wanted))
    return np.flatnonzero(np.concatenate(chosen))


def _harder(detectors: Sequence[DetectionSet], truth: TrueJets, min_pt: float) -> tuple[list[DetectionSet], TrueJets]:
    """What counts where only jets of at least this pt are to be found."""
    true, n_phi = truth.jets, truth.n_phi
    counting = [replace(one, found=above(one.found, true, min_pt, MIN_IOU, n_phi)) for one in detectors]
    return counting, replace(truth, jets=true.take(true.pt >= min_pt))


def _missing(settings: EvaluationSettings, tags: tuple[int, ...], tagged: JetTable) -> str:
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
    model = config.model
    if difference := data.difference(model):
        raise DataError(f"{path}: {difference}")
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


def _tables(shards: Sequence[Path], data: DataSet) -> tuple[TrueJets, JetTable]:
    """True jets and baseline jets of all events, numbered over the shards as `JetImages` does."""
    true, tagged, first = [], [], 0
    for path in shards:
        with Reader(path) as reader:
            batch: Batch = reader.read(tables=("jets", "baseline"))
            n_events = reader.n_events
        jets, tags = batch.tables["jets"], batch.tables["baseline"]
        true.append(_jets(jets, first, jets["box"], np.ones(len(jets["pt"]), np.float32)))
        around = boxes.around(data.grid, tags["eta"], tags["phi"], data.box_radius)
        tagged.append(_jets(tags, first, around, tags["score"]))
        first += n_events
    return TrueJets(joined(true), first, data.class_names, data.image_shape[1]), joined(tagged)


def _jets(table: Columns, first: int, box: np.ndarray[Any, Any], score: np.ndarray[Any, Any]) -> JetTable:
    counts = np.diff(table["indptr"])
    return JetTable(
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
    name: str, path: Path, shards: Sequence[Path], settings: EvaluationSettings, grid: Grid, about: dict[str, Any]
) -> DetectionSet:
    """A network's detections in all events."""
    network, config = checkpoint.load(path, settings.device, for_inference=True)
    images, parts = JetImages(shards, settings.batch_size), []
    memory = torch.empty(settings.batch_size, config.model.input_channels, *images.shape, device=settings.device)
    with bar(name, images.n_events) as progress:
        for batch in images:
            pixels, scale = dense(batch, settings.device, config.model.normalisation, memory)
            found = detect(
                network(pixels),
                network.default_boxes,
                scale,
                score_threshold=settings.score_threshold,
                n_phi=images.shape[1],
            )
            parts.append(_detections(found, batch.event, grid, config.model))
            progress(len(batch))
    return DetectionSet(name, joined(parts), tuple(range(len(images.class_names))), about)


def _detections(found: Sequence[Detections], event: np.ndarray[Any, Any], grid: Grid, model: Model) -> JetTable:
    box, class_id, score, pt = (torch.cat(column).cpu().numpy() for column in zip(*found, strict=True))
    eta, phi = boxes.centre(grid, box)
    measured = model.architecture == "pfjet" or model.pt
    return JetTable(
        event=np.repeat(event, [len(one.score) for one in found]),
        class_id=class_id,
        box=box,
        eta=eta,
        phi=phi,
        pt=pt.astype(np.float64) if measured else np.full(len(pt), np.nan),
        score=score,
    )
