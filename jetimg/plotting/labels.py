"""Where to write labels beside boxes, so that they do not cover each other."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple


class Area(NamedTuple):
    """A rectangle with its sides along the axes."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlap(self, other: "Area") -> float:
        """The area that both cover."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    @property
    def size(self) -> float:
        """Width times height."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def place(boxes: Sequence[Area], sizes: Sequence[tuple[float, float]], frame: Area) -> list[Area]:
    """A place for each box's label: along its edges where it covers no label placed before.

    Greedy, in the order given: an early box gets the better place. Where every place is taken, the
    least covered one is used.

    Args:
        boxes: what the labels belong to.
        sizes: width and height of each label.
        frame: labels stay inside, as far as they can.
    """
    placed: list[Area] = []
    for box, (width, height) in zip(boxes, sizes, strict=True):
        candidates = _candidates(box, width, height)
        placed.append(min(candidates, key=lambda area: _cost(area, placed, frame)))
    return placed


def _candidates(box: Area, width: float, height: float) -> list[Area]:
    """Places above, below and beside the box, the best first: `min` keeps the first of equals."""
    columns = [box.x0, box.x1 - width, (box.x0 + box.x1 - width) / 2]
    rows = [box.y1, box.y0 - height]
    beside = [box.x1, box.x0 - width]
    levels = [box.y1 - height - step * height for step in range(max(int((box.y1 - box.y0) / height), 1))]
    corners = [(x, y) for y, x in product(rows, columns)] + [(x, y) for x, y in product(beside, levels)]
    inner = [(x, y) for y, x in product([box.y1 - height, box.y0], columns)]
    return [Area(x, y, x + width, y + height) for x, y in corners + inner]


def _cost(area: Area, placed: Sequence[Area], frame: Area) -> float:
    """The part of the label that would be outside the frame or on another label."""
    outside = area.size - area.overlap(frame)
    # Rounded, so that places that differ only by rounding count as equals.
    return round(outside + sum(area.overlap(other) for other in placed), 9)
