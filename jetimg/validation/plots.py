"""Pictures of a comparison: multiplicities, spectra with their ratios, energy by ring, jet response."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from jetimg.plotting.figures import FAINT, NEUTRAL, colour, save, styled
from jetimg.validation.compare import LOGARITHMIC, Comparison
from jetimg.validation.two_sample import ratios, ratios_at_same_activity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

MULTIPLICITIES = ("tracks", "photons", "neutral hadrons", "tracker pixels", "ecal pixels", "hcal pixels")
UNITS = {"PT": "pt [GeV]", "ET": "ET [GeV]", "E": "E [GeV]", "Eta": "η", "Phi": "φ", "Mass": "mass [GeV]"}
UNITS |= {"SoftDroppedMass": "soft drop mass [GeV]", "tau1": "τ1", "tau21": "τ2/τ1", "tau32": "τ3/τ2"}

# Lines of the first and of the second set; the ratio's half height where errors are small.
COLOURS = (colour(0), colour(1))
MIN_RANGE = 0.06

# The response: generator jets by pt, GeV.
PT_EDGES = (200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 1000.0)


def draw_all(found: Comparison, folder: Path) -> None:
    """Draws all pictures of a comparison into a folder."""
    save(multiplicities(found), folder / "multiplicities.png")
    save(rings(found), folder / "rings.png")
    save(response(found), folder / "response.png")
    for branch in dict.fromkeys(name.partition(".")[0] for name in found.binnings if "." in name):
        names = [name for name in found.binnings if name.startswith(f"{branch}.")]
        save(spectra(found, names, branch), folder / f"{branch}.png")


@styled()
def multiplicities(found: Comparison) -> Figure:
    """How many tracks, towers and pixels the events have."""
    figure, panels = _panels(found, len(MULTIPLICITIES), 3, "Events by what they hold, as they are")
    for (upper, lower), name in zip(panels, MULTIPLICITIES, strict=True):
        values = np.concatenate([part for side in found.gathered for part in side.numbers[name]])
        low, high = np.quantile(values, (0.0, 1.0))
        edges = np.linspace(low, max(high, low + 1) + 1e-6, 21)
        index = np.searchsorted(edges, values, side="right") - 1
        _both(found, upper, lower, np.eye(len(edges) - 1)[index], edges, same_activity=False)
        lower.set_xlabel(f"{name} in an event")
    panels[0][0].set_ylabel("share of events")
    return figure


@styled()
def spectra(found: Comparison, names: Sequence[str], title: str) -> Figure:
    """Spectra of one kind of objects: objects an event and bin, and the second set over the first."""
    figure, panels = _panels(found, len(names), 4, _named(found, title))
    for (upper, lower), name in zip(panels, names, strict=True):
        counts = np.concatenate([part.picture for side in found.gathered for part in side.spectra[name]])
        edges = found.binnings[name].picture
        _both(found, upper, lower, counts.astype(np.float64), edges, same_activity=True)
        if name.endswith(LOGARITHMIC):
            _logarithmic(upper, edges, counts.mean(axis=0))
        else:
            upper.set_ylim(bottom=0)
        k = list(found.binnings).index(name)
        test = found.tested_same or found.tested
        upper.set_title(f"p = {test.p[k]:.3f}", fontsize=9, loc="right")
        leaf = name.partition(".")[2]
        lower.set_xlabel(UNITS.get(leaf, leaf))
    panels[0][0].set_ylabel("an event and bin")
    return figure


@styled()
def rings(found: Comparison) -> Figure:
    """Energy an event in rings of eta."""
    names = tuple(found.gathered[0].rings)
    figure, panels = _panels(found, len(names), 3, _named(found, "Energy in rings of eta"))
    for (upper, lower), name in zip(panels, names, strict=True):
        energy = np.concatenate([part for side in found.gathered for part in side.rings[name]])
        _both(found, upper, lower, energy, found.ring_edges, same_activity=True)
        lower.set_xlabel(f"η, {name}")
        upper.set_ylim(bottom=0)
    panels[0][0].set_ylabel("GeV an event and ring")
    return figure


@styled()
def response(found: Comparison) -> Figure:
    """A jet's pt over that of its generator jet: its mean and width by pt."""
    figure = Figure(figsize=(9, 3.9), layout="constrained")
    mean, width = figure.subplots(1, 2)
    for side, label, line, shift in zip(found.gathered, found.labels, COLOURS, (-0.06, 0.06), strict=True):
        pt, ratio = (np.concatenate([part[k] for part in side.response]) for k in (0, 1))
        groups = [ratio[(pt >= low) & (pt < high)] for low, high in itertools.pairwise(PT_EDGES)]
        rows = np.array([_moments(group) for group in groups])
        edges = np.array(PT_EDGES)
        x = (edges[1:] + edges[:-1]) / 2 + shift * np.diff(edges)
        style: dict[str, Any] = {"fmt": "o", "ms": 4, "color": line, "capsize": 2}
        mean.errorbar(x, rows[:, 0], rows[:, 1], label=f"{label}: {len(ratio):,} jets", **style)
        width.errorbar(x, rows[:, 2], rows[:, 3], **style)
    mean.set_ylabel("mean of jet pt / generator jet pt")
    width.set_ylabel("standard deviation")
    width.set_ylim(bottom=0)
    mean.legend()
    for axes in (mean, width):
        axes.set_xlabel("pt of the generator jet [GeV]")
    return figure


