"""A training run in one process: network, optimizer, averaged weights; begun, or gone on with."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from jetimg.common.errors import DataError
from jetimg.loader.torch_dataset import dense
from models import compress
from models.networks.build import Network, build
from models.networks.config import Config
from models.trained import checkpoint
from models.training import history, optimization, slimming
from models.training.distributed import Worker
from models.training.images import Images
from models.training.start import Start

logger = logging.getLogger(__name__)

# Batches from which a quantized network takes the ranges of its numbers.
BATCHES_TO_CALIBRATE = 8


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
    teacher_sha256: str | None = None
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


def begin(
    worker: Worker, config: Config, last: Path, training: Images, start: Start | None, teacher: Start | None
) -> Run:
    """A new run, or the one that was left.

    Args:
        worker: the process.
        config: network and training.
        last: the state that was left, if there is such a file.
        training: events that ranges of numbers are taken from.
        start: whose weights a new run begins with.
        teacher: whom it also learns from.

    Raises:
        DataError: the file holds another state.
    """
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
    if teacher:
        run.teacher, run.teacher_sha256 = _frozen(teacher, network, config, worker.device), teacher.sha256
    if chosen.slimming:
        run.costs = slimming.known(config.model).costs(config.model)
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


def _frozen(teacher: Start, student: Network, config: Config, device: torch.device) -> Network:
    """A network that only says what it sees.

    Raises:
        DataError: it looks at other places than the one that is to learn from it.
    """
    network, found = checkpoint.load(teacher.path, device)
    boxes, others = network.default_boxes, student.default_boxes
    if found.model.per_class != config.model.per_class or not torch.equal(boxes, others):
        raise DataError(f"{teacher.path}: other default boxes or scores than the network that is to learn from it")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.requires_grad_(False)


def _first_images(images: Images, config: Config, device: torch.device) -> Iterator[Tensor]:
    """Some events as they are, normalised."""
    size = config.training.batch_size
    for start in range(0, min(size * BATCHES_TO_CALIBRATE, images.n_events), size):
        batch = images.read(start, min(start + size, images.n_events))
        yield dense(batch, device, config.model.normalisation).pixels
