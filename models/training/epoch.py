"""One pass over the events: the steps of training, and the loss of validation."""

import logging
import math
import time
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.algorithms.join import Join
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from detector.common.progress import bar
from jetimg.common.errors import DataError
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import dense
from models.data.data_set import mask_truth, truth
from models.networks.distillation import imitation
from models.networks.loss import Loss, of_batch
from models.training import history, optimization, slimming
from models.training.distributed import Worker
from models.training.images import Images
from models.training.run import Run

logger = logging.getLogger(__name__)

# Steps after which a run says how long it will take; the first ones are slow.
STEPS_TO_ESTIMATE = 3


def train_epoch(run: Run, images: Images) -> dict[str, float]:
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
                penalty = slimming.known(run.config.model).penalty(run.network, run.costs)
                total = total + run.config.training.slimming * penalty
            _step(run, total)
            means.add(parts)
            progress(1)
            if run.worker.first and not run.records and step + 1 == min(STEPS_TO_ESTIMATE, len(images)):
                _estimate(run, len(images), (time.perf_counter() - begun) / (step + 1))
    return means.result()


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
def validate(run: Run, images: Images) -> dict[str, float]:
    """The mean loss of the steps over the validation events."""
    run.network.eval()
    run.kept.eval()
    means = _Means(run.worker)
    for batch in DataLoader(images, batch_size=None, num_workers=run.config.training.workers):
        means.add(_loss(run, batch))
    return means.result()


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
        f"{duration(seconds * steps)} an epoch, {duration(in_all)} for {chosen.epochs} epochs, plus validation"
    )


def duration(seconds: float) -> str:
    """In the unit that people would say."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
