"""One style for all pictures, with colours that everybody can tell apart."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from jetimg.imaging.settings import DEFAULT_CLASSES
from jetimg.plotting.figures import COLOURS, LINES, colour, ink, line, styled

ROOT = Path(__file__).parents[3]
ROOMS = ("detector", "jetimg", "models", "workflow", "tests", "benchmarks")

# How the colour-blind see linear RGB, for protanopia, deuteranopia and tritanopia in full (Machado et al.,
# doi:10.1109/TVCG.2009.113, severity 1.0).
SEEN = {
    "by all": np.eye(3),
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}

# Distances in CIELAB; about 2 is the least that eyes see side by side.
FAR = 20.0

ANOTHER_CYCLE = re.compile(
    r"tab10|tab20|Set[123]\b|Dark2|Paired|Pastel|Accent|seaborn|mplhep|prop_cycle|[\"']C[\d{]|#[0-9a-fA-F]{6}\b"
)


def linear(code: str) -> np.ndarray:
    """Linear RGB of "#rrggbb"."""
    c = np.array([int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def cielab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB, white D65."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / to_xyz.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def least_distance(codes: tuple[str, ...], seen: object) -> float:
    points = [cielab(np.array(seen) @ linear(code)) for code in codes]
    return min(float(np.linalg.norm(one - two)) for one, two in combinations(points, 2))


def test_classes_have_colours_of_their_own() -> None:
    assert len({colour(k) for k in range(len(DEFAULT_CLASSES))}) == len(DEFAULT_CLASSES)


@pytest.mark.parametrize("eyes", SEEN)
def test_everybody_tells_the_colours_apart(eyes: str) -> None:
    assert least_distance(COLOURS, SEEN[eyes]) > FAR


def test_the_distance_knows_colours_that_are_confused() -> None:
    """matplotlib's own orange and green, and a dark red beside a dark grey."""
    assert least_distance(("#ff7f0e", "#2ca02c"), SEEN["without red"]) < 10
    assert least_distance(("#882255", "#555555"), SEEN["without green"]) < 2
    assert cielab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.01)


def test_lines_beyond_the_colours_are_dashed() -> None:
    drawn = [line(k) for k in range(len(COLOURS) * len(LINES))]
    assert len({(one["color"], one["linestyle"]) for one in drawn}) == len(drawn)
    with styled():
        axes = Figure().subplots()
        plotted = [axes.plot([0, 1])[0] for _ in drawn]
    assert [(one.get_color(), one.get_linestyle()) for one in plotted] == [(x["color"], x["linestyle"]) for x in drawn]


def test_ink_is_read_on_each_colour() -> None:
    def contrast(code: str) -> float:
        luminance = float(np.array([0.2126, 0.7152, 0.0722]) @ linear(code))
        return 1.05 / (luminance + 0.05) if ink(code) == "white" else (luminance + 0.05) / 0.05

    assert min(contrast(code) for code in COLOURS) >= 4.5  # WCAG 2.2, level AA
    assert (ink("#000000"), ink("#ffffff")) == ("white", "black")


def test_no_module_has_colours_of_its_own() -> None:
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    ours = [path for path in sources if path.name not in ("figures.py", "test_figures.py")]
    assert len(sources) - len(ours) == 2
    found = [(path.relative_to(ROOT), match[0]) for path in ours for match in ANOTHER_CYCLE.finditer(path.read_text())]
    assert found == []


@pytest.mark.parametrize("text", ['cmap = "tab10"', 'color=f"C{number}"', 'color="C0"', 'color="#1f77b4"'])
def test_another_cycle_is_found(text: str) -> None:
    assert ANOTHER_CYCLE.search(text)
