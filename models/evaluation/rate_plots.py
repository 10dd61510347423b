"""Pictures of an evaluation that need a cut on the score, or bins: pt, pile-up, false positives, confusion."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jetimg.plotting.figures import FAINT, NEUTRAL, ink, line, save, styled
from models.evaluation.efficiency import PT_BINS
from models.evaluation.measure import BASELINE, Measured
from models.evaluation.rate_sheets import bin_name
from models.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Fewer true jets in a bin, or detections in one of the score, are noise.
MIN_JETS, MIN_DETECTIONS = 10, 20

# An event, from one in a thousand events on.
FALSE_POSITIVES = (1e-3, 30.0)

Style = dict[str, Any]
Panel = Callable[["Axes", Measured, int, Style], None]


def draw_all(found: Evaluation, folder: Path) -> None:
    """Draws all pictures into a folder."""
    save(ap_by_pt(found), folder / "ap_by_pt.png")
    save(efficiency(found), folder / "efficiency.png")
    save(false_positives(found), folder / "false_positives.png")
    save(confusion(found), folder / "confusion.png")
    save(calibration(found), folder / "calibration.png")


@styled()
def ap_by_pt(found: Evaluation) -> Figure:
    """Average precision in bins of the true pt, a panel a class, with its error and the ceiling."""

    def panel(axes: "Axes", one: Measured, class_id: int, style: Style) -> None:
        bins = _numbers(found, one, class_id)["ap_by_pt"]
        known = [k for k, row in enumerate(bins) if row["true_jets"] >= MIN_JETS]
        values = [bins[k]["ap_11"] for k in known]
        errors = [np.nan_to_num(bins[k].get("ap_11_error", np.nan)) for k in known]
        if known:  # nothing drawn is told from an empty line
            axes.errorbar(known, values, errors, **_marked(style))
        _pt_axis(axes)

    figure, panels = _panels(found, panel)
    for axes in panels[:, 0]:
        axes.set_ylabel("average precision (11 points)")
    return _finished(figure, found, f"In bins of the true pt with at least {MIN_JETS} true jets")


@styled()
def efficiency(found: Evaluation) -> Figure:
    """The share of the jets that is found at the working point: against pt, and against vertices where known."""
    rows = [_against_pt, *([_against_vertices] if len(found.truth.n_vertices) and _vertices_known(found) else [])]
    present = _present(found)
    figure = Figure(figsize=(2.9 * len(present) + 0.6, 2.9 * len(rows) + 0.7), layout="constrained")
    panels = figure.subplots(len(rows), len(present), squeeze=False, sharey=True, sharex="row")
    for draw, line_of in zip(rows, panels, strict=True):
        for class_id, axes in zip(present, line_of, strict=True):
            axes.set_title(found.truth.class_names[class_id], fontsize=10)
            axes.set_ylim(0, 1.03)
            for one, style in styled_detectors(found):
                if class_id in one.ranked:
                    draw(axes, _numbers(found, one, class_id), style)
            if not axes.has_data():
                axes.text(0.5, 0.5, "too few jets", transform=axes.transAxes, ha="center", color=FAINT)
        line_of[0].set_ylabel("efficiency at the working point")
    title = (
        f"Share of the true jets that is found, cut at the largest F1; errors of 68 %; bins of {MIN_JETS} jets or more"
    )
    return _finished(figure, found, title)


def _against_pt(axes: "Axes", numbers: Style, style: Style) -> None:
    bins = numbers["efficiency_by_pt"]
    _bars(axes, [(k, row) for k, row in enumerate(bins)], style)
    _pt_axis(axes)


def _against_vertices(axes: "Axes", numbers: Style, style: Style) -> None:
    bins = numbers["efficiency_by_vertices"]
    _bars(axes, [((row["from"] + row["to"] - 1) / 2, row) for row in bins], style)
    axes.set_xlabel("vertices in the event")


def _bars(axes: "Axes", rows: list[tuple[float, Style]], style: Style) -> None:
    known = [(x, row) for x, row in rows if row["true_jets"] >= MIN_JETS]
    if not known:
        return
    values = np.array([row["efficiency"] for _, row in known])
    low, high = (np.array([row[key] for _, row in known]) for key in ("low", "high"))
    # Rounding may put an end of the interval on the wrong side of 0 or 1.
    errors = np.maximum([values - low, high - values], 0)
    axes.errorbar([x for x, _ in known], values, errors, **_marked(style))


@styled()
def false_positives(found: Evaluation) -> Figure:
    """Efficiency against wrong detections an event, a panel a class; dots are the working points."""

    def panel(axes: "Axes", one: Measured, class_id: int, style: Style) -> None:
        point = _numbers(found, one, class_id)["working_point"]
        # Before anything is drawn: numbers that are all 0 have no place on the axis, and matplotlib would warn.
        axes.set(xscale="log", xlim=FALSE_POSITIVES, ylim=(0, 1.03), xlabel="wrong detections an event")
        if one is found.oracle:
            axes.axhline(point["recall"], **style)
        else:
            curve = one.ranked[class_id].curve()
            wrong = (curve.kept - curve.right) / max(found.truth.n_events, 1)
            axes.plot(wrong, curve.recall, **style)
            axes.plot([point["false_positives"]], [point["recall"]], marker="o", ms=5, color=style["color"])

    figure, panels = _panels(found, panel)
    for axes in panels[:, 0]:
        axes.set_ylabel("efficiency")
    return _finished(figure, found, "Every cut on the score; a dot at the one with the largest F1")


@styled()
def confusion(found: Evaluation) -> Figure:
    """Shares of the true jets on which a detection of each class lies, a panel a detector."""
    columns = max(min(len(found.measured), 3), 1)
    rows = max(-(-len(found.measured) // columns), 1)
    figure = Figure(figsize=(4.1 * columns + 0.2, 3.7 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(found.measured) :]:
        axes.remove()
    for axes, one in zip(panels.flat, found.measured, strict=False):
        _matrix(axes, found, one)
    figure.suptitle(
        "Share of the true jets on which a detection lies, at the working point", x=0.01, ha="left", fontsize=11
    )
    return figure


def _matrix(axes: "Axes", found: Evaluation, one: Measured) -> None:
    totals = dict(zip(found.truth.class_names, found.truth.counts, strict=True))
    axes.set_title(one.detector.name, fontsize=10)
    true, names = [name for name, n in totals.items() if n], [*one.confusion["no_jet"], "nothing"]
    if not true:
        axes.text(0.5, 0.5, "no true jets", transform=axes.transAxes, ha="center", color=FAINT)
        return
    counts = [[*one.confusion["of"][name].values(), one.confusion["none"][name]] for name in true]
    shares = np.array(
        [np.array(row) / totals[name] for name, row in zip(true, counts, strict=True)]
    ).reshape(len(true), len(names))  # fmt: skip
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            ground = "#{:02x}{:02x}{:02x}".format(*image.cmap(share, bytes=True)[:3])
            axes.text(j, i, f"{share:.2f}", ha="center", va="center", fontsize=9, color=ink(ground))
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(true)), true)
    axes.set(xlabel="detections", ylabel="true jets")


@styled()
def calibration(found: Evaluation) -> Figure:
    """The reliability diagram: share of right detections against their score, a panel a class."""

    def panel(axes: "Axes", one: Measured, class_id: int, style: Style) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
        if not one.detector.probability:
            return
        bins = [
            row for row in _numbers(found, one, class_id)["calibration"]["bins"] if row["detections"] >= MIN_DETECTIONS
        ]
        axes.plot([row["score"] for row in bins], [row["right"] for row in bins], marker="o", ms=3.5, **style)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score")

    figure, panels = _panels(found, panel)
    for axes in panels[:, 0]:
        axes.set_ylabel("share that is right")
    text = f"On the grey line a score is a probability; bins of at least {MIN_DETECTIONS} detections"
    return _finished(figure, found, text, [one for one in found.measured if one.detector.probability])


def styled_detectors(found: Evaluation) -> Iterator[tuple[Measured, Style]]:
    """Each detector with its line: the ceiling faint, the classical jets nearly black."""
    if found.oracle is not None:
        yield found.oracle, {"lw": 1.2, "color": FAINT, "linestyle": "--"}
    for number, one in enumerate(found.measured):
        base = one.detector.name == BASELINE
        yield one, {"lw": 1.4} | ({"color": NEUTRAL, "linestyle": "-."} if base else line(number))


def _present(found: Evaluation) -> list[int]:
    return [k for k, count in enumerate(found.truth.counts) if count] or [0]


def _numbers(found: Evaluation, one: Measured, class_id: int) -> Style:
    return one.classes[found.truth.class_names[class_id]] or {}


def _vertices_known(found: Evaluation) -> bool:
    return bool((found.truth.n_vertices >= 0).any())


def _panels(found: Evaluation, panel: Panel) -> tuple[Figure, Any]:
    """A panel a class that has true jets, and in it each detector that knows the class."""
    present = _present(found)
    columns = min(len(present), 3)
    rows = -(-len(present) // columns)
    figure = Figure(figsize=(3.4 * columns + 0.4, 3.1 * rows + 0.7), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in panels.flat[len(present) :]:
        axes.remove()
    for class_id, axes in zip(present, panels.flat, strict=False):
        count = found.truth.counts[class_id]
        axes.set_title(f"{found.truth.class_names[class_id]}: {count:,} true jet{'s' * (count != 1)}", fontsize=10)
        for one, style in styled_detectors(found):
            if class_id in one.ranked:
                panel(axes, one, class_id, style)
        if not axes.has_data():
            axes.text(0.5, 0.5, "too few jets", transform=axes.transAxes, ha="center", color=FAINT)
    return figure, panels


def _pt_axis(axes: "Axes") -> None:
    names = [bin_name(*edges) for edges in itertools.pairwise(PT_BINS)]
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, 1.03), xlabel="true pt [GeV]")


def _marked(style: Style) -> Style:
    return style | {"marker": "o", "ms": 3.5, "capsize": 2}


def _finished(figure: Figure, found: Evaluation, title: str, shown: list[Measured] | None = None) -> Figure:
    """Title and legend; of some detectors if not all are shown."""
    handles = [
        Line2D([], [], label=one.detector.name, **style)
        for one, style in styled_detectors(found)
        if shown is None or one in shown
    ]
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(handles=handles, loc="outside lower left", ncols=6, fontsize=9)
    return figure
