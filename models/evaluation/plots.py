"""Pictures of an evaluation."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from jetimg.event_file.event import Event, read_event
from jetimg.event_file.store import Reader
from jetimg.plotting.event_display import BRIGHTEST, FAINTEST, box_pieces, draw_hits, draw_labels, frame
from jetimg.plotting.figures import FAINT, NEUTRAL, colour, line, save, styled
from models.evaluation.measure import BASELINE, Measured
from models.evaluation.metrics import score_at_recall
from models.evaluation.pairing import Ints
from models.evaluation.residuals import QUANTITIES
from models.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Residuals are drawn this far, in units that TEXTS names.
RANGES = {"eta": 0.3, "phi": 0.3, "pt": 1.0}
TEXTS = {"eta": "Δη", "phi": "Δφ [rad]", "pt": "pt / true pt - 1"}

# A histogram of fewer pairs is noise.
MIN_DRAWN = 30

EVENTS, MAX_DRAWN = 4, 6


def draw_all(found: Evaluation, folder: Path) -> None:
    """Draws all pictures into a folder."""
    save(precision_recall(found), folder / "precision_recall.png")
    save(residuals(found), folder / "residuals.png")
    save(resolution(found), folder / "resolution.png")
    save(events(found), folder / "events.png")


@styled()
def precision_recall(found: Evaluation) -> Figure:
    """Precision against recall: a panel a class, a line a detector."""
    names = found.truth.class_names
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.3 * columns + 0.4, 3.2 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat[len(names) :]:
        axes.remove()
    for class_id, (axes, name) in enumerate(zip(panels.flat, names, strict=False)):
        for one, style in _styled(found):
            if class_id in one.ranked and found.truth.counts[class_id]:
                curve = one.ranked[class_id].curve()
                axes.plot(curve.recall, curve.precision, marker="o", markevery=[-1], ms=4, **style)
        count = found.truth.counts[class_id]
        axes.set_title(f"{name}: {count:,} true jet{'s' * (count != 1)}", fontsize=10)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("recall")
    for axes in panels[:, 0]:
        axes.set_ylabel("precision")
    _legend(figure, found, f"Every cut on the score, {found.settings.rule}; a dot where the detections end")
    return figure


@styled()
def residuals(found: Evaluation) -> Figure:
    """Distributions of the residuals: a row a quantity, a column a class."""

    def panel(axes: "Axes", one: Measured, class_id: int, name: str, style: dict[str, Any]) -> None:
        values = getattr(one.residuals(found.truth.jets, class_id), name)
        values, edges = values[np.isfinite(values)], np.linspace(-RANGES[name], RANGES[name], 41)
        if len(values) >= MIN_DRAWN:
            # What lies outside counts as well: the area inside is the share of the pairs that is drawn.
            axes.stairs(np.histogram(values, edges)[0] / len(values) / np.diff(edges), edges, **style)
        axes.set(xlim=edges[[0, -1]], xlabel=TEXTS[name])

    title = f"Detections that are right, less their jets: shares of the pairs, where there are {MIN_DRAWN} of them"
    return _grid(found, panel, ["pairs, density"] * len(QUANTITIES), title)


@styled()
def resolution(found: Evaluation) -> Figure:
    """Half the central 68 % of the residuals against true pt: a row a quantity, a column a class."""

    def panel(axes: "Axes", one: Measured, class_id: int, name: str, style: dict[str, Any]) -> None:
        bins = (one.classes[found.truth.class_names[class_id]] or {})["against_pt"]
        rows = [row for row in bins if np.isfinite(row[name]["resolution"])]
        low = np.array([row["pt_from"] for row in rows])
        high = np.array([row["pt_to"] if np.isfinite(row["pt_to"]) else 1.2 * row["pt_from"] for row in rows])
        spreads = [row[name] for row in rows]
        axes.set(xlabel="true pt [GeV]")
        if not rows:
            return
        axes.errorbar(
            (low + high) / 2,
            [spread["resolution"] for spread in spreads],
            [spread["resolution_error"] for spread in spreads],
            (high - low) / 2,
            fmt="o",
            ms=3,
            lw=1.2,
            color=style["color"],
        )

    labels = [f"resolution of {text}" for text in TEXTS.values()]
    return _grid(found, panel, labels, "Half the central 68 % of the residuals; the last bin has no end")


Panel = Callable[["Axes", Measured, int, str, dict[str, Any]], None]


def _grid(found: Evaluation, panel: Panel, labels: list[str], title: str) -> Figure:
    """A row a quantity, a column a class that has true jets."""
    present = [k for k, count in enumerate(found.truth.counts) if count] or [0]
    figure = Figure(figsize=(2.7 * len(present) + 0.6, 2.5 * len(QUANTITIES) + 0.6), layout="constrained")
    panels = figure.subplots(len(QUANTITIES), len(present), squeeze=False, sharey="row")
    for row, (name, label) in enumerate(zip(QUANTITIES, labels, strict=True)):
        for column, class_id in enumerate(present):
            axes = panels[row, column]
            for one, style in _styled(found):
                if class_id in one.ranked:
                    panel(axes, one, class_id, name, style)
            if not axes.has_data():
                axes.text(0.5, 0.5, "too few pairs", transform=axes.transAxes, ha="center", color=FAINT)
            axes.tick_params(labelsize=8, labelleft=True)
            if row == 0:
                axes.set_title(found.truth.class_names[class_id])
        panels[row, 0].set_ylabel(label)
        # Last, because the limits are fixed from here on.
        panels[row, 0].set_ylim(bottom=0)
    _legend(figure, found, title)
    return figure


def _styled(found: Evaluation) -> Iterator[tuple[Measured, dict[str, Any]]]:
    """Each detector with its line; the baseline's is nearly black, with dashes and dots."""
    for number, one in enumerate(found.measured):
        base = one.detector.name == BASELINE
        yield one, {"lw": 1.4} | ({"color": NEUTRAL, "linestyle": "-."} if base else line(number))


