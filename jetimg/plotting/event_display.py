"""One event as a picture: the sum of the channels with its boxes, and each channel by itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from detector.geometry.angles import TWO_PI
from jetimg.detections.table import EventDetections
from jetimg.event_file.event import Event, read_event
from jetimg.plotting.figures import colour, ink, save, styled
from jetimg.plotting.labels import Area, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"sum": "Sum of the channels", "tracker": "Tracker", "ecal": "ECAL", "hcal": "HCAL"}

# Inches: the figure; left, bottom and height of each panel; left, bottom, width and height of the colour bar.
WIDTH, HEIGHT = 11.5, 8.7
PANELS = {"sum": (0.65, 0.95, 6.9), "tracker": (8.0, 5.79, 2.06), "ecal": (8.0, 3.37, 2.06), "hcal": (8.0, 0.95, 2.06)}
BAR = (10.35, 0.95, 0.18, 6.9)

# The colours of hits, matplotlib's name; the scale starts where it can be told from white.
SCALE, SCALE_START = "viridis_r", 0.06

# The scale's ends in GeV, wider where an event needs it; the faintest hits are near 0.05.
FAINTEST, BRIGHTEST = 0.1, 100.0

# A hit is a square of at least this many points: three screen pixels, or it would be lost.
MIN_MARKER = 1.15

# A hit of 10 GeV is drawn this much larger than its pixel, one of 100 GeV twice this much.
GROWTH = 0.5

LABEL_POINTS = 7.5

# The line of a detection, beside the full line of a true box.
FOUND: dict[str, Any] = {"linestyle": (0, (3.5, 2))}

# By panel: flat pixels and values in GeV.
Hits = Mapping[str, tuple[NDArray[np.uint32], NDArray[np.floating]]]


def draw(path: Path, event: int, output: Path, found: EventDetections | None = None) -> None:
    """Draws one event of an event file or shard.

    Args:
        path: the event file.
        event: the event's number in it, from 0.
        output: the picture; its ending is its format.
        found: detections in the event, to draw beside its boxes.

    Raises:
        DataError: not a complete event file, or the picture cannot be written.
        ValueError: no such event (the message has the valid range) or no such picture format.
    """
    save(picture(read_event(path, event), found), output)


@styled()
def picture(event: Event, found: EventDetections | None = None) -> Figure:
    """An event in four panels, of which the sum is large and has the boxes' labels; detections are dashed."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    panels = {name: _panel(figure, name, event) for name in PANELS}
    hits: Hits = {"sum": event.total(), **event.channels}
    brightest = max((float(value.max()) for _, value in hits.values() if len(value)), default=0.0)
    norm = LogNorm(FAINTEST, max(BRIGHTEST, brightest), clip=True)
    for name, axes in panels.items():
        draw_hits(axes, event, *hits[name], norm)
        energy = float(hits[name][1].sum(dtype=np.float64))
        count = "" if name == "sum" else f"{len(hits[name][0]):,} pixels, "
        axes.set_title(f"{TITLES[name]}: {count}{energy:,.0f} GeV", fontsize=12 if name == "sum" else 9.5)
        _boxes(axes, event)
        _found_boxes(axes, event, found)
    _baseline(panels["sum"], event)
    _labels(panels["sum"], event, found)
    _legend(panels["sum"], event, found)
    _colour_bar(figure, norm)
    _title(panels["sum"], event, len(hits["sum"][0]))
    return figure


def box_pieces(event: Event, box: NDArray[np.floating]) -> list[Area]:
    """A box in (eta, phi): one piece, or two where it crosses phi = +-pi, each of full size.

    A piece that goes on at the other side reaches past the image's border, where the axes cut it.

    Args:
        event: whose grid it is.
        box: (4), eta_min, phi_min, eta_max, phi_max in pixels.
    """
    grid = event.grid
    eta = np.asarray(box[[0, 2]], dtype=np.float64) * grid.eta_pitch - grid.eta_max
    phi = np.asarray(box[[1, 3]], dtype=np.float64) * grid.phi_pitch - np.pi
    first = Area(float(eta[0]), float(phi[0]), float(eta[1]), float(phi[1]))
    if phi[1] <= np.pi:
        return [first]
    return [first, first._replace(y0=first.y0 - TWO_PI, y1=first.y1 - TWO_PI)]


