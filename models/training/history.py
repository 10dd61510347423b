"""How a training run went: one JSON line an epoch, and a plot."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jetimg.common.atomic import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# An epoch's record: epoch, learning_rate at its start, seconds, events a second, train and validation losses by part,
# and what decides on validation events, if it is not the loss: a key of `MEASURES`.
Record = dict[str, Any]
# Of a detector; a classifier has the first alone.
PARTS = ("total", "classification", "localisation", "regression")
MEASURES = {"ap": "mean average precision", "auc": "area under the ROC curve"}
# Of networks with masks, of those with a teacher.
ALL_PARTS = (*PARTS, "mask", "imitation")


def write(folder: Path, history: Sequence[Record]) -> None:
    """Writes all of metrics.jsonl and loss.png: a resumed run leaves no lines twice."""
    write_text(folder / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in history))
    plot(folder / "loss.png", history)


def plot(path: Path, history: Sequence[Record]) -> None:
    """The loss against the epoch, each part for training and validation, and what decides below it."""
    from jetimg.plotting.figures import save, styled

    with styled():
        save(_figure(history), path)


def _figure(history: Sequence[Record]) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from jetimg.plotting.figures import colour

    measured = [key for key in MEASURES if all(key in record for record in history)]
    figure = Figure(figsize=(7, 6.5 if measured else 4.5), layout="constrained")
    axes, *below = figure.subplots(
        1 + len(measured), sharex=True, squeeze=False, height_ratios=[2, *(1 for _ in measured)]
    )[:, 0]
    epochs = [record["epoch"] for record in history]
    for panel, key in zip(below, measured, strict=True):
        panel.plot(epochs, [record[key] for record in history], "k.-")
        panel.set(xlabel="epoch", ylabel=MEASURES[key])
    for number, part in enumerate(ALL_PARTS):
        for split, style in (("train", "-"), ("validation", "--")):
            if all(part in record.get(split, {}) for record in history):
                values = [record[split][part] for record in history]
                axes.plot(epochs, values, style, color=colour(number), label=f"{part}, {split}", marker=".")
    axes.set(xlabel="" if measured else "epoch", ylabel="loss", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", fontsize="small", ncols=len(PARTS))
    return figure
