"""Training a detector: the loop, and what it leaves behind.

A run's folder holds `last.pt` (to go on from), `best.pt` (the best epoch: `training.best_by`), `metrics.jsonl` and
`loss.png`; a finished run also has `network.pt`, the best network without what only serves training. All three hold
the averaged weights where `training.ema` is not 0.
A run that is started again goes on after its last complete epoch and reaches the same weights, bit for bit on a CPU
with the same number of threads: the random numbers of an epoch follow from seed, epoch and rank alone.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.algorithms.join import Join
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from detector.common import extras
from detector.common.progress import bar
from jetimg.common.errors import DataError
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import dense
from models import compress
from models.data.data_set import DataSet, mask_truth, truth
from models.networks.build import Network, build
from models.networks.config import Config
from models.networks.distillation import imitation
from models.networks.loss import Loss, of_batch
from models.trained import checkpoint
from models.training import channel_pruning, distributed, fast_channels, history, optimization, tensorboard
from models.training.distributed import Worker
from models.training.images import Images
from models.training.images import images as image_set
from models.training.start import Start
from models.training.validation import average_precision

logger = logging.getLogger(__name__)

# Steps after which a run says how long it will take; the first ones are slow.
STEPS_TO_ESTIMATE = 3
# Batches from which a quantized network takes the ranges of its numbers.
BATCHES_TO_CALIBRATE = 8


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
        DataError: no data set, no training events, the folder holds a run of another configuration, data set or
            start, or the start does not fit the data set.
    """
    if config.training.tensorboard:
        extras.need("tensorboard")  # before an epoch is trained
    data = DataSet.of(folder)
    if not data.train:
        raise DataError(f"{folder}: no shards for training")
    begin = Start.of(start, data) if start else None
    model = begin.model if begin else data.describe(config.model)
    config = config.model_copy(update={"model": model})
    last, complaint = output / "last.pt", ""
    check_folder(output, start, may_replace=replace or not resume)
    if resume and last.is_file() and (complaint := _other_run(last, config, data, begin)) and not replace:
        raise DataError(f"{last}: {complaint}; choose another folder, --restart or --replace")
    if complaint or not resume:
        last.unlink(missing_ok=True)
    wiser = (Start.of(teacher, data) if teacher else begin) if config.training.distillation else None
    distributed.run(_train, device, processes, data, output, config, begin, wiser)


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


@dataclass
class Run:
    """A training run in one process.

    Attributes:
        epoch: epochs done.
        records: one for each of them.
    """

    worker: Worker
    config: Config
    network: Network
    trained: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    start: Start | None
    average: AveragedModel | None
    # Not trained: what it says of an image is learned from.
    teacher: Network | None = None
    epoch: int = 0
    records: list[history.Record] = field(default_factory=list)
    # Of each block, where batch norm scales are penalised.
    costs: list[int] = field(default_factory=list)
    # Memory for the images of a step, used again in the next.
    images: Tensor | None = None

    @property
    def kept(self) -> Network:
        """The network that is measured and kept: the averaged one, if there is one."""
        return self.network if self.average is None else self.average.module  # type: ignore[return-value]

    def losses(self) -> list[float]:
        """What decides, of each epoch, the lower the better: the average precision, with a minus, or the loss.

        On validation events, or the loss on training events where there are none.
        """
        return [
            -record["ap"]
            if math.isfinite(record.get("ap", math.nan))
            else (record.get("validation") or record.get("train") or {}).get("total", 0.0)
            for record in self.records
        ]


def stalled(losses: Sequence[float], patience: int) -> bool:
    """Whether the minimum loss is at least so many epochs old."""
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


def _train(
    worker: Worker, data: DataSet, output: Path, config: Config, start: Start | None, teacher: Start | None
) -> None:
    training = image_set(data.train, worker, config, train=True)
    run = _start(worker, config, output / "last.pt", start, training)
    if teacher:
        run.teacher = _frozen(teacher, worker.device)
    validation = image_set(data.validation, worker, config, train=False) if data.validation else None
    if not config.training.epochs and not run.records:
        run.records.append({"epoch": 0, "events": 0, **_measured(run, data, validation)})
        if worker.first:
            _leave(run, data, output)
    while run.epoch < config.training.epochs and not stalled(run.losses(), config.training.patience):
        begun, processor = time.perf_counter(), time.process_time()
        record: history.Record = {"epoch": run.epoch + 1, "learning_rate": run.scheduler.get_last_lr()[0]}
        record["train"] = _train_epoch(run, training)
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
    record: history.Record = {"validation": _validate(run, validation)}
    if run.config.training.best_by == "ap":
        record["ap"] = _average_precision(run, data)
    return record


