"""Training a classifier: the loop, and the checkpoint it leaves behind.

An epoch follows from seed and number alone, so that a training on a CPU gives the same weights again, bit for bit. The
weights that are kept are the averaged ones of the epoch with the highest area under the ROC curve on the validation
examples.
"""

import copy
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from detector.common.progress import bar
from jetimg.common.errors import DataError
from models.classify import architectures
from models.classify.config import Classifier
from models.classify.data import Examples
from models.classify.inputs import Flips, Inputs
from models.classify.metrics import mean_auc
from models.trained import checkpoint
from models.training import history, optimization

logger = logging.getLogger(__name__)

FORMAT = "jetimg-classifier"
# Examples that are measured at once.
MEASURED = 1024
# A small set is passed over several times in an epoch.
MIN_STEPS = 20
# Steps that are timed to find how many epochs fit into some seconds; those before them are slow.
WARM_STEPS, TIMED_STEPS = 5, 20


@dataclass
class Trained:
    """A classifier that was trained.

    Attributes:
        classifier: its configuration; `training.epochs` are those that were done.
        class_names: of its outputs.
        shape: channels, rows and columns of its window.
        network: in evaluation mode.
        records: an epoch each, see `models.training.history`.
        seconds, processor_seconds: of the training, without reading.
    """

    classifier: Classifier
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    network: nn.Module
    records: list[history.Record] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def parameters(self) -> int:
        """Weights and running statistics."""
        return sum(value.numel() for value in self.network.state_dict().values() if value.is_floating_point())


def train(
    classifier: Classifier,
    training: Examples,
    validation: Examples,
    device: torch.device,
    *,
    start: Trained | None = None,
    seconds: float | None = None,
) -> Trained:
    """Trains a classifier.

    Args:
        classifier: what and how.
        training, validation: examples of the same classes.
        device: where it computes.
        start: what it begins as; random weights if None.
        seconds: of training, instead of `training.epochs`: as many epochs as fit; processor seconds on a CPU.

    Raises:
        DataError: the start is of another window or number of classes.
    """
    torch.manual_seed(classifier.training.seed)
    n_classes = len(training.class_names)
    network = architectures.build(classifier, training.shape, n_classes).to(device)
    if start is not None:
        _check_start(start, classifier, training)
        network.load_state_dict(start.network.state_dict())
    inputs = Inputs(training, classifier, device)
    if seconds is not None:
        classifier = _within(classifier, copy.deepcopy(network), inputs, seconds)
    made = Trained(classifier, training.class_names, training.shape, network)
    begun, processor = time.perf_counter(), time.process_time()
    _train(made, inputs, Inputs(validation, classifier, device))
    made.seconds, made.processor_seconds = time.perf_counter() - begun, time.process_time() - processor
    return made


def _check_start(start: Trained, classifier: Classifier, training: Examples) -> None:
    """Refuses a start that was made for another window, other classes or another network."""
    facts = {
        "network": (start.classifier.network, classifier.network),
        "input": (start.classifier.task.input, classifier.task.input),
        "window": (start.shape, training.shape),
        "pool": (start.classifier.task.pool, classifier.task.pool),
        "number of classes": (len(start.class_names), len(training.class_names)),
    }
    for what, (found, wanted) in facts.items():
        if found != wanted:
            raise DataError(f"the start has another {what}: {found}; here it is {wanted}")


def _train(made: Trained, training: Inputs, validation: Inputs) -> None:
    """All epochs; the network ends with the weights of the best one."""
    chosen, network = made.classifier.training, made.network
    optimizer = optimization.optimizer(network, chosen)
    scheduler = optimization.scheduler(optimizer, chosen, steps_of(len(training), chosen.batch_size))
    average = optimization.averaged(network, chosen.ema)
    kept = network if average is None else average.module
    best, state = -1.0, copy.deepcopy(network.state_dict())
    for epoch in range(chosen.epochs):
        begun, rate = time.perf_counter(), scheduler.get_last_lr()[0]
        batches = _batches(training, chosen.batch_size, (chosen.seed, epoch))
        total = torch.zeros((), device=training.label.device)
        network.train()
        with bar(f"epoch {epoch + 1}", len(batches)) as progress:
            for rows in batches:
                total += _step(network, training, rows, made.classifier, optimizer)
                scheduler.step()
                if average is not None:
                    average.update_parameters(network)
                progress(1)
        record: history.Record = {
            "epoch": epoch + 1,
            "learning_rate": rate,
            "train": {"total": float(total) / len(batches)},
        }
        record |= _measured(kept, validation) | {"seconds": round(time.perf_counter() - begun, 3)}
        made.records.append(record)
        if record["auc"] > best:
            best, state = record["auc"], copy.deepcopy(kept.state_dict())
    network.load_state_dict(state)
    network.eval()


