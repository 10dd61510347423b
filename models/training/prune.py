"""Pruning in steps: train with a penalty on channels, remove those that it silenced, go on with the smaller network.

Each step is a training run of its own in `step-1`, `step-2`, ..., which retrains what the step before left; the last
run, without penalty, is in the folder itself. A run that was stopped goes on where it was.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from models.data.data_set import DataSet
from models.networks.build import build, parameters
from models.networks.config import Compression, Config
from models.trained import checkpoint
from models.training import slimming
from models.training.start import Start
from models.training.train import check_folder, train

logger = logging.getLogger(__name__)

PRUNED = "pruned.pt"


def prune(
    folder: Path,
    output: Path,
    config: Config,
    start: Path,
    *,
    resume: bool = True,
    replace: bool = False,
    device: str = "auto",
    processes: int | None = None,
) -> None:
    """Makes a smaller network of a trained one.

    Args:
        folder: the data set.
        output: the run's folder.
        config: training and pruning; the network is that of the start.
        start: a checkpoint at full precision.
        resume: go on with what is in the folder.
        replace: steps of another configuration, data set or start may be thrown away.
        device: cpu, cuda or auto.
        processes: how many train together; None for one a GPU.

    Raises:
        DataError: as `models.training.train.train`; an architecture whose channels are not known; small enough
            already; or too small a network for the steps.
    """
    check_folder(output, start, may_replace=replace or not resume)
    model = Start.of(start, DataSet.of(folder)).model
    if model.architecture not in (known := slimming.PRUNABLE):
        raise DataError(f"{start}: {model.architecture}; pruning knows the channels of {' and '.join(known)} only")
    now = parameters(build(model).for_inference())
    if now <= config.pruning.parameters:
        raise DataError(f"{start}: {now} parameters at inference, {config.pruning.parameters} wanted: nothing to prune")
    choice: dict[str, Any] = {"resume": resume, "replace": replace, "device": device, "processes": processes}
    choice["teacher"] = start if config.training.distillation else None
    source, after = start, targets(now, config.pruning.parameters, config.pruning.steps)
    _check_steps(start, after, config.pruning.most)
    for number, wanted in enumerate(after, start=1):
        run = output / f"step-{number}"
        logger.info(f"step {number} of {config.pruning.steps}: training with penalty, then to {wanted} parameters")
        train(folder, run, _slimming(config, config.pruning.slimming), start=source, **choice)
        source = _pruned(run, wanted)
    train(folder, output, _slimming(config, 0.0), start=source, **choice)


def targets(now: int, wanted: int, steps: int) -> list[int]:
    """Parameters after each step: their square root, so about the channels of a block, decreases evenly."""
    first, last = math.sqrt(now), math.sqrt(wanted)
    return [math.floor((first + (last - first) * step / steps) ** 2) for step in range(1, steps)] + [wanted]


def _check_steps(start: Path, after: Sequence[int], most: float) -> None:
    """Tells before any training what the steps cannot reach: takes the channels away as they are now."""
    network, config = checkpoint.load(start)
    model = config.model
    known = slimming.known(model)
    for wanted in after:
        network, model = known.without(network, model, known.selection(network, model, wanted, most))


def _slimming(config: Config, penalty: float) -> Config:
    """One training: at full precision, whatever the configuration says of quantization."""
    training = config.training.model_copy(update={"slimming": penalty, "epochs": config.pruning.epochs})
    return config.model_copy(update={"training": training, "compression": Compression()})


def _pruned(run: Path, wanted: int) -> Path:
    """The checkpoint without the channels that a run silenced; made once for each state of the run."""
    path, trained = run / PRUNED, sha256(run / "last.pt")
    if path.is_file() and checkpoint.read(path)[0].get("trained_sha256") == trained:
        return path
    network, config = checkpoint.load(run / "last.pt")
    known = slimming.known(config.model)
    kept = known.selection(network, config.model, wanted, config.pruning.most)
    smaller, model = known.without(network, config.model, kept)
    checkpoint.save(path, config.model_copy(update={"model": model}), smaller, trained_sha256=trained)
    left = parameters(build(model).for_inference())
    logger.info(f"{path}: {left} parameters at inference, channels {', '.join(map(str, model.channels))}")
    return path