def _moments(values: Floats) -> tuple[float, float, float, float]:
    """Mean and standard deviation, each with its error; not a number for few jets."""
    if len(values) < 5:
        return np.nan, np.nan, np.nan, np.nan
    spread = float(values.std(ddof=1))
    kurtosis = float(np.mean((values - values.mean()) ** 4)) / max(spread**4, 1e-12)
    return (
        float(values.mean()),
        spread / len(values) ** 0.5,
        spread,
        spread * (max(kurtosis - 1, 0) / 4 / len(values)) ** 0.5,
    )


def _panels(found: Comparison, number: int, columns: int, title: str) -> tuple[Figure, list[tuple["Axes", "Axes"]]]:
    """Panels with a ratio below each, and the legend."""
    columns = min(columns, number)
    rows = -(-number // columns)
    figure = Figure(figsize=(3.1 * columns + 0.4, 3.1 * rows + 0.5), layout="constrained")
    axes = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2.4, 1] * rows, sharex=False)
    pairs = []
    for k in range(rows * columns):
        upper, lower = axes[2 * (k // columns), k % columns], axes[2 * (k // columns) + 1, k % columns]
        if k >= number:
            upper.remove()
            lower.remove()
            continue
        lower.sharex(upper)
        upper.tick_params(labelbottom=False, labelsize=8)
        lower.tick_params(labelsize=8)
        pairs.append((upper, lower))
    handles = [Line2D([], [], color=line, label=label) for line, label in zip(COLOURS, found.labels, strict=True)]
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(handles=handles, loc="outside upper right", ncols=2, fontsize=10)
    pairs[0][1].set_ylabel("ratio")
    return figure, pairs


def _named(found: Comparison, title: str) -> str:
    return title if found.activity is None else f"{title}, at the same pile-up activity"


def _logarithmic(axes: "Axes", edges: Floats, mean: Floats) -> None:
    """Scales of an energy spectrum; x stays linear where the bins are."""
    axes.set_yscale("log")
    if np.any(mean > 0):
        axes.set_ylim(bottom=float(mean[mean > 0].min()) / 3)
    if edges[0] > 0 and not np.isclose(edges[2] - edges[1], edges[1] - edges[0]):
        axes.set_xscale("log")


def _both(
    found: Comparison, upper: "Axes", lower: "Axes", values: Floats, edges: Floats, *, same_activity: bool
) -> None:
    """Both sets' means an event with their errors, and the ratio; `values` has a row an event, a column a bin."""
    if same_activity and found.activity is not None:
        compared = ratios_at_same_activity(found.design, values, found.activity)
    else:
        compared = ratios(found.design, values)
    for mean, error, line in zip(compared.means, compared.errors, COLOURS, strict=True):
        upper.stairs(np.where(mean > 0, mean, np.nan), edges, color=line, linewidth=1.3)
        low, high = (np.append(bound, bound[-1]) for bound in (mean - error, mean + error))
        upper.fill_between(edges, low, high, step="post", color=line, alpha=0.2, linewidth=0)
    good = np.isfinite(compared.ratio) & (compared.ratio > 0)
    middle = (np.sqrt(edges[1:] * edges[:-1]) if edges[0] > 0 else (edges[1:] + edges[:-1]) / 2)[good]
    ratio, error = compared.ratio[good], compared.ratio_error[good]
    lower.errorbar(middle, ratio, error, fmt=".", ms=3, lw=0.8, color=NEUTRAL)
    lower.axhline(1.0, color=FAINT, linewidth=0.8, zorder=0)
    typical = float(np.median(error)) if len(error) else 0.0
    half = min(max(4 * typical, MIN_RANGE), 1.0)
    lower.set_ylim(1 - half, 1 + half)
