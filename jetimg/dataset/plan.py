"""Which event goes into which shard: from counts and a seed alone.

Events keep their file's order in the event files; a shard takes blocks of neighbouring events from
files all over the campaign and shuffles them, so that making a shard reads ranges and holds one shard
in memory, whatever the campaign's size. Every shard can be made by itself, at any time, with the same
result.

An event's split depends on the seed, its file's sha256 and its entry, and on nothing else: it stays on
its side when files are added to the campaign. Where files have a split of their own (simulated files, so that no soft
collision of the pile-up stands on two sides), all events of a file follow it.

Test sets are two: `test` holds the samples that are for testing, `heldout` a share of the training samples.
"""

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.schema import StrictModel
from jetimg.common.sealed_json import opened
from jetimg.dataset.shared_events import SharedEvents
from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.store import Reader

# The order counts: it stands in the random streams of finished data sets.
Split = Literal["train", "validation", "test", "heldout"]
SPLITS: tuple[str, ...] = get_args(Split)
# Splits of a training sample, in the order in which they share [0, 1).
DRAWN = ("validation", "heldout", "train")
GOLDEN = (math.sqrt(5) - 1) / 2

# A plan that says of a file that it has more is damaged.
MOST_EVENTS = 10**8

# Words that separate the random streams of one seed.
_SPLIT_STREAM, _BLOCK_STREAM, _ORDER_STREAM = 1, 2, 3

# What all event files of a campaign must agree on.
COMMON = (
    "class_names",
    "channels",
    "image_shape",
    "eta_pitch",
    "phi_pitch",
    "config",
    "detector",
    "detector_sha256",
    "software",
)


class Sharding(StrictModel):
    """How events are split, mixed and cut into shards."""

    seed: int = Field(default=2019, ge=0, description="seed of the split and of the shuffle")
    validation_fraction: float = Field(
        default=0.2, ge=0, lt=1, description="share of the events of a training sample that go to validation"
    )
    test_fraction: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="share of the events of a training sample that are held out as a test set of their own, `heldout`",
    )
    events_per_shard: int = Field(default=10_000, ge=1, description="events in each shard; the last has the rest")
    block: int = Field(
        default=50,
        ge=1,
        description="neighbouring events of a file that stay in one shard: larger reads faster, smaller mixes better",
    )

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> "Sharding":
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction and test_fraction leave no events to train on")
        return self

    @property
    def edges(self) -> tuple[float, float]:
        """Where a number drawn from [0, 1) passes from one split of DRAWN to the next."""
        return self.validation_fraction, self.validation_fraction + self.test_fraction

    def split_of_file(self, number: int) -> str:
        """The split of file `number` of a training sample, where whole files are split.

        Multiples of the golden ratio fill [0, 1) evenly: any run of files comes near the shares, and a file keeps its
        split when others are added (Weyl's sequence; Knuth, The Art of Computer Programming, volume 3, section 6.4).
        """
        drawn = (number + 1) * GOLDEN % 1
        return DRAWN[bisect.bisect_right(self.edges, drawn)]


class Input(StrictModel):
    """A Delphes file of the campaign: a row of /files, the events that were asked for, and its split if it has one."""

    name: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]*$")]
    # More than any file has would only ask for memory.
    entries: int = Field(ge=0, le=MOST_EVENTS)
    verdict: str
    reason: str
    expected: int | None = Field(default=None, ge=0)
    split: Split | None = None

    @model_validator(mode="after")
    def _digest_of_a_good_file(self) -> "Input":
        if self.ok and not self.sha256:
            raise ValueError(f"{self.name!r} is ok and has no sha256")
        return self

    @property
    def ok(self) -> bool:
        """Whether its events are there."""
        return self.verdict == "ok"


class Source(StrictModel):
    """An event file of the campaign.

    Attributes:
        path: the event file.
        sample: its physics sample.
        test: whether its events are for testing.
        inputs: its Delphes files.
    """

    path: str
    sample: str
    test: bool
    inputs: tuple[Input, ...]


