"""One event with several sets of boxes, side by side."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from jetimg.event_file.event import Event
from jetimg.plotting.event_display import BRIGHTEST, FAINTEST, box_pieces, draw_hits, draw_labels, frame
from jetimg.plotting.figures import colour

# Inches, of each panel.
HEIGHT, WIDTH = 6.6, 6.3


class Axes2D(NamedTuple):
    """Directions to be marked: of jets, say.

    Attributes:
        eta, phi: (n).
        marker: matplotlib's.
    """

    eta: NDArray[np.floating]
    phi: NDArray[np.floating]
    marker: str


def draw(events: Mapping[str, Event], marks: Mapping[str, Axes2D]) -> Figure:
    """The sum of the channels of one event, with the boxes of each version of it.

    Args:
        events: versions by the title of their panels; their hits are the same.
        marks: directions to be marked in all panels, by what they are.
    """
    figure = Figure(figsize=(WIDTH * len(events), HEIGHT + 1.1))
    for number, (title, event) in enumerate(events.items(), start=1):
        axes = figure.add_subplot(1, len(events), number)
        frame(axes, event)
        pixel, value = event.total()
        draw_hits(axes, event, pixel, value, LogNorm(FAINTEST, max(BRIGHTEST, value.max(initial=0.0)), clip=True))
        for row, class_id in enumerate(event.jets["class_id"]):
            for x0, y0, x1, y1 in box_pieces(event, event.jets["box"][row]):
                axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour(class_id), lw=1.6))
        for mark in marks.values():
            axes.plot(mark.eta, mark.phi, mark.marker, color="black", markersize=8, markerfacecolor="none", zorder=4)
        texts = [
            f"{event.class_names[k]} {pt:,.0f}" for k, pt in zip(event.jets["class_id"], event.jets["pt"], strict=True)
        ]
        draw_labels(axes, event, event.jets["box"], texts, [colour(int(k)) for k in event.jets["class_id"]])
        axes.set_title(f"{title}: {len(texts)} labels", loc="left")
        axes.set_xlabel("η")
    first = next(iter(events.values()))
    figure.axes[0].set_ylabel("φ")
    handles = [Line2D([], [], ls="none", marker=m.marker, color="black", mfc="none", label=n) for n, m in marks.items()]
    figure.legend(handles=handles, loc="lower left", ncols=len(handles), frameon=False)
    figure.suptitle(f"{first.sample}: {first.source}, entry {first.entry}; class and pt in GeV of each label")
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    return figure
