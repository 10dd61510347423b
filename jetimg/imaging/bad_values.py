"""Numbers that no event can have: not finite, or below 0 where nothing is."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.store import Columns
from jetimg.imaging.delphes_reader import Chunk

NEVER_NEGATIVE = ("PT", "ET", "Eem", "Ehad", "MET", "Tau")

# Read for their numbers an event, not for their values.
ONLY_COUNTED = ("Vertex.Z",)

# A massless jet's E^2 - p^2 is off by rounding, and ROOT gives it a negative mass then; GeV.
MASS_ROUNDING = 0.1


@dataclass(frozen=True)
class BadValue:
    """The first bad value of a branch: which, its event in the chunk, what it is."""

    name: str
    event: int
    value: float

    def __str__(self) -> str:
        return f"`{self.name}` is {self.value:g}"


def first_in(chunk: Chunk, names: Iterable[str] | None = None) -> BadValue | None:
    """The first value of some branches (all if None) that is not finite, or a negative pt or energy."""
    for name in chunk if names is None else names:
        content = chunk[name].content
        if content.dtype.kind != "f" or name in ONLY_COUNTED:
            continue
        bad = ~np.isfinite(content)
        if name.rpartition(".")[2] in NEVER_NEGATIVE:
            bad |= content < 0
        if bad.any():
            index = tuple(np.argwhere(bad)[0])
            return BadValue(name, _event_of(chunk[name].offsets, index[0]), float(content[index]))
    return None


def first_in_jets(table: str, columns: Columns) -> BadValue | None:
    """The first jet with impossible numbers; masses that are negative by rounding are set to 0.

    Args:
        table: its name, for the message.
        columns: the table's columns, `indptr` among them.
    """
    mass = columns["mass"]
    mass[(mass < 0) & (mass > -MASS_ROUNDING)] = 0
    for name, rows in columns.items():
        if rows.dtype.kind == "f" and (bad := _bad(name, rows)).any():
            row = int(np.argmax(bad))
            value = rows[row] if rows.ndim == 1 else rows[row].sum()
            return BadValue(f"/{table}/{name}", _event_of(columns["indptr"], row), float(value))
    return None


def _event_of(offsets: NDArray[np.int64], row: int) -> int:
    return int(np.searchsorted(offsets, row, side="right")) - 1


def _bad(name: str, rows: NDArray[np.floating]) -> NDArray[np.bool_]:
    bad: NDArray[np.bool_] = ~np.isfinite(rows if rows.ndim == 1 else rows.sum(axis=1))
    if name == "pt":
        bad |= ~(rows > 0)
    if name == "mass":
        bad |= rows < 0
    return bad
