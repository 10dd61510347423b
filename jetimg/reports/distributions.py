"""Pictures of a data set: pt, eta and phi of its jets, and the number of boxes in an image."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from jetimg.dataset.plan import SPLITS
from jetimg.plotting.figures import FAINT, colour, styled
from jetimg.reports.counts import Census

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Bins of pt, and bins of eta and phi that are drawn as one, for fewer jets a line than this.
BINNING = ((400, 20, 4), (4000, 40, 2), (np.inf, 80, 1))


@styled()
def jets(census: Census, class_names: tuple[str, ...]) -> Figure:
    """Distributions of pt, eta and phi, each of area 1: a colour a class, a row of panels a split.

    The bands are the statistical errors, sqrt(n) of each bin.
    """
    splits = [split for split in SPLITS if any(split == key[1] for key in census.jets)]
    figure = Figure(figsize=(13, 0.9 + 3.1 * max(len(splits), 1)), layout=ConstrainedLayoutEngine(wspace=0.06))
    panels = figure.subplots(max(len(splits), 1), 3, squeeze=False, sharex="col", sharey="col")
    typical = np.median([len(found.all_pt()) for found in census.jets.values()] or [0])
    pt_bins, merged = next((bins, merge) for fewer, bins, merge in BINNING if typical < fewer)
    pt_edges = _pt_edges(census, pt_bins)
    for (name, split), found in sorted(census.jets.items(), key=lambda item: class_names.index(item[0][0])):
        row, line = panels[splits.index(split)], colour(class_names.index(name))
        _steps(row[0], np.histogram(found.all_pt(), pt_edges)[0], pt_edges, line, name)
        _steps(row[1], *_merged(found.eta, census.eta_edges, merged), line, name)
        _steps(row[2], *_merged(found.phi, census.phi_edges, merged), line, name)
    _dress(panels, splits, pt_edges, census)
    present = [name for name in class_names if any(name == key[0] for key in census.jets)]
    handles = [Line2D([], [], color=colour(class_names.index(name)), linewidth=2.5, label=name) for name in present]
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=13)
    return figure


@styled()
def boxes_per_image(census: Census) -> Figure:
    """How many boxes the images of each sample have, as shares of its images: a panel a sample."""
    number = max(len(census.images), 1)
    figure = Figure(figsize=(7.5, 0.9 + 1.15 * number), layout="constrained")
    panels = figure.subplots(number, 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, images) in zip(panels, sorted(census.images.items()), strict=False):
        share = images.with_jets / max(images.total, 1)
        axes.bar(np.arange(len(share)), share, width=0.9, color=FAINT)
        text = f"{name}   {images.total:,} images, {images.jets / max(images.total, 1):.2f} boxes an image"
        axes.set_title(text, fontsize=11)
        axes.set_ylim(0, max(1.05 * float(share.max()), 0.05))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].set_xlabel("boxes in an image", fontsize=13)
    figure.supylabel("share of the sample's images", fontsize=13)
    return figure


def _pt_edges(census: Census, bins: int) -> NDArray[np.float64]:
    """From 0 to the hardest jet, rounded up to 100 GeV."""
    hardest = max((float(found.all_pt().max()) for found in census.jets.values()), default=0.0)
    return np.linspace(0, max(np.ceil(hardest / 100), 1) * 100, bins + 1)


def _merged(
    counts: NDArray[np.int64], edges: NDArray[np.float64], merge: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and edges of each `merge` neighbouring bins made one; as they are where that leaves a rest."""
    if len(counts) % merge:
        return counts, edges
    return counts.reshape(-1, merge).sum(axis=1), edges[::merge]


def _steps(axes: "Axes", counts: NDArray[np.int64], edges: NDArray[np.float64], line: str, name: str) -> None:
    area = counts.sum() * np.diff(edges)
    # Empty bins are gaps: a line down to zero would run out of a logarithmic panel.
    density, error = np.where(counts, counts, np.nan) / area, np.sqrt(counts) / area
    axes.stairs(density, edges, color=line, linewidth=1.7, label=name)
    low, high = (np.append(bound, bound[-1]) for bound in (density - error, density + error))
    axes.fill_between(edges, low, high, step="post", color=line, alpha=0.15, linewidth=0)


def _dress(panels: "NDArray[np.object_]", splits: list[str], pt_edges: NDArray[np.float64], census: Census) -> None:
    """Names, ranges and scales."""
    for row, split in zip(panels, splits, strict=False):
        for axes, name in zip(row, ("1/N dN/dpt [1/GeV]", "1/N dN/dη", "1/N dN/dφ"), strict=True):
            axes.set_ylabel(name, fontsize=12)
            axes.tick_params(labelsize=10)
        row[0].set_title(split, fontsize=13, fontweight="bold")
    pt, eta, phi = panels[-1]
    for axes, name in ((pt, "jet pt [GeV]"), (eta, "jet η"), (phi, "jet φ")):
        axes.set_xlabel(name, fontsize=13)
    pt.set_yscale("log")
    pt.set_xlim(0, pt_edges[-1])
    eta.set_xlim(census.eta_edges[0], census.eta_edges[-1])
    eta.set_ylim(bottom=0)
    phi.set_xlim(-np.pi, np.pi)
    phi.set_ylim(bottom=0)
    phi.set_xticks(np.linspace(-np.pi, np.pi, 5), ["−π", "−π/2", "0", "π/2", "π"])
