"""The manifest of a data set: its shards, its inputs, and where every event went."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.common.atomic import write_text
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset.plan import SPLITS, Input, Plan
from jetimg.event_file.store import Reader

NAME = "manifest.json"


class Strict(BaseModel):
    """No unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shard(Strict):
    """A shard: name in the data set's folder, split, checksum and size."""

    name: str = Field(pattern=r"^(train|validation|test)-\d+\.h5$")
    split: Literal["train", "validation", "test", "heldout"]
    sha256: str
    n_events: int
    bytes: int


class SampleEntry(Strict):
    """Whether a sample's events are for testing."""

    test: bool


class InputEvents(Input):
    """An input file, its sample, and how many of its events are in each split."""

    sample: str
    events: dict[str, int]


class Manifest(Strict):
    """What is in a data set, and what it was made from.

    Attributes:
        samples: for each sample, whether its events are for testing.
        config: image settings.
        sharding: how events were split and mixed.
        inputs: every input file, the bad ones too.
        shards: the files of the data set.
    """

    format: Literal["jetimg-dataset"] = "jetimg-dataset"
    format_version: Literal["1.0"] = "1.0"
    class_names: list[str]
    samples: dict[str, SampleEntry]
    config: dict[str, Any]
    sharding: dict[str, Any]
    detector: str
    detector_sha256: str
    software: dict[str, str]
    inputs: list[InputEvents]
    shards: list[Shard]


def make(plan: Plan, folder: Path) -> Manifest:
    """Writes the manifest of a folder that holds all shards of a plan.

    Raises:
        DataError: a shard is missing, damaged or not as planned.
    """
    common = ("class_names", "config", "detector", "detector_sha256", "software")
    manifest = Manifest(
        **{key: plan.attributes[key] for key in common},
        sharding=plan.sharding.model_dump(mode="json"),
        samples={source.sample: SampleEntry(test=source.test) for source in plan.sources},
        inputs=[
            InputEvents(**file.model_dump(), sample=source.sample, events=plan.events_of_input(file, source.test))
            for source in plan.sources
            for file in source.inputs
        ],
        shards=[_shard(folder / name, n_events) for name, n_events in plan.shards().items()],
    )
    write_text(folder / NAME, manifest.model_dump_json(indent=1) + "\n")
    return manifest


def read(folder: Path) -> Manifest:
    """Reads the manifest of a data set.

    Raises:
        DataError: none there, or not a manifest.
    """
    path = folder / NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no {NAME}: not a data set, or not finished") from error
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: not a manifest: {error}") from error


def remove_others(manifest: Manifest, folder: Path) -> None:
    """Removes shards that an older plan left behind; nothing else in the folder is touched."""
    names = {shard.name for shard in manifest.shards}
    for split in SPLITS:
        for path in folder.glob(f"{split}-[0-9][0-9][0-9][0-9][0-9].h5"):
            if path.name not in names:
                path.unlink()


def account(inputs: Sequence[InputEvents]) -> dict[str, int]:
    """Where the events of these inputs went: present, each split, and lost with bad files.

    Lost events are those asked for or announced by the file, less those present.
    """
    present = sum(file.entries for file in inputs if file.ok)
    asked = sum(max(file.entries, file.expected or 0) for file in inputs)
    by_split = {split: sum(file.events.get(split, 0) for file in inputs) for split in SPLITS}
    return {"asked": asked, "present": present, **by_split, "lost": asked - present}


def _shard(path: Path, n_events: int) -> Shard:
    with Reader(path) as reader:
        if reader.n_events != n_events:
            raise DataError(f"{path}: {reader.n_events} events, {n_events} planned; make it again")
        split = reader.attributes["split"]
    if split != path.name.partition("-")[0]:
        raise DataError(f"{path}: events of split {split}; make it again")
    return Shard(name=path.name, split=split, sha256=sha256(path), n_events=n_events, bytes=path.stat().st_size)
