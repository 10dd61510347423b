"""Events in memory: what an event file holds, table by table; appended, sliced and put in another order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Batch:
    """Some events, as the columns of each table; jagged tables have `indptr` from 0."""

    tables: dict[str, Columns]

    def __len__(self) -> int:
        return len(self.tables["events"]["entry"])

    def take(self, events: NDArray[np.int64]) -> "Batch":
        """Some of the events, in the order given."""
        return Batch({name: _take(columns, events) for name, columns in self.tables.items()})

    def part(self, start: int, stop: int) -> "Batch":
        """Events start to stop, as views."""
        return Batch({name: _part(columns, start, stop) for name, columns in self.tables.items()})


def concatenate(batches: Sequence[Batch]) -> Batch:
    """The events of several batches with the same tables, one batch after the other."""
    return Batch({name: _concatenate([batch.tables[name] for batch in batches]) for name in batches[0].tables})


def _take(columns: Columns, events: NDArray[np.int64]) -> Columns:
    if "indptr" not in columns:
        return {name: rows[events] for name, rows in columns.items()}
    first, last = columns["indptr"][:-1][events], columns["indptr"][1:][events]
    indptr = joined([last - first])
    ranges = [slice(start, stop) for start, stop in zip(first.tolist(), last.tolist(), strict=True)]
    return {
        name: indptr if name == "indptr" else np.concatenate([column[:0], *(column[rows] for rows in ranges)])
        for name, column in columns.items()
    }


def _part(columns: Columns, start: int, stop: int) -> Columns:
    if "indptr" not in columns:
        return {name: rows[start:stop] for name, rows in columns.items()}
    indptr = columns["indptr"][start : stop + 1]
    rows = slice(int(indptr[0]), int(indptr[-1]))
    return {name: indptr - indptr[0] if name == "indptr" else column[rows] for name, column in columns.items()}


def _concatenate(parts: Sequence[Columns]) -> Columns:
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "indptr"}
    if "indptr" in parts[0]:
        found["indptr"] = joined([np.diff(part["indptr"]) for part in parts])
    return found


def joined(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The `indptr` of events that have so many rows, in several arrays."""
    return np.concatenate(([0], np.cumsum(np.concatenate(counts))))