def _legend(figure: Figure, found: Evaluation, title: str) -> None:
    handles = [Line2D([], [], label=one.detector.name, **style) for one, style in _styled(found)]
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(handles=handles, loc="outside lower left", ncols=6, fontsize=9)


@styled()
def events(found: Evaluation) -> Figure:
    """Some events, a row each: true jets dotted, each detector's boxes in a column of its own."""
    shown = [(number, _event(found, number)) for number in _chosen(found)]
    rows, columns = max(len(shown), 1), max(len(found.measured), 1)
    figure = Figure(figsize=(3.9 * columns + 0.3, 4.15 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for (number, event), row in zip(shown, panels, strict=False):
        for one, axes in zip(found.measured, row, strict=False):
            frame(axes, event)
            axes.set_aspect(event.grid.eta_pitch / event.grid.phi_pitch)
            axes.set_title(f"{one.detector.name}, event {number:,}: {event.sample}", fontsize=10)
    _events_legend(figure, found)
    # Sizes of hits and labels follow those of the panels.
    figure.draw_without_rendering()
    for (number, event), row in zip(shown, panels, strict=False):
        for one, axes in zip(found.measured, row, strict=False):
            _true_boxes(axes, event)
            _found_boxes(axes, event, one, number)
    return figure


def _events_legend(figure: Figure, found: Evaluation) -> None:
    names = found.truth.class_names
    handles = [Line2D([], [], color=colour(k), lw=1.8, label=name) for k, name in enumerate(names)]
    handles.append(Line2D([], [], color=NEUTRAL, linestyle=":", lw=1.6, label="true"))
    figure.suptitle(
        f"Labels: class, score and pt in GeV, of at most {MAX_DRAWN} detections above the cut of recall 0.5",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    figure.legend(handles=handles, loc="outside lower left", ncols=9, fontsize=9)


def _chosen(found: Evaluation) -> list[int]:
    """Numbers of events with true jets, spread over all of them."""
    present = np.unique(found.truth.jets.event)
    places = np.unique(np.arange(EVENTS) * len(present) // EVENTS) if len(present) else np.empty(0, np.int64)
    numbers: list[int] = present[places].tolist()
    return numbers


def _event(found: Evaluation, number: int) -> Event:
    """The event of this number."""
    number = int(found.numbers[number])
    first = [0]
    for path in found.shards:
        with Reader(path) as reader:
            first.append(first[-1] + reader.n_events)
    shard = bisect_right(first, number) - 1
    return read_event(found.shards[shard], number - first[shard])


def _true_boxes(axes: "Axes", event: Event) -> None:
    """The summed image with the true jets."""
    pixel, value = event.total()
    draw_hits(axes, event, pixel, value, LogNorm(FAINTEST, max(BRIGHTEST, float(value.max(initial=0))), clip=True))
    for box, class_id in zip(event.jets["box"], event.jets["class_id"].tolist(), strict=True):
        _rectangles(axes, event, box, edgecolor=colour(class_id), linestyle=":", linewidth=1.6, zorder=3)


def _found_boxes(axes: "Axes", event: Event, one: Measured, number: int) -> None:
    rows = _drawn(one, number)
    found = one.detector.found.take(rows)
    texts = []
    for box, class_id, score, pt in zip(found.box, found.class_id.tolist(), found.score, found.pt, strict=True):
        _rectangles(axes, event, box, edgecolor=colour(class_id), linestyle="-", linewidth=1.8, zorder=4)
        known = f" {pt:,.0f}" if np.isfinite(pt) else ""
        texts.append(f"{event.class_names[class_id]} {score:.2f}{known}")
    draw_labels(axes, event, found.box, texts, [colour(k) for k in found.class_id.tolist()])


def _drawn(one: Measured, number: int) -> Ints:
    """The most certain detections of an event, of those above their class's cut of recall 0.5 (if that is reached)."""
    found = one.detector.found
    rows = np.arange(*np.searchsorted(found.event, [number, number + 1]))
    cut = {k: np.nan_to_num(score_at_recall(ranked.curve(), 5)) for k, ranked in one.ranked.items()}
    rows = rows[[found.score[row] >= cut[int(found.class_id[row])] for row in rows]] if len(rows) else rows
    return rows[np.argsort(-found.score[rows], kind="stable")][:MAX_DRAWN]


def _rectangles(axes: "Axes", event: Event, box: Any, **style: Any) -> None:
    """A box, on both sides if it crosses the seam."""
    for x0, y0, x1, y1 in box_pieces(event, box):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, **style))
