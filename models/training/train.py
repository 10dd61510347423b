"""Training a detector: the loop, and what it leaves behind.

A run's folder holds `last.pt` (to go on from), `best.pt` (the best epoch: `training.best_by`), `metrics.jsonl` and
`loss.png`; a finished run also has `network.pt`, the best network without what only serves training. All three hold
the averaged weights where `training.ema` is not 0.
A run that is started again goes on after its last complete epoch and reaches the same weights, bit for bit on a CPU
with the same number of threads: the random numbers of an epoch follow from seed, epoch and rank alone.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from detector.common import extras
from jetimg.common.errors import DataError
from models.data.data_set import DataSet
from models.networks.config import Config
from models.trained import checkpoint
from models.training import distributed, history, tensorboard
from models.training.distributed import Worker
from models.training.epoch import train_epoch, validate
from models.training.images import Images
from models.training.images import images as image_set
from models.training.run import Run, begin
from models.training.start import Start
from models.training.validation import average_precision

logger = logging.getLogger(__name__)


def train(
    folder: Path,
    output: Path,
    config: Config,
    *,
    start: Path | None = None,
    teacher: Path | None = None,
    resume: bool = True,
    replace: bool = False,
    device: str = "auto",
    processes: int | None = None,
) -> None:
    """Trains a detector on a data set.

    Args:
        folder: the data set, with its manifest.
        output: the run's folder.
        config: network and training; classes, image shape and box size are taken from the data set.
        start: a checkpoint of full precision, whose weights and network the run begins with.
        teacher: another one, that it also learns from where `training.distillation` is not 0; None for the start.
        resume: go on with the run that is in the folder.
        replace: a run of another configuration, data set or start may be thrown away.
        device: cpu, cuda or auto.
        processes: how many train together; None for one a GPU.

    Raises:
        ModuleNotFoundError: curves for TensorBoard are wanted, which is not installed.
        DataError: no data set, no training events, the folder holds a run of another configuration, data set, start
            or teacher, or start or teacher do not fit the data set or each other.
    """
    if config.training.tensorboard:
        extras.need("tensorboard")  # before an epoch is trained
    data = DataSet.of(folder)
    if not data.train:
        raise DataError(f"{folder}: no shards for training")
    begun = Start.of(start, data) if start else None
    data.check_choice(config.model)
    model = begun.model if begun else data.describe(config.model)
    config = config.model_copy(update={"model": model})
    wiser = _teacher(config, teacher, begun, data)
    last, complaint = output / "last.pt", ""
    check_folder(output, start, may_replace=replace or not resume)
    if resume and last.is_file() and (complaint := _other_run(last, config, data, begun, wiser)) and not replace:
        raise DataError(f"{last}: {complaint}; choose another folder, --restart or --replace")
    if complaint or not resume:
        last.unlink(missing_ok=True)
    distributed.run(_train, device, processes, data, output, config, begun, wiser)


def _teacher(config: Config, teacher: Path | None, start: Start | None, data: DataSet) -> Start | None:
    """Whom a run learns from beside the truth, if from anybody.

    Raises:
        DataError: it is to learn from somebody, but not said from whom; or the other way round.
    """
    wanted = config.training.distillation > 0
    if wanted and not (teacher or start):
        raise DataError(
            "training.distillation: no network to learn from; it is for quantize, prune, --start or --teacher"
        )
    if teacher and not wanted:
        raise DataError(f"{teacher}: a teacher, but training.distillation is 0; set it to 1.0, say")
    if not wanted:
        return None
    return Start.of(teacher, data) if teacher else start


def check_folder(output: Path, start: Path | None, *, may_replace: bool) -> None:
    """Refuses a run's folder where it would write over what it begins with, or a network of another origin.

    Raises:
        DataError: naming what is there.
    """
    if start and start.resolve().parent == output.resolve():
        raise DataError(f"{start}: the run begins with it, and would write it over; choose another folder")
    network = output / "network.pt"
    if network.exists() and not (output / "last.pt").exists() and not may_replace:
        raise DataError(f"{network}: of no run that could go on; choose another folder, --restart or --replace")


def stalled(losses: Sequence[float], patience: int) -> bool:
    """Whether the minimum loss is at least so many epochs old."""
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


def _train(
    worker: Worker, data: DataSet, output: Path, config: Config, start: Start | None, teacher: Start | None
) -> None:
    training = image_set(data.train, worker, config, train=True)
    run = begin(worker, config, output / "last.pt", training, start, teacher)
    validation = image_set(data.validation, worker, config, train=False) if data.validation else None
    if not config.training.epochs and not run.records:
        run.records.append({"epoch": 0, "events": 0, **_measured(run, data, validation)})
        if worker.first:
            _leave(run, data, output)
    while run.epoch < config.training.epochs and not stalled(run.losses(), config.training.patience):
        begun, processor = time.perf_counter(), time.process_time()
        record: history.Record = {"epoch": run.epoch + 1, "learning_rate": run.scheduler.get_last_lr()[0]}
        record["train"] = train_epoch(run, training)
        seconds = time.perf_counter() - begun
        record |= {
            "seconds": round(seconds, 3),
            "processor_seconds": round(time.process_time() - processor, 3),
            "events": training.n_events,
            "events_per_second": round(training.n_events / max(seconds, 1e-9), 2),
        }
        run.epoch += 1
        run.records.append(record | _measured(run, data, validation))
        if worker.first:
            _leave(run, data, output)
    if worker.first:
        history.write(output, run.records)
        checkpoint.finish(output / "best.pt", output / "network.pt")


def _measured(run: Run, data: DataSet, validation: Images | None) -> history.Record:
    """The loss and the average precision on validation events, if there are any."""
    if validation is None:
        return {}
    record: history.Record = {"validation": validate(run, validation)}
    if run.config.training.best_by == "ap":
        record["ap"] = _average_precision(run, data)
    return record


def _average_precision(run: Run, data: DataSet) -> float:
    """That of the first validation events; the first process measures it and tells the others."""
    value = torch.zeros(1, dtype=torch.float64, device=run.worker.device)
    if run.worker.first:
        images, chosen = image_set(data.validation, run.worker, run.config, train=False), run.config.training
        value += average_precision(run.kept, images, chosen.validation_events, run.config.model, run.worker.device)
    return float(run.worker.summed(value))


def _leave(run: Run, data: DataSet, output: Path) -> None:
    """Writes checkpoints, metrics and plot, and says how the epoch went."""
    content: dict[str, Any] = {
        "epoch": run.epoch,
        "history": run.records,
        "dataset_sha256": data.digest,
        "images": dict(data.images),
        "start_sha256": run.start.sha256 if run.start else None,
        "teacher_sha256": run.teacher_sha256,
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict(),
        "scaler": run.scaler.state_dict(),
        "trained_weights": run.network.state_dict(),
        "averaged": 0 if run.average is None else int(run.average.n_averaged),
    }
    losses, record = run.losses(), run.records[-1]
    if losses[-1] == min(losses):
        checkpoint.save(output / "best.pt", run.config, run.kept, **content)
    history.write(output, run.records)
    if run.config.training.tensorboard:
        tensorboard.append(output, record)
    # Written last: if it is missing or old, the epoch is repeated.
    checkpoint.save(output / "last.pt", run.config, run.kept, **content)
    parts = "; ".join(
        f"{split} " + ", ".join(f"{name} {value:.4f}" for name, value in record[split].items())
        for split in ("train", "validation")
        if split in record
    )
    ap = f"; average precision {record['ap']:.4f}" if "ap" in record else ""
    speed = f"; {record['seconds']:.1f} s, {record['events_per_second']:.1f} events/s" if "seconds" in record else ""
    logger.info(f"epoch {run.epoch} of {run.config.training.epochs}: {parts}{ap}{speed}")


def _other_run(last: Path, config: Config, data: DataSet, start: Start | None, teacher: Start | None) -> str:
    """What makes the run that was left another one; nothing if it is the same."""
    content, found = checkpoint.read(last, needed=("dataset_sha256",))
    if difference := data.difference(found.model):
        return f"a run {difference}"
    # The configuration of an older run has no pixel width.
    found = found.model_copy(update={"model": data.describe(found.model)})
    # A run may go on with other numbers of these; but its learning rate may depend on that of epochs.
    free = {
        "training": {"patience", "threads", "workers", "tensorboard"}
        | ({"epochs"} if config.training.schedule == "milestones" else set())
    }
    if changed := _changed(found.model_dump(exclude=free), config.model_dump(exclude=free)):
        return f"a run of another configuration: {changed}"
    if content["dataset_sha256"] != data.digest:
        return "a run on another data set"
    if content.get("start_sha256") != (start.sha256 if start else None):
        return "a run that began with other weights"
    if content.get("teacher_sha256") != (teacher.sha256 if teacher else None):
        return "a run with another teacher"
    return ""


def _changed(before: dict[str, Any], now: dict[str, Any], where: str = "") -> str:
    """The first setting that two configurations have different, with both values; nothing if there is none."""
    for name in now:
        one, other = before.get(name), now[name]
        if isinstance(one, dict) and isinstance(other, dict):
            if inside := _changed(one, other, f"{where}{name}."):
                return inside
        elif one != other:
            return f"{where}{name} was {one}, and is to be {other}"
    return ""
