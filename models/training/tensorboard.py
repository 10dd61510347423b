"""The curves of a training run for TensorBoard."""

from collections.abc import Iterator
from pathlib import Path

from models.training.history import Record

FOLDER = "tensorboard"
# Of a record, what is no curve.
OTHERS = ("epoch", "events")


def append(folder: Path, record: Record) -> None:
    """Adds an epoch to the curves of a run.

    Args:
        folder: the run's; `tensorboard --logdir FOLDER` shows it.
        record: of the epoch. What was written of it or of later ones before, by a run that was killed, is forgotten.
    """
    from torch.utils.tensorboard import SummaryWriter

    epoch = record["epoch"]
    with SummaryWriter(folder / FOLDER, purge_step=epoch) as writer:
        for name, value in _curves(record):
            writer.add_scalar(name, value, epoch)


def _curves(record: Record) -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{part}", number) for part, number in value.items())
        elif name not in OTHERS:
            yield name, value