def _measured(network: nn.Module, validation: Inputs) -> history.Record:
    """The loss and the area under the ROC curve on validation examples."""
    network.eval()
    score, label = scores(network, validation), validation.label.cpu().numpy()
    right = np.maximum(score[np.arange(len(label)), label], 1e-12)
    return {"validation": {"total": float(-np.log(right).mean())}, "auc": mean_auc(score, label)}


def _step(
    network: nn.Module, inputs: Inputs, rows: Tensor, classifier: Classifier, optimizer: torch.optim.Optimizer
) -> Tensor:
    """One step of all weights; the loss before it."""
    flips = None
    if classifier.training.flip:
        flips = Flips(*(torch.rand(2, len(rows), 1) < 0.5).to(rows.device))
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(network(inputs.of(rows, flips)), inputs.label[rows])
    loss.backward()  # type: ignore[no-untyped-call]
    if classifier.training.clip:
        nn.utils.clip_grad_norm_(network.parameters(), classifier.training.clip)
    optimizer.step()
    return loss.detach()


def steps_of(n_examples: int, batch_size: int) -> int:
    """Steps of an epoch."""
    return max(n_examples // batch_size, MIN_STEPS)


def _batches(inputs: Inputs, batch_size: int, seeds: tuple[int, ...]) -> list[Tensor]:
    """The places of an epoch's examples, a tensor a step, in an order of their own."""
    random, size = np.random.default_rng(seeds), min(batch_size, len(inputs))
    torch.manual_seed(int(random.integers(2**31)))
    steps = steps_of(len(inputs), batch_size)
    passes = -(-steps * size // len(inputs))
    order = np.concatenate([random.permutation(len(inputs)) for _ in range(passes)])[: steps * size]
    return list(torch.split(torch.from_numpy(order).to(inputs.label.device), size))


def _within(classifier: Classifier, network: nn.Module, inputs: Inputs, seconds: float) -> Classifier:
    """The configuration with as many epochs as fit into some seconds, one at least."""
    chosen, device = classifier.training, inputs.label.device
    optimizer = optimization.optimizer(network, chosen)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    network.train()
    begun = 0.0
    for step, rows in enumerate(_batches(inputs, chosen.batch_size, (chosen.seed,))[: WARM_STEPS + TIMED_STEPS]):
        if step == WARM_STEPS:
            begun = clock()
        float(_step(network, inputs, rows, classifier, optimizer))
        timed = step + 1 - WARM_STEPS
    a_step = (clock() - begun) / timed
    epochs = max(1, round(seconds / (a_step * steps_of(len(inputs), chosen.batch_size))))
    return classifier.model_copy(update={"training": chosen.model_copy(update={"epochs": epochs})})


@torch.no_grad()
def scores(network: nn.Module, inputs: Inputs) -> NDArray[np.float64]:
    """The probability of each class, (examples, classes)."""
    rows = torch.arange(len(inputs), device=inputs.label.device)
    parts = [network(inputs.of(some)).double().softmax(1).cpu() for some in torch.split(rows, MEASURED)]
    return torch.cat(parts).numpy()


def save(made: Trained, path: Path) -> None:
    """Writes a checkpoint of a classifier.

    Raises:
        DataError: it cannot be written.
    """
    content: dict[str, Any] = {"config": made.classifier.model_dump(mode="json"), "weights": made.network.state_dict()}
    checkpoint.write(path, content | {"class_names": list(made.class_names), "shape": list(made.shape)}, FORMAT)


def load(path: Path, device: torch.device) -> Trained:
    """The classifier of a checkpoint, in evaluation mode.

    Raises:
        DataError: not a checkpoint of a classifier, or damaged.
    """
    content = checkpoint.read_content(path, device, ("class_names", "shape"), FORMAT)
    try:
        classifier = Classifier.model_validate(content["config"])
        names, shape = tuple(map(str, content["class_names"])), tuple(map(int, content["shape"]))
        assert len(shape) == 3
        with torch.device("meta"):  # shapes without numbers, before memory is asked for
            network = architectures.build(classifier, shape, len(names))
        network.load_state_dict(content["weights"], assign=True)
    except (ValidationError, AssertionError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: weights do not fit its configuration: {' '.join(str(error).split())[:300]}"
        ) from error
    return Trained(classifier, names, shape, network.to(device).eval())
