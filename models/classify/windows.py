"""Hits or particles in windows of an image: about objects, or turned to the hardest of the event. Phi goes round."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetimg.common.ranges import ranges
from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.store import Batch
from models.classify.config import Task

Ints = NDArray[np.int64]
# Pixels: whole ones of hits, int64; where in the image a particle is, float64.
Places = NDArray[Any]


class Hits(NamedTuple):
    """Hits or particles of events, or of the windows of objects, in their order.

    Attributes:
        owner: int64 (hits), the event or object.
        channel: int64 (hits); of particles their type.
        row, column: int64 (hits); of particles float64.
        value: float32 (hits), GeV.
    """

    owner: Ints
    channel: Ints
    row: Places
    column: Places
    value: NDArray[np.float32]

    def of(self, choice: NDArray[np.bool_] | Ints) -> "Hits":
        """Some of the hits."""
        return Hits(self.owner[choice], self.channel[choice], self.row[choice], self.column[choice], self.value[choice])


class Objects(NamedTuple):
    """What may become examples.

    Attributes:
        event: int64 (objects), of the batch.
        row, column: int64 (objects), the pixel in the middle of the window.
        label: int64 (objects).
        energy: float32 (objects), GeV.
    """

    event: Ints
    row: Ints
    column: Ints
    label: Ints
    energy: NDArray[np.float32]


def hits_of(batch: Batch, task: Task, shape: tuple[int, int]) -> Hits:
    """The hits of the task's channels, event by event, the hardest first."""
    parts = []
    for number, name in enumerate(task.channels):
        table = batch.tables[name]
        row, column = np.divmod(table["pixel"].astype(np.int64), shape[1])
        event = np.repeat(np.arange(len(batch)), np.diff(table["indptr"]))
        parts.append(Hits(event, np.full(len(row), number), row, column, table["value"]))
    joined = Hits(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    # One key instead of two: the bits of floats above 0 have the order of their values.
    return joined.of(np.argsort((joined.owner << 32) - joined.value.view(np.int32), kind="stable"))


def particles_of(batch: Batch, geometry: ImageGeometry) -> Hits:
    """The rows of /particles, event by event, the hardest first, where they are in the image."""
    table = batch.tables["particles"]
    return Hits(
        np.repeat(np.arange(len(batch)), np.diff(table["indptr"])),
        table["type"].astype(np.int64),
        table["eta"].astype(np.float64) / geometry.eta_pitch + geometry.n_eta // 2,
        table["phi"].astype(np.float64) / geometry.phi_pitch + geometry.n_phi // 2,
        table["pt"],
    )


def objects_of(batch: Batch, geometry: ImageGeometry, task: Task, label_of: Ints) -> Objects:
    """The rows of /jets that are of the classes and hard enough, each about its axis.

    Args:
        batch: events.
        geometry: of their images.
        task: minimum pt, and what measures are drawn against.
        label_of: int64 (classes of the file), the label of each; -1 for those that are not of the task.
    """
    jets = batch.tables["jets"]
    event = np.repeat(np.arange(len(batch)), np.diff(jets["indptr"]))
    chosen = (label_of[jets["class_id"]] >= 0) & (jets["pt"] >= task.min_pt)
    row = np.floor(jets["eta"] / geometry.eta_pitch).astype(np.int64) + geometry.n_eta // 2
    column = np.floor(jets["phi"] / geometry.phi_pitch).astype(np.int64) + geometry.n_phi // 2
    return Objects(
        event[chosen],
        row[chosen],
        column[chosen] % geometry.n_phi,
        label_of[jets["class_id"][chosen]],
        (jets["pt"] * np.cosh(jets["eta"]) if task.against == "energy" else jets["pt"])[chosen],
    )


def events_of(batch: Batch, hits: Hits, shape: tuple[int, int], label_of: Ints) -> Objects:
    """Whole events, turned until their hardest hit or particle is in the middle: no azimuth is special.

    Args:
        batch: events.
        hits: theirs.
        shape: pixels of their images.
        label_of: int64 (samples of the file), the label of each; -1 for those that are not of the task.
    """
    label = label_of[batch.tables["events"]["sample"]]
    column = np.full(len(batch), shape[1] // 2)
    first = _first_of_each(hits)
    column[hits.owner[first]] = np.floor(hits.column[first])
    total = np.bincount(hits.owner, hits.value, len(batch))
    chosen = np.flatnonzero(label >= 0)
    return Objects(
        chosen, np.full(len(chosen), shape[0] // 2), column[chosen], label[chosen], total[chosen].astype(np.float32)
    )


def about_hottest(objects: Objects, seen: Hits, window: tuple[int, int], shape: tuple[int, int]) -> Objects:
    """The objects, with the hardest hit of their window in its middle."""
    first, row, column = _first_of_each(seen), objects.row.copy(), objects.column.copy()
    row[seen.owner[first]] += np.floor(seen.row[first]).astype(np.int64) - window[0] // 2
    column[seen.owner[first]] += np.floor(seen.column[first]).astype(np.int64) - window[1] // 2
    return objects._replace(row=row, column=column % shape[1])


def window_of(hits: Hits, objects: Objects, window: tuple[int, int], shape: tuple[int, int]) -> Hits:
    """The hits in the window of each object, the hardest first; phi goes round."""
    counts = np.bincount(hits.owner, minlength=int(objects.event.max(initial=-1)) + 1)
    first = np.cumsum(counts) - counts
    seen = hits.of(ranges(first[objects.event], counts[objects.event]))
    owner = np.repeat(np.arange(len(objects.event)), counts[objects.event])
    row = seen.row - objects.row[owner] + window[0] // 2
    column = (seen.column - objects.column[owner] + window[1] // 2) % shape[1]
    inside = (row >= 0) & (row < window[0]) & (column < window[1])
    return Hits(owner, seen.channel, row, column, seen.value).of(inside)


def _first_of_each(hits: Hits) -> Ints:
    """The place of the hardest hit of each owner that has one."""
    return np.flatnonzero(np.diff(hits.owner, prepend=-1))
