"""What all pictures share: their style, one colour for a class, and how a figure becomes a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cycler import cycler
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from jetimg.common.atomic import atomic_write

# Petroff's six colours (arXiv:2107.02270), which the CMS experiment recommends: told apart by the colour-blind. In the
# order of class_id, and of lines.
COLOURS = ("#5790fc", "#f89c20", "#e42536", "#964a8b", "#9c9ca1", "#7a21dd")
LINES = ("-", "--", ":")  # of the first six lines, the next six, and so on

# Whatever is no class: truth, ratios, the classical baseline; then lines that only guide the eye.
NEUTRAL, FAINT = "#3b3b3b", "#8c8c8c"

# One pixel of an image is then at least four screen pixels in the large panel of `show`.
DPI = 200

STYLE: dict[str, Any] = {
    "axes.prop_cycle": cycler(linestyle=LINES) * cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}


@contextmanager
def styled() -> Iterator[None]:
    """The style of all pictures; a context or, as `@styled()`, a decorator."""
    with rc_context(STYLE):
        yield


def colour(number: int) -> str:
    """The colour of a class or a line; the seventh's is that of the first."""
    return COLOURS[number % len(COLOURS)]


def line(number: int) -> dict[str, str]:
    """Colour and dashes of a line among many."""
    return {"color": colour(number), "linestyle": LINES[number // len(COLOURS) % len(LINES)]}


def ink(ground: str) -> str:
    """Black or white, whichever is read more easily on a colour (WCAG 2.2, relative luminance)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(ground))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "black"


def save(figure: Figure, output: Path) -> None:
    """Writes a figure in one step; the format is the name's ending (png, pdf, svg, ...), png without one.

    Raises:
        ValueError: matplotlib knows no format of this ending.
        DataError: the file cannot be written.
    """
    kind = output.suffix.lstrip(".").lower() or "png"
    if kind not in (known := figure.canvas.get_supported_filetypes()):
        raise ValueError(f"{output}: no picture format {kind!r}; there are {', '.join(sorted(known))}")
    with atomic_write(output) as partial:
        figure.savefig(partial, format=kind, dpi=DPI, facecolor="white")
