"""Which events a viewer shows: of every sample and split as many as of the others, as far as there are so many."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.event_file.store import Reader


@dataclass(frozen=True)
class Choice:
    """What to show.

    Attributes:
        events: how many, at most.
        samples: only of these; of all if empty.
        splits: only of these; of all if empty.
    """

    events: int = 200
    samples: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Place:
    """Where an event stands: the file's number among those given, and the event's in that file."""

    file: int
    event: int


def event_files(paths: Sequence[Path]) -> list[Path]:
    """Event files and shards, with each data set's folder replaced by its shards.

    Raises:
        DataError: a folder is no data set.
    """
    found: list[Path] = []
    for path in paths:
        found += [path / shard.name for shard in manifest.read(path).shards] if path.is_dir() else [path]
    return found


def choose(
    files: Sequence[Path],
    choice: Choice,
    known: Callable[[Path], bool] = lambda _: True,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Place]:
    """The events to show, in the order of the files.

    Args:
        files: event files and shards.
        choice: how many, and of which samples and splits.
        known: which files to look at.
        progress: called with the number of files done since its last call.

    Raises:
        DataError: a file is missing or damaged, or there is no such event.
    """
    _check_names(files, choice)
    groups: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for number, path in enumerate(files):
        if known(path):
            for sample, split, event in _events(path, choice):
                if len(groups[sample, split]) < choice.events:
                    groups[sample, split].append(Place(number, event))
        progress(1)
    turns = (place for turn in zip_longest(*groups.values()) for place in turn if place is not None)
    chosen = sorted(place for place, _ in zip(turns, range(choice.events), strict=False))
    if not chosen:
        wanted = [
            f"{name} {', '.join(of)}" for name, of in (("sample", choice.samples), ("split", choice.splits)) if of
        ]
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        there = f"{files[0]}{more}" if files else "no files"
        raise DataError(f"{there}: no events{' of ' + ' and '.join(wanted) if wanted else ''}")
    return chosen


def _check_names(files: Sequence[Path], choice: Choice) -> None:
    """Refuses samples and splits that no file has, also where other names that were given are there."""
    if not choice.samples and not choice.splits:
        return
    samples: set[str] = set()
    splits: set[str] = set()
    for path in files:
        with Reader(path) as reader:
            samples.update(reader.attributes["sample_names"])
            splits.add(str(reader.attributes["split"]))
    for kind, wanted, there in (("sample", choice.samples, samples), ("split", choice.splits, splits)):
        if unknown := sorted(set(wanted) - there):
            raise DataError(f"no {kind} {', '.join(unknown)}; there are {', '.join(sorted(there)) or 'none'}")


def _events(path: Path, choice: Choice) -> Iterator[tuple[str, str, int]]:
    """Sample, split and number of the events of a file, without reading hits."""
    with Reader(path) as reader:
        names, split = reader.attributes["sample_names"], str(reader.attributes["split"])
        if choice.splits and split not in choice.splits:
            return
        samples = reader.read(tables=("events",)).tables["events"]["sample"]
    wanted = [k for k, name in enumerate(names) if not choice.samples or name in choice.samples]
    for event in np.flatnonzero(np.isin(samples, wanted)).tolist():
        yield names[samples[event]], split, event