def _panel(figure: Figure, name: str, event: Event) -> "Axes":
    left, bottom, height = PANELS[name]
    width = height * event.grid.n_eta / event.grid.n_phi  # pixels are square
    axes = figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT), label=name)
    frame(axes, event)
    lowest = name in ("sum", "hcal")
    axes.tick_params(labelsize=11 if name == "sum" else 8, length=3, labelbottom=lowest)
    if lowest:
        axes.set_xlabel("η", fontsize=13, labelpad=1)
    if name == "sum":
        axes.set_ylabel("φ", fontsize=13, labelpad=0, rotation=0)
    return axes


def frame(axes: "Axes", event: Event) -> None:
    """The image's borders and the ticks of an empty panel."""
    axes.spines[:].set_visible(True)
    axes.set_xlim(-event.grid.eta_max, event.grid.eta_max)
    axes.set_ylim(-np.pi, np.pi)
    axes.set_yticks(np.linspace(-np.pi, np.pi, 5), ["−π", "−π/2", "0", "π/2", "π"])
    axes.set_xticks(range(-2, 3))


def draw_hits(
    axes: "Axes", event: Event, pixel: NDArray[np.uint32], value: NDArray[np.floating], norm: LogNorm
) -> None:
    """A square a hit, its pixel or what can be seen, larger from 1 GeV up; the hardest hits on top."""
    order = np.argsort(value, kind="stable")
    eta, phi = event.grid.centre(pixel[order])
    side = max(_points(axes) / event.grid.n_phi, MIN_MARKER)
    growth = 1 + GROWTH * np.log10(np.maximum(value[order], 1.0))
    axes.scatter(
        eta,
        phi,
        c=value[order],
        s=(side * growth) ** 2,
        marker="s",
        linewidths=0,
        cmap=_colours(),
        norm=norm,
        label="hits",
        zorder=2,
    )


def _points(axes: "Axes") -> float:
    """The height of a panel in points, of which an inch has 72."""
    return float(axes.get_window_extent().height * 72 / axes.figure.dpi)


def _colours() -> ListedColormap:
    """White paper needs a scale whose faint end is not white."""
    return ListedColormap(colormaps[SCALE](np.linspace(SCALE_START, 1.0, 256)), name="hits")


def _boxes(axes: "Axes", event: Event) -> None:
    large = axes.get_label() == "sum"
    # The hardest jet last, on top.
    for row in reversed(range(len(event.jets["pt"]))):
        class_id = int(event.jets["class_id"][row])
        for x0, y0, x1, y1 in box_pieces(event, event.jets["box"][row]):
            patch = Rectangle((x0, y0), x1 - x0, y1 - y0, zorder=3, **_box_style(class_id, large=large))
            patch.set_label(event.class_names[class_id])
            axes.add_patch(patch)


def _found_boxes(axes: "Axes", event: Event, found: EventDetections | None) -> None:
    large = axes.get_label() == "sum"
    for row in reversed(range(0 if found is None else len(found.score))):
        assert found is not None
        for x0, y0, x1, y1 in box_pieces(event, found.box[row]):
            style = _box_style(int(found.class_id[row]), large=large) | FOUND
            axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, zorder=3.5, label="detection", **style))


def _box_style(class_id: int, *, large: bool) -> dict[str, Any]:
    return {"fill": False, "edgecolor": colour(class_id), "linewidth": 1.6 if large else 0.8}


def _baseline(axes: "Axes", event: Event) -> None:
    """A ring round the axis of each tagged jet; each class has its own size: a jet may have several tags."""
    tags = event.baseline
    for class_id in np.unique(tags["class_id"]):
        mine = tags["class_id"] == class_id
        style = _tag_style(int(class_id)) | {"markersize": 8 + 4 * int(class_id), "zorder": 4}
        axes.plot(tags["eta"][mine], tags["phi"][mine], label=f"{event.class_names[class_id]} tag", **style)


