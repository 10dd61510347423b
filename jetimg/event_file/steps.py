"""Steps from pixel to pixel, which files hold in place of the pixels since version 2.0: they deflate to four fifths.

The first step of each event, and in /masks of each jet, counts from 0: `numpy.cumsum` of its steps are its pixels.
Steps are uint32, and sums of damaged ones wrap: what they give then does not ascend, or is not in the image.
"""

import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import Vector, native
from jetimg.event_file.batch import Columns


def with_steps(table: Columns) -> Columns:
    """The columns of a table of pixels as a file has them: `step` in place of `pixel`."""
    pixel = np.ascontiguousarray(table["pixel"], np.uint32)
    step = np.empty_like(pixel)
    _subtract(_ends(table, table["indptr"]), pixel, step)
    return {name: rows for name, rows in table.items() if name != "pixel"} | {"step": step}


def add_up(table: Columns, indptr: NDArray[np.int64]) -> None:
    """Makes pixels of the steps that a table's column `pixel` holds, where they are."""
    _add_up(_ends(table, indptr), table["pixel"])


def _ends(table: Columns, indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the rows begin and end that are added up together: those of an event, and in /masks of a jet."""
    indptr = np.ascontiguousarray(indptr, np.int64)
    if "jet" not in table:
        return indptr
    return np.union1d(indptr, np.flatnonzero(np.diff(table["jet"])) + 1)


@native
def _subtract(ends: Vector[np.int64], pixel: Vector[np.uint32], step: Vector[np.uint32]) -> None:
    for k in range(len(ends) - 1):
        before, mine, found = np.uint32(0), pixel[ends[k] : ends[k + 1]], step[ends[k] : ends[k + 1]]
        for i in range(len(mine)):
            found[i] = mine[i] - before
            before = mine[i]


@native
def _add_up(ends: Vector[np.int64], step: Vector[np.uint32]) -> None:
    for k in range(len(ends) - 1):
        pixel, mine = np.uint32(0), step[ends[k] : ends[k + 1]]
        for i in range(len(mine)):
            pixel += mine[i]
            mine[i] = pixel