def _start(worker: Worker, config: Config, last: Path, start: Start | None, training: Images) -> Run:
    """A new run, or the one that was left."""
    chosen = config.training
    torch.manual_seed(chosen.seed)
    network = _network(config, None if last.is_file() else start).to(worker.device)
    # Convolutions are faster where the channels of a cell stand together; torch's types do not know of the argument.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start and not last.is_file():
        compress.calibrate(network, config.compression, _first_images(training, config, worker.device))
    optimizer = optimization.optimizer(network, chosen)
    scheduler = optimization.scheduler(optimizer, chosen, len(training))
    scaler = torch.amp.GradScaler(
        worker.device.type, enabled=optimization.autocast(worker.device, config) is torch.float16
    )
    average = optimization.averaged(network, chosen.ema)
    run = Run(worker, config, network, network, optimizer, scheduler, scaler, start, average)
    if chosen.slimming:
        run.costs = _channels(config).costs(config.model)
    if last.is_file():
        _go_on(run, last)
    if worker.world_size > 1:
        run.trained = DistributedDataParallel(network, [worker.device] if worker.device.type == "cuda" else None)
    return run


def _go_on(run: Run, last: Path) -> None:
    """Puts a run into the state in which it was left.

    Raises:
        DataError: the file holds another state.
    """
    content, _ = checkpoint.read(last, run.worker.device, (*checkpoint.TO_GO_ON, "epoch", "history"))
    try:
        run.network.load_state_dict(content["trained_weights"])
        if run.average is not None:
            run.average.module.load_state_dict(content["weights"])
            run.average.n_averaged.fill_(content["averaged"])
        run.optimizer.load_state_dict(content["optimizer"])
        run.scheduler.load_state_dict(content["scheduler"])
        run.scaler.load_state_dict(content["scaler"])
    except (RuntimeError, KeyError, TypeError, AttributeError, ValueError) as error:
        text = " ".join(str(error).split())[:300]
        raise DataError(f"{last}: not the state of this run: {text}; remove it, or give --replace") from error
    run.epoch, run.records = content["epoch"], content["history"]
    if run.worker.first:
        logger.info(f"{last}: going on after epoch {run.epoch}")


def _network(config: Config, start: Start | None) -> Network:
    network = build(config.model)
    if start:
        network.load_state_dict(checkpoint.read(start.path)[0]["weights"])
    # After the weights are there: a quantizer may take its scales from them.
    return compress.apply(network, config.compression)