def _tag_style(class_id: int) -> dict[str, Any]:
    ring = {"linestyle": "none", "marker": "o", "markerfacecolor": "none", "markeredgewidth": 1.1}
    return ring | {"color": colour(class_id)}


def _labels(axes: "Axes", event: Event, found: EventDetections | None) -> None:
    """Class and pt of each true box, class and score of each detection."""
    classes, box = event.jets["class_id"], event.jets["box"]
    texts = [f"{event.class_names[k]} {pt:,.0f}" for k, pt in zip(classes, event.jets["pt"], strict=True)]
    if found is not None:
        texts += [f"{event.class_names[k]}? {score:.2f}" for k, score in zip(found.class_id, found.score, strict=True)]
        classes, box = np.concatenate([classes, found.class_id]), np.concatenate([box, found.box])
    draw_labels(axes, event, box, texts, [colour(int(k)) for k in classes])


def draw_labels(
    axes: "Axes", event: Event, box: NDArray[np.floating], texts: Sequence[str], colours: Sequence[str]
) -> None:
    """Writes a label to each box, off the others, on the piece of the box that shows more.

    Args:
        axes: a panel of the event.
        event: whose grid it is.
        box: (n, 4), pixels.
        texts: of each box.
        colours: of each label's ground.
    """
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    border = Area(x0, y0, x1, y1)
    point = (y1 - y0) / _points(axes)
    boxes = [max(box_pieces(event, one), key=border.overlap) for one in box]
    sizes = [((0.62 * len(text) + 0.4) * LABEL_POINTS * point, 1.35 * LABEL_POINTS * point) for text in texts]
    for ground, text, area in zip(colours, texts, place(boxes, sizes, border), strict=True):
        axes.text(
            (area.x0 + area.x1) / 2,
            (area.y0 + area.y1) / 2,
            text,
            color=ink(ground),
            fontsize=LABEL_POINTS,
            fontweight="bold",
            ha="center",
            va="center",
            bbox={"facecolor": ground, "edgecolor": "none", "pad": 0.8},
            zorder=5,
            clip_on=True,
        )


def _legend(axes: "Axes", event: Event, found: EventDetections | None) -> None:
    handles: list[Rectangle | Line2D] = [
        Rectangle((0, 0), 1, 1, label=f"{event.class_names[k]} box", **_box_style(int(k), large=True))
        for k in np.unique(event.jets["class_id"])
    ]
    handles += [
        Line2D([], [], markersize=9, label=f"baseline {event.class_names[k]} tag", **_tag_style(int(k)))
        for k in np.unique(event.baseline["class_id"])
    ]
    if found is not None:
        handles.append(Rectangle((0, 0), 1, 1, label="detection, with its score", fill=False, **FOUND))
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, -0.065),
        borderaxespad=0,
        ncols=8,
        fontsize=10.5,
        handlelength=1.4,
        columnspacing=1.4,
        title="Labels: class and pt in GeV. Hits above 1 GeV, and all in small panels, are drawn larger than a pixel.",
        title_fontsize=9.5,
        alignment="left",
    )


def _colour_bar(figure: Figure, norm: LogNorm) -> None:
    left, bottom, width, height = BAR
    axes = figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT), label="colour bar")
    bar = figure.colorbar(ScalarMappable(norm, _colours()), cax=axes)
    bar.set_label("sum of pt (tracker) or ET (ECAL, HCAL) in a pixel [GeV]", fontsize=11)
    bar.ax.tick_params(labelsize=9)


def _title(axes: "Axes", event: Event, n_pixels: int) -> None:
    """The sample, then where the event comes from."""
    corner = (0.0, _points(axes) + 30)
    sample = axes.annotate(event.sample, corner, xycoords="axes points", fontsize=18, fontweight="bold")
    text = f"{event.source}, entry {event.entry}   ·   split: {event.split}   ·   {n_pixels:,} pixels with hits"
    axes.annotate(text, (1, 0), xycoords=sample, xytext=(14, 4), textcoords="offset points", fontsize=12)