class Plan(StrictModel):
    """Everything that decides the shards.

    Attributes:
        sharding: how to split, mix and cut.
        sources: the event files.
        attributes: what all of them say of themselves: settings, classes, detector, software.
    """

    sharding: Sharding
    sources: tuple[Source, ...]
    attributes: dict[str, Any]

    @field_validator("attributes")
    @classmethod
    def _that_a_shard_can_say(cls, attributes: dict[str, Any]) -> dict[str, Any]:
        if empty := [name for name, value in attributes.items() if value is None or not name]:
            raise ValueError(f"attribute {empty[0]!r} has no value")
        return attributes

    @property
    def samples(self) -> list[str]:
        """Names of the samples, sorted."""
        return sorted({source.sample for source in self.sources})

    def shards(self) -> dict[str, int]:
        """Names of the shards and their numbers of events."""
        size = self.sharding.events_per_shard
        names: dict[str, int] = {}
        for split in SPLITS:
            total = sum(len(entries) for entries in self._entries(split))
            names |= {f"{split}-{k:05d}.h5": min(size, total - k * size) for k in range(-(-total // size))}
        return names

    def events_of(self, shard: str) -> "EventSelection":
        """The events of one shard, in its order.

        Raises:
            DataError: the plan has no such shard.
        """
        if shard not in (names := self.shards()):
            raise DataError(f"the plan has no shard {shard!r}; it has {', '.join(names) or 'none'}")
        split, _, number = shard.removesuffix(".h5").partition("-")
        start = int(number) * self.sharding.events_per_shard
        source, entry = (part[start : start + names[shard]] for part in self._mixed(split))
        order = self._random(_ORDER_STREAM, SPLITS.index(split), int(number)).permutation(len(source))
        return EventSelection(source[order], entry[order])

    def events_of_input(self, file: Input, test: bool) -> dict[str, int]:
        """How many of an input's events go to each split."""
        counts = np.bincount(self._split_of(file, test), minlength=len(SPLITS))
        return dict(zip(SPLITS, counts.tolist(), strict=True))

    def _split_of(self, file: Input, test: bool) -> NDArray[np.uint8]:
        """For each event that an input gave, its split's index in SPLITS."""
        if not file.ok:
            return np.empty(0, np.uint8)
        if test:
            return np.full(file.entries, SPLITS.index("test"), np.uint8)
        if file.split is not None:
            return np.full(file.entries, SPLITS.index(file.split), np.uint8)
        draws = self._random(_SPLIT_STREAM, int(file.sha256, 16)).random(file.entries)
        return np.array([SPLITS.index(name) for name in DRAWN], np.uint8)[
            np.searchsorted(self.sharding.edges, draws, side="right")
        ]

    @cached_property
    def _splits(self) -> list[NDArray[np.uint8]]:
        """For each source, the split of each of its events."""
        return [
            np.concatenate([np.empty(0, np.uint8), *(self._split_of(file, source.test) for file in source.inputs)])
            for source in self.sources
        ]

    def _entries(self, split: str) -> list[NDArray[np.int64]]:
        """For each source, the places of its events of this split, ascending."""
        return [np.flatnonzero(splits == SPLITS.index(split)) for splits in self._splits]

    def _mixed(self, split: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sources and places of all events of a split, block by block in random order."""
        blocks = [
            (number, entries[start : start + self.sharding.block])
            for number, entries in enumerate(self._entries(split))
            for start in range(0, len(entries), self.sharding.block)
        ]
        order = self._random(_BLOCK_STREAM, SPLITS.index(split)).permutation(len(blocks))
        source = np.concatenate([np.full(len(blocks[k][1]), blocks[k][0], np.int64) for k in order])
        return source, np.concatenate([blocks[k][1] for k in order])

    def _random(self, *stream: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.sharding.seed, *stream])))


@dataclass(frozen=True)
class EventSelection:
    """Events by the index of their source and their index in it.

    Attributes:
        source, index: int64 (n_events).
    """

    source: NDArray[np.int64]
    index: NDArray[np.int64]


def make(
    event_files: Sequence[Path],
    sharding: Sharding,
    test_samples: Sequence[str],
    expected: dict[str, int],
    file_splits: Mapping[str, str] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Plans the shards of these event files, in any order.

    Args:
        event_files: event files of one campaign.
        sharding: how to split, mix and cut.
        test_samples: samples whose events are for testing.
        expected: events that were asked for in each file of a sample, where known.
        file_splits: the split of every event of a Delphes file, by the file's name; files that it does not name are
            split event by event.
        progress: called with the number of event files read since its last call.

    Raises:
        DataError: event files made in different ways, an input given twice, an event that stands twice, a sample
            without event files, an unknown split, or a split for a file that is not there.
    """
    sources, attributes, events, splits = [], {}, SharedEvents(), dict(file_splits or {})
    if wrong := sorted(set(splits.values()) - set(SPLITS)):
        raise DataError(f"no split {wrong[0]!r}: {', '.join(SPLITS)}")
    for path in sorted(event_files):
        with Reader(path) as reader:
            sample = _only_sample(reader)
            inputs = tuple(
                Input(**vars(row), expected=expected.get(sample), split=splits.pop(row.name, None))
                for row in reader.files
            )
            attributes[path] = common(reader)
            events.add(reader)
        sources.append(Source(path=str(path), sample=sample, test=sample in test_samples, inputs=inputs))
        progress(1)
    if not sources:
        raise DataError("no event files, so no shards")
    _check_consistent(attributes)
    _check_unique(sources)
    events.check()
    _check_sides(sources)
    if unknown := {*test_samples, *expected} - {source.sample for source in sources}:
        raise DataError(f"no events of sample {', '.join(sorted(unknown))}; a misspelt name?")
    if splits:
        raise DataError(f"{next(iter(splits))}: has a split, but is in no event file; a misspelt name?")
    return Plan(sharding=sharding, sources=tuple(sources), attributes=next(iter(attributes.values())))


def read(path: Path) -> Plan:
    """Reads a plan.

    Raises:
        DataError: not a plan, or damaged.
    """
    try:
        content = opened(path, path.read_bytes())
        if isinstance(content, dict) and isinstance(content.get("sharding"), dict):
            content["sharding"].setdefault("test_fraction", 0.0)  # plans of format 1.0 held nothing out
        return Plan.model_validate(content)
    except (OSError, ValueError) as error:
        raise_if_machine_fault(error, path)
        text = " ".join(str(error).split())[:300]
        raise DataError(f"{path}: not a plan of shards: {text}") from error


def _only_sample(reader: Reader) -> str:
    names = reader.attributes["sample_names"]
    if len(names) != 1 or reader.attributes["split"] in SPLITS:
        raise DataError(f"{reader.path}: a shard already; plans are made of event files, which `jetimg convert` writes")
    return str(names[0])


def common(reader: Reader) -> dict[str, Any]:
    """What an event file shares with all others of its campaign; phi_pitch follows from the image in older ones.

    Raises:
        DataError: it does not say so much of itself, or says no geometry.
    """
    said = reader.attributes | ImageGeometry.of(reader.attributes, reader.path).attributes()
    if missing := [key for key in COMMON if key not in said]:
        raise DataError(f"{reader.path}: no attribute `{missing[0]}`; convert it again")
    return {key: said[key] for key in COMMON}


def _check_consistent(attributes: dict[Path, dict[str, Any]]) -> None:
    first, *others = attributes
    for other in others:
        for key in COMMON:
            if attributes[other][key] != attributes[first][key]:
                raise DataError(f"{other} was made with another {key} than {first}: convert both in the same way")


def _check_sides(sources: Sequence[Source]) -> None:
    """Files of training samples stay out of `test`, which holds samples that no network was trained on."""
    for source in sources:
        for file in source.inputs:
            if file.split is not None and (file.split == "test") != source.test:
                kind = "for testing" if source.test else "for training"
                raise DataError(f"{file.name}: split {file.split}, but sample {source.sample} is {kind}")


def _check_unique(sources: Sequence[Source]) -> None:
    """The same content under two names could put one event into two splits."""
    seen: dict[str, str] = {}
    for sample, file in ((source.sample, file) for source in sources for file in source.inputs if file.ok):
        this = f"{file.name} (sample {sample})"
        if file.sha256 in seen:
            raise DataError(f"{this} and {seen[file.sha256]} have the same content: give each file once")
        seen[file.sha256] = this
