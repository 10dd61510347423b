"""Pictures of classifiers: ROC curves, measures against the energy, the curve of examples, and the examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from jetimg.plotting.figures import NEUTRAL, line, save, styled
from models.classify import metrics
from models.classify.classify import CONTINUED, Result, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AGAINST = {"energy": "E [GeV]", "pt": "pt [GeV]", "sum_pt": "scalar sum of pt [GeV]"}
# Examples of each class that are drawn.
DRAWN = 6


def draw_all(result: Result, folder: Path) -> list[str]:
    """Draws the pictures into a folder; their names."""
    made = {"roc.png": roc(result), "energy.png": energy(result), "examples.png": examples(result)}
    if len({run.n_training for run in result.runs}) > 1:
        made["curve.png"] = curve(result)
    for name, figure in made.items():
        save(figure, folder / name)
    return list(made)


@styled()
def roc(result: Result) -> Figure:
    """The background that is rejected against the efficiency of the signal: a panel a signal, a line a network."""
    figure, panels = _panels(result)
    test = result.examples[result.test]
    for (signal, axes), run, style in _each(result, panels):
        k = test.class_names.index(signal)
        points = metrics.curve(run.score[:, k], test.label == k)
        kept, background = np.array(points["signal"]), np.array(points["background"])
        shown = background > 0
        axes.plot(kept[shown], 1 / background[shown], label=f"{run.name}: AUC {run.measures[signal].auc:.4f}", **style)
    for signal, axes in panels.items():
        guide = np.linspace(0.02, 1, 50)
        axes.plot(guide, 1 / guide, color=NEUTRAL, lw=0.8, ls=":", label="by chance")
        axes.set(yscale="log", xlim=(0, 1), xlabel=f"share of {signal} that is kept", title=_title(result, signal))
        axes.set_ylabel("1 / share of the background that is kept")
        axes.legend(fontsize="small")
    return figure


@styled()
def energy(result: Result) -> Figure:
    """The area under the ROC curve against the energy: a panel a signal, a line a network."""
    figure, panels = _panels(result)
    for (signal, axes), run, style in _each(result, panels):
        rows = run.against_energy[signal]
        middle = np.array([(row["from"] + row["to"]) / 2 for row in rows])
        width = np.array([(row["to"] - row["from"]) / 2 for row in rows])
        axes.errorbar(
            middle,
            [row["auc"] for row in rows],
            yerr=[row["auc_error"] for row in rows],
            xerr=width,
            marker="o",
            ms=3,
            lw=1,
            label=run.name,
            **style,
        )
    for signal, axes in panels.items():
        axes.axhline(0.5, color=NEUTRAL, lw=0.8, ls=":")
        axes.set(xlabel=AGAINST[result.classifier.task.against], ylabel="AUC", title=_title(result, signal))
        axes.legend(fontsize="small")
    return figure


@styled()
def curve(result: Result) -> Figure:
    """The area under the ROC curve against the number of training examples, the mean of the seeds and their spread."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(dict.fromkeys(run.name for run in result.runs)):
        runs = [run for run in result.runs if run.name == name]
        sizes = sorted({run.n_training for run in runs})
        style: dict[str, Any] = dict(line(number))
        areas = [[run.auc for run in runs if run.n_training == size] for size in sizes]
        axes.errorbar(
            sizes,
            [np.mean(some) for some in areas],
            yerr=[np.std(some) for some in areas],
            marker="o",
            capsize=2,
            label=name if name.endswith(CONTINUED) else f"{name}, from scratch",
            **style,
        )
    axes.set(xscale="log", xlabel="training examples", ylabel="AUC", title="Mean and spread of trainings")
    axes.legend()
    return figure


@styled()
def examples(result: Result) -> Figure:
    """The first test examples of each class, as the networks see them: the sum of the channels."""
    test, pool = result.examples[result.test], result.classifier.task.pool
    figure = Figure(figsize=(1.5 * DRAWN, 1.7 * len(test.class_names) + 0.2), layout="constrained")
    panels = figure.subplots(len(test.class_names), DRAWN, squeeze=False)
    for k, row in enumerate(panels):
        some = test.take(np.flatnonzero(test.label == k)[:DRAWN])
        images = some.images().sum(1)
        n, height, width = images.shape
        images = images.reshape(n, height // pool, pool, width // pool, pool).sum((2, 4))
        for axes, image, value in zip(row, images, some.energy, strict=False):
            axes.imshow(np.log1p(image), origin="lower", cmap="viridis", interpolation="nearest")
            axes.set_title(f"{test.class_names[k]}, {value:.3g} GeV", fontsize=8)
        for axes in row:
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel("η")
    for axes in panels[-1]:
        axes.set_xlabel("φ")
    return figure


def _panels(result: Result) -> tuple[Figure, dict[str, "Axes"]]:
    """A figure with a panel for each signal."""
    signals = list(result.runs[0].measures)
    columns = min(len(signals), 3)
    rows = -(-len(signals) // columns)
    figure = Figure(figsize=(4.6 * columns + 0.6, 4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flat
    panels = dict(zip(signals, grid, strict=False))
    for axes in list(figure.axes)[len(signals) :]:
        axes.remove()
    return figure, panels


def _each(result: Result, panels: dict[str, "Axes"]) -> Sequence[tuple[tuple[str, "Axes"], Run, dict[str, Any]]]:
    return [(panel, run, line(number)) for number, run in enumerate(result.best) for panel in panels.items()]


def _title(result: Result, signal: str) -> str:
    names = result.examples[result.test].class_names
    return f"{signal} against {names[1] if len(names) == 2 else 'the others'}"
