"""What all pictures share: one colour for a class, and how a figure becomes a file."""

from pathlib import Path

from matplotlib.figure import Figure

from detector.common.atomic import atomic_write

# Okabe and Ito's colours, told apart by the colour-blind and in print; in the order of class_id.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#B8860B", "#56B4E9", "#882255", "#555555")

# One pixel of an image is then at least four screen pixels in the large panel of `show`.
DPI = 200


def colour(class_id: int) -> str:
    """The colour of a class."""
    return COLOURS[class_id % len(COLOURS)]


def save(figure: Figure, output: Path) -> None:
    """Writes a figure whole; the format is the name's ending (png, pdf, svg, ...), png without one.

    Raises:
        ValueError: matplotlib knows no format of this ending.
        DataError: the file cannot be written.
    """
    kind = output.suffix.lstrip(".").lower() or "png"
    if kind not in (known := figure.canvas.get_supported_filetypes()):
        raise ValueError(f"{output}: no picture format {kind!r}; there are {', '.join(sorted(known))}")
    with atomic_write(output) as partial:
        figure.savefig(partial, format=kind, dpi=DPI, facecolor="white")