def _frozen(teacher: Start, device: torch.device) -> Network:
    """A network that only says what it sees."""
    network, _ = checkpoint.load(teacher.path, device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.requires_grad_(False)


def _first_images(images: Images, config: Config, device: torch.device) -> Iterator[Tensor]:
    """Some events as they are, normalised."""
    size = config.training.batch_size
    for start in range(0, min(size * BATCHES_TO_CALIBRATE, images.n_events), size):
        batch = images.read(start, min(start + size, images.n_events))
        yield dense(batch, device, config.model.normalisation).pixels


def _train_epoch(run: Run, images: Images) -> dict[str, float]:
    """One pass over the training events; the mean loss of its steps."""
    # Everything random in an epoch follows from these, so that a resumed run repeats it.
    seeds = np.random.SeedSequence((run.config.training.seed, run.epoch, run.worker.rank))
    torch.manual_seed(int(seeds.generate_state(1)[0]))
    images.set_epoch(run.epoch)
    run.trained.train()
    if run.epoch >= run.config.training.epochs - run.config.training.frozen_norm:
        for module in run.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    means = _Means(run.worker)
    # Some processes may have one step more; `Join` lets those that are done take part in its reductions.
    together = Join([run.trained]) if isinstance(run.trained, DistributedDataParallel) else nullcontext()
    begun = time.perf_counter()
    with together, bar(f"epoch {run.epoch + 1}", len(images) if run.worker.first else None) as progress:
        for step, batch in enumerate(DataLoader(images, batch_size=None, num_workers=run.config.training.workers)):
            run.optimizer.zero_grad(set_to_none=True)
            parts = _loss(run, batch)
            total = parts.total
            if run.costs:
                total = total + run.config.training.slimming * _channels(run.config).penalty(run.network, run.costs)
            _step(run, total)
            means.add(parts)
            progress(1)
            if run.worker.first and not run.records and step + 1 == min(STEPS_TO_ESTIMATE, len(images)):
                _estimate(run, len(images), (time.perf_counter() - begun) / (step + 1))
    return means.result()


def _channels(config: Config) -> ModuleType:
    """What knows the channels of the network."""
    return fast_channels if config.model.architecture == "fast" else channel_pruning


def _step(run: Run, total: Tensor) -> None:
    """One step of all weights, by the gradient of the loss."""
    run.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
    if run.config.training.clip:
        run.scaler.unscale_(run.optimizer)
        nn.utils.clip_grad_norm_(run.network.parameters(), run.config.training.clip)
    run.scaler.step(run.optimizer)
    run.scaler.update()
    run.scheduler.step()
    if run.average is not None:
        run.average.update_parameters(run.network)


@torch.no_grad()
def _validate(run: Run, images: Images) -> dict[str, float]:
    """The mean loss of the steps over the validation events."""
    run.network.eval()
    run.kept.eval()
    means = _Means(run.worker)
    for batch in DataLoader(images, batch_size=None, num_workers=run.config.training.workers):
        means.add(_loss(run, batch))
    return means.result()


def _average_precision(run: Run, data: DataSet) -> float:
    """That of the first validation events; the first process measures it and tells the others."""
    value = torch.zeros(1, dtype=torch.float64, device=run.worker.device)
    if run.worker.first:
        images, chosen = image_set(data.validation, run.worker, run.config, train=False), run.config.training
        value += average_precision(run.kept, images, chosen.validation_events, run.config.model, run.worker.device)
    return float(run.worker.summed(value))


def _loss(run: Run, batch: SparseBatch) -> Loss:
    """The loss of a batch, in mixed precision where that is chosen."""
    device, chosen = run.worker.device, run.config.training
    if run.images is None or len(run.images) < len(batch):
        run.images = torch.empty(len(batch), run.config.model.input_channels, *batch.shape, device=device)
    pixels, scale = dense(batch, device, run.config.model.normalisation, run.images)
    network = run.trained if run.trained.training else run.kept
    precision = optimization.autocast(device, run.config)
    with torch.autocast(device.type, precision, enabled=precision is not None):
        prediction = network(pixels)
        taught = run.teacher(pixels) if run.teacher is not None and run.trained.training else None
    place = (scale, run.network.default_boxes, chosen, batch.shape[1])
    loss = of_batch(prediction, truth(batch, device), *place, mask_truth(batch, device))
    if taught is None:
        return loss
    distance = imitation(prediction.jets, taught.jets, chosen.huber_delta)
    return loss._replace(imitation=chosen.distillation * distance)


class _Means:
    """Sums up the losses of steps without waiting for the GPU; the mean is over the steps of all processes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._names: tuple[str, ...] = history.PARTS
        self._sums = torch.zeros(len(history.ALL_PARTS) + 1, dtype=torch.float64, device=worker.device)

    def add(self, parts: Loss) -> None:
        found = {name: getattr(parts, name) for name in history.ALL_PARTS}
        self._names = tuple(name for name, value in found.items() if value is not None)
        values = [found[name].detach().double() for name in self._names]
        values += [torch.zeros_like(values[0])] * (len(history.ALL_PARTS) - len(values))
        self._sums += torch.stack([*values, torch.ones_like(values[0])])

    def result(self) -> dict[str, float]:
        """The mean of each part.

        Raises:
            DataError: the loss is not finite.
        """
        *sums, steps = self._worker.summed(self._sums).tolist()
        means = {name: value / max(steps, 1) for name, value in zip(self._names, sums, strict=False)}
        if not math.isfinite(means["total"]):
            raise DataError(f"training diverged: loss {means}; choose a lower learning rate")
        return means


def _estimate(run: Run, steps: int, seconds: float) -> None:
    """Says how long the run will take at most, from the mean time of a step."""
    chosen, device = run.config.training, run.worker.device
    where = "GPU" if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    in_all = seconds * steps * chosen.epochs
    logger.info(
        f"{seconds:.2f} s a step on {run.worker.world_size} {where}; {steps} steps an epoch: "
        f"{_duration(seconds * steps)} an epoch, {_duration(in_all)} for {chosen.epochs} epochs, plus validation"
    )


def _duration(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"


def _leave(run: Run, data: DataSet, output: Path) -> None:
    """Writes checkpoints, metrics and plot, and says how the epoch went."""
    content: dict[str, Any] = {
        "epoch": run.epoch,
        "history": run.records,
        "dataset_sha256": data.digest,
        "images": dict(data.images),
        "start_sha256": run.start.sha256 if run.start else None,
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


def _other_run(last: Path, config: Config, data: DataSet, start: Start | None) -> str:
    """What makes the run that was left another one; nothing if it is the same."""
    content, found = checkpoint.read(last, needed=("dataset_sha256",))
    if difference := data.difference(found.model):
        return f"a run {difference}"
    # The configuration of an older run has no pixel width.
    found = found.model_copy(update={"model": data.describe(found.model)})
    # A run may go on with other numbers of epochs, patience or workers; but its learning rate may depend on epochs.
    free = {
        "training": {"patience", "workers", "tensorboard"}
        | ({"epochs"} if config.training.schedule == "milestones" else set())
    }
    if found.model_dump(exclude=free) != config.model_dump(exclude=free):
        return "a run of another configuration"
    if content["dataset_sha256"] != data.digest:
        return "a run on another data set"
    if content.get("start_sha256") != (start.sha256 if start else None):
        return "a run that began with other weights"
    return ""
