"""Event files to examples: what a classifier sees of an object or an event, and what it is in truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.common.ranges import ranges
from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.layout import PARTICLE_TYPES
from jetimg.event_file.store import Batch
from jetimg.loader.event_files import EventFiles
from jetimg.loader.load import files_by_split
from models.classify import windows
from models.classify.config import Task

Ints = NDArray[np.int64]

# Events that are looked at together; one has some 2,400 hits, for each of its objects.
EVENTS = 256
# Of event files that belong to no split: where a number drawn from [0, 1) passes from one split to the next.
DRAWN, EDGES, SEED = ("test", "validation", "train"), (0.2, 0.3), 2019


@dataclass(frozen=True)
class Examples:
    """Objects or events as hits or particles in a window, the hardest first, with what they are.

    Attributes:
        class_names: the classes, the signal first.
        shape: channels or types of particles, rows and columns of the window.
        pitch: width of a pixel in eta and phi.
        event: int64 (examples), number of the event among those that were read.
        label: int64 (examples), index into `class_names`.
        energy: float32 (examples), GeV: what measures are drawn against.
        counts: int64 (examples), hits.
        channel, row, column: int16 (hits), in the window; its middle is row shape[1] // 2, column shape[2] // 2. Of
            particles the channel is the type, and row and column are float64.
        value: float32 (hits), GeV.
        left_out: objects or events that are none, by reason.
    """

    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    pitch: tuple[float, float]
    event: Ints
    label: Ints
    energy: NDArray[np.float32]
    counts: Ints
    channel: NDArray[np.int16]
    row: NDArray[Any]
    column: NDArray[Any]
    value: NDArray[np.float32]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, places: Ints) -> "Examples":
        """Some of the examples, in the order given."""
        first, counts = (np.cumsum(self.counts) - self.counts)[places], self.counts[places]
        hits = ranges(first, counts)
        columns: dict[str, Any] = {name: getattr(self, name)[places] for name in ("event", "label", "energy")}
        columns |= {name: getattr(self, name)[hits] for name in ("channel", "row", "column", "value")}
        return replace(self, counts=counts, **columns)

    def images(self) -> NDArray[np.float32]:
        """Dense windows, (examples, channels, rows, columns), GeV."""
        made = np.zeros((len(self), *self.shape), np.float32)
        owner = np.repeat(np.arange(len(self)), self.counts)
        np.add.at(made, (owner, self.channel, self.row.astype(np.intp), self.column.astype(np.intp)), self.value)
        return made


def read(sources: Sequence[Path], task: Task, progress: Callable[[int], None] = lambda _: None) -> dict[str, Examples]:
    """The examples of a data set, or of event files, by split: train, validation, and test or heldout.

    The test set is the first of the two that has examples of all classes. Of files that belong to no split, two tenths
    of the events are drawn for the test, and one for validation.

    Args:
        sources: the folder of one data set; or event files or shards.
        task: what is told apart.
        progress: is told of events that were read.

    Raises:
        DataError: nothing there, no such classes, a class without examples, or no particles where they are the input.
    """
    files = files_by_split(sources, also=("particles",) if task.input == "particles" else ())
    if "all" in files:
        classes = _classes(files["all"], task)
        examples = _of_files(files["all"], task, classes, progress)
        side = np.searchsorted(EDGES, np.random.default_rng(SEED).random(len(files["all"])), "right")[examples.event]
        found = {split: examples.take(np.flatnonzero(side == number)) for number, split in enumerate(DRAWN)}
    elif missing := [split for split in ("train", "validation") if split not in files]:
        raise DataError(f"{sources[0]}: no {missing[0]} events; there are {', '.join(files)}")
    else:
        classes = _classes(files["train"], task)
        found = {
            split: _of_files(files[split], task, classes, progress)
            for split in ("train", "validation", "test", "heldout")
            if split in files
        }
    for split in ("train", "validation"):
        if name := _missing(found[split]):
            raise DataError(f"{sources[0]}: no {split} example of {name}")
    tests = [split for split in ("test", "heldout") if split in found and not _missing(found[split])]
    if not tests:
        raise DataError(f"{sources[0]}: no test set with examples of all of {', '.join(classes)}")
    return {split: found[split] for split in ("train", "validation", tests[0])}


def _missing(examples: Examples) -> str:
    """The first class without an example, if there is one."""
    counts = np.bincount(examples.label, minlength=len(examples.class_names))
    return next((name for name, count in zip(examples.class_names, counts, strict=True) if not count), "")


def _classes(files: EventFiles, task: Task) -> tuple[str, ...]:
    """The names of the classes, the signal first.

    Raises:
        DataError: the files do not know one of them, or there are fewer than two.
    """
    samples = _samples(files) if task.unit == "event" else ()
    known = tuple(files.class_names) if task.unit == "object" else samples
    classes = task.classes or samples
    if missing := [name for name in classes if name not in known]:
        what = "class" if task.unit == "object" else "sample"
        raise DataError(f"{files.paths[0]}: no {what} {missing[0]}; there are {', '.join(known)}")
    if len(classes) < 2:
        raise DataError(f"{files.paths[0]}: one sample, {', '.join(classes)}: nothing to tell apart")
    return classes


def _samples(files: EventFiles) -> tuple[str, ...]:
    """The samples that have events in some files; a file may name more."""
    found: dict[str, None] = {}
    for file, names in enumerate(files.sample_names):
        there = np.unique(files.reader(file).read(tables=("events",)).tables["events"]["sample"])
        found |= dict.fromkeys(names[number] for number in there)
    return tuple(found)


def _of_files(files: EventFiles, task: Task, classes: tuple[str, ...], progress: Callable[[int], None]) -> Examples:
    parts, n_events = [], 0
    for file, batch in files.batches(EVENTS):
        names = files.class_names if task.unit == "object" else files.sample_names[file]
        label_of = np.array([classes.index(name) if name in classes else -1 for name in names])
        part = _of_batch(batch, files.geometry, task, classes, label_of)
        parts.append(replace(part, event=part.event + n_events))
        n_events += len(batch)
        progress(len(batch))
    return _joined(parts)


def _of_batch(batch: Batch, geometry: ImageGeometry, task: Task, classes: tuple[str, ...], label_of: Ints) -> Examples:
    """The examples of some events."""
    shape = geometry.image_shape
    window = task.window if task.unit == "object" else shape
    of_particles = task.input == "particles"
    hits = windows.particles_of(batch, geometry) if of_particles else windows.hits_of(batch, task, shape)
    if task.unit == "object":
        objects = windows.objects_of(batch, geometry, task, label_of)
        soft = int((label_of[batch.tables["jets"]["class_id"]] >= 0).sum()) - len(objects.label)
    else:
        soft = 0
        objects = windows.events_of(batch, hits, shape, label_of)
    seen = windows.window_of(hits, objects, window, shape)
    if task.centre == "hottest":
        objects = windows.about_hottest(objects, seen, window, shape)
        seen = windows.window_of(hits, objects, window, shape)
    counts = np.bincount(seen.owner, minlength=len(objects.label))
    some = counts > 0
    return Examples(
        classes,
        (len(PARTICLE_TYPES) if of_particles else len(task.channels), *window),
        (geometry.eta_pitch, geometry.phi_pitch),
        objects.event[some],
        objects.label[some],
        objects.energy[some].astype(np.float32),
        counts[some],
        channel=seen.channel.astype(np.int16),
        row=seen.row if of_particles else seen.row.astype(np.int16),
        column=seen.column if of_particles else seen.column.astype(np.int16),
        value=seen.value,
        left_out={"below min_pt": soft, "with an empty window": int((~some).sum())},
    )


def _joined(parts: Sequence[Examples]) -> Examples:
    left_out = {reason: sum(part.left_out[reason] for part in parts) for reason in parts[0].left_out}
    columns = ("event", "label", "energy", "counts", "channel", "row", "column", "value")
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return replace(parts[0], left_out=left_out, **joined)
