"""The evaluation: detectors and the classical baseline on the same events of a data set.

Only detections are kept in memory, at most 100 an event, never images or predictions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from detector.common.progress import bar
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.loader.torch_dataset import JetImages, dense
from models.data.data_set import BATCH_SIZES, DataSet
from models.evaluation import oracle
from models.evaluation.counting import above
from models.evaluation.event_set import EventSet
from models.evaluation.measure import BASELINE, DetectionSet, TrueJets, measure, of_detector
from models.evaluation.metrics import REPLICAS
from models.evaluation.pairing import JetTable, joined
from models.evaluation.result import Evaluation, EvaluationSettings
from models.networks.config import Model
from models.networks.postprocess import NMS_THRESHOLD, Detections, detect
from models.trained import checkpoint
from models.trained import device as devices

BASELINE_SCORE = "1 - tau_n / tau_(n-1) of a jet in its class's window of soft-drop mass, n prongs; no probability"


def evaluate(folder: Path, checkpoints: Mapping[str, Path], settings: EvaluationSettings) -> Evaluation:
    """Measures networks.

    Args:
        folder: the data set.
        checkpoints: by the detector's name.
        settings: how.

    Raises:
        DataError: no data set, no such events or no such sample; not a checkpoint, or one for other
            classes, images or boxes.
        ValueError: a detector has the baseline's name.
    """
    device = devices.chosen(settings.device)
    settings = replace(settings, device=device, batch_size=settings.batch_size or BATCH_SIZES[device])
    events = EventSet.of(folder, settings.split, settings.sample)
    # Before hours of work, not after them.
    about = {name: _about(path, events.data) for name, path in checkpoints.items()}
    check_names(checkpoints)
    found = [_run(name, path, events, settings, about[name]) for name, path in checkpoints.items()]
    return judged(events, found, settings)


def check_names(names: Iterable[str]) -> None:
    """Refuses names that the tables have for others.

    Raises:
        ValueError: a detector has such a name.
    """
    if taken := {BASELINE, oracle.NAME} & set(names):
        raise ValueError(f"a detector cannot have the name {taken.pop()}; choose another with NAME=PATH")


def judged(events: EventSet, detectors: Sequence[DetectionSet], settings: EvaluationSettings) -> Evaluation:
    """Measures detections, beside the classical baseline and the ceiling.

    Args:
        events: what they were found in.
        detectors: with different names.
        settings: how.
    """
    detectors, truth, rule = list(detectors), events.truth, settings.rule
    missing = _missing(settings, events.tags, events.tagged)
    if not missing:
        about = {"kind": "baseline", "score": BASELINE_SCORE}
        detectors.append(DetectionSet(BASELINE, events.tagged, events.tags, about, probability=False))
    if settings.min_pt:
        detectors, truth = _harder(detectors, truth, settings)
    with bar("bootstrap", REPLICAS) as progress:
        measured = measure(detectors, truth, progress, rule)
    ceiling = oracle.of(truth, NMS_THRESHOLD, rule)
    perfect = of_detector(oracle.detections(truth, NMS_THRESHOLD), truth, rule)
    return Evaluation(events.data, events.shards, events.numbers, truth, settings, measured, ceiling, missing, perfect)


def _harder(
    detectors: Sequence[DetectionSet], truth: TrueJets, settings: EvaluationSettings
) -> tuple[list[DetectionSet], TrueJets]:
    """What counts where only jets of at least this pt are to be found."""
    true, min_pt = truth.jets, settings.min_pt
    counting = [replace(one, found=above(one.found, true, min_pt, truth.shape, settings.rule)) for one in detectors]
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


@torch.no_grad()
def _run(name: str, path: Path, events: EventSet, settings: EvaluationSettings, about: dict[str, Any]) -> DetectionSet:
    """A network's detections in the chosen events."""
    network, config = checkpoint.load(path, settings.device, for_inference=True)
    assert settings.batch_size is not None
    images, parts = JetImages(events.shards, settings.batch_size), []
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
            parts.append(_detections(found, batch.event, events.data.grid, config.model))
            progress(len(batch))
    found_there = joined(parts).of_events(events.numbers)
    return DetectionSet(name, found_there, tuple(range(len(images.class_names))), about)


def _detections(found: Sequence[Detections], event: np.ndarray[Any, Any], grid: Grid, model: Model) -> JetTable:
    box, class_id, score, pt = (torch.cat(column).cpu().numpy() for column in zip(*found, strict=True))
    eta, phi = boxes.centre(grid, box)
    return JetTable(
        event=np.repeat(event, [len(one.score) for one in found]),
        class_id=class_id,
        box=box,
        eta=eta,
        phi=phi,
        pt=pt.astype(np.float64) if model.measures_pt else np.full(len(pt), np.nan),
        score=score,
    )
