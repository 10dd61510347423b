"""The manifest of a data set: its shards, its inputs, and where every event went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from jetimg.common.atomic import write_text
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.schema import StrictModel
from jetimg.common.sealed_json import opened, sealed
from jetimg.dataset.plan import SPLITS, Input, Plan
from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.store import Reader

NAME = "manifest.json"


class Shard(StrictModel):
    """A shard: name in the data set's folder, split, checksum and size."""

    name: str = Field(pattern=r"^(train|validation|test|heldout)-\d+\.h5$")
    split: Literal["train", "validation", "test", "heldout"]
    sha256: str
    n_events: int
    bytes: int


class SampleEntry(StrictModel):
    """Whether a sample's events are for testing."""

    test: bool


class InputEvents(Input):
    """An input file, its sample, and how many of its events are in each split."""

    sample: str
    events: dict[str, int]


class Manifest(StrictModel):
    """What is in a data set, and what it was made from.

    Attributes:
        samples: for each sample, whether its events are for testing.
        channels, image_shape, eta_pitch, phi_pitch: the pixels of all shards, as their attributes say; None in a
            manifest of version 1.0: see `geometry`.
        config: image settings; `box_radius` is half the width of a box, in eta and phi.
        sharding: how events were split and mixed.
        inputs: every input file, the bad ones too.
        shards: the files of the data set.
    """

    format: Literal["jetimg-dataset"] = "jetimg-dataset"
    format_version: Literal["1.0", "1.1", "2.0"] = "2.0"
    class_names: list[str]
    channels: tuple[str, ...] | None = None
    image_shape: tuple[int, int] | None = None
    eta_pitch: float | None = None
    phi_pitch: float | None = None
    samples: dict[str, SampleEntry]
    config: dict[str, Any]
    sharding: dict[str, Any]
    detector: str
    detector_sha256: str
    software: dict[str, str]
    inputs: list[InputEvents]
    shards: list[Shard]

    @property
    def version(self) -> tuple[int, int]:
        """Of the format, the shards' too: major and minor."""
        major, _, minor = self.format_version.partition(".")
        return int(major), int(minor)


def splits(contents: Manifest) -> str:
    """The splits that have events, for messages."""
    return ", ".join(dict.fromkeys(shard.split for shard in contents.shards if shard.n_events)) or "none at all"


def make(plan: Plan, folder: Path, progress: Callable[[int], None] = lambda _: None) -> Manifest:
    """Writes the manifest of a folder that holds all shards of a plan.

    Args:
        plan: the plan.
        folder: of the shards.
        progress: called with the number of events in shards done since its last call.

    Raises:
        DataError: a shard is missing, damaged, not as planned, or of another geometry.
    """
    planned = ImageGeometry.of(plan.attributes, folder)
    common = ("class_names", "config", "detector", "detector_sha256", "software")
    manifest = Manifest(
        **{key: plan.attributes[key] for key in common},
        **planned.attributes(),
        sharding=plan.sharding.model_dump(mode="json"),
        samples={source.sample: SampleEntry(test=source.test) for source in plan.sources},
        inputs=[
            InputEvents(**file.model_dump(), sample=source.sample, events=plan.events_of_input(file, source.test))
            for source in plan.sources
            for file in source.inputs
        ],
        shards=list(_shards(plan.shards(), folder, planned, progress)),
    )
    write_text(folder / NAME, sealed(manifest.model_dump(mode="json")))
    return manifest


def read(folder: str | Path) -> Manifest:
    """Reads the manifest of a data set.

    Raises:
        DataError: none there, not a manifest, or damaged.
    """
    path = Path(folder) / NAME
    try:
        return Manifest.model_validate(opened(path, path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder}: {_instead(Path(folder))}") from error
    except (OSError, ValueError) as error:
        raise_if_machine_fault(error, path)
        text = " ".join(str(error).split())[:300]
        raise DataError(f"{path}: not a manifest: {text}") from error


def _instead(folder: Path) -> str:
    """What is there that is no data set."""
    if folder.is_file():
        return "a file; a data set is a folder with shards and manifest"
    if not folder.exists():
        return "no such folder"
    inside = [path.parent.name for path in sorted(folder.glob(f"*/{NAME}"))]
    return f"no {NAME}: not a data set, or not finished" + (f"; is it {folder / inside[0]}?" if inside else "")


def geometry(contents: Manifest, folder: Path) -> ImageGeometry:
    """The pixels of a data set's images.

    Args:
        contents: its manifest; where that is of version 1.0, which does not say, the first shard tells.
        folder: where the shards are.

    Raises:
        DataError: the manifest does not say and no shard is there, or what is said is no geometry.
    """
    if (said := _said(contents)) is not None:
        return said
    for path in (folder / shard.name for shard in contents.shards):
        if path.is_file():
            with Reader(path) as reader:
                return ImageGeometry.of(reader.attributes, path)
    raise DataError(f"{folder / NAME}: says nothing of the images' pixels, and none of its shards is there to tell")


def _said(contents: Manifest) -> ImageGeometry | None:
    """The geometry that the manifest itself says."""
    if contents.image_shape is None or contents.eta_pitch is None:
        return None
    said = contents.model_dump(include={"channels", "image_shape", "eta_pitch", "phi_pitch"}, exclude_none=True)
    return ImageGeometry.of(said, Path(NAME))


def other_geometry(reader: Reader, contents: Manifest) -> str:
    """What is wrong with a shard whose images are not those of the manifest; nothing if they are."""
    said, found = _said(contents), ImageGeometry.of(reader.attributes, reader.path)
    return f"{reader.path}: images of {found}; the manifest has {said}" if said not in (None, found) else ""


def check_shard(path: Path, contents: Manifest, expected: ImageGeometry) -> None:
    """Refuses a shard that is not of its data set's classes and geometry.

    Raises:
        DataError: naming the shard; or it cannot be read.
    """
    with Reader(path) as reader:
        found, names = ImageGeometry.of(reader.attributes, path), reader.attributes["class_names"]
    if found != expected:
        raise DataError(f"{path}: images of {found}; the data set has {expected}: a data set has one geometry")
    if names != contents.class_names:
        raise DataError(f"{path}: classes {', '.join(names)}; the data set has {', '.join(contents.class_names)}")


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


def _shards(
    wanted: Mapping[str, int], folder: Path, planned: ImageGeometry, progress: Callable[[int], None]
) -> Iterator[Shard]:
    for name, n_events in wanted.items():
        yield _shard(folder / name, n_events, planned)
        progress(n_events)


def _shard(path: Path, n_events: int, planned: ImageGeometry) -> Shard:
    with Reader(path) as reader:
        if reader.n_events != n_events:
            raise DataError(f"{path}: {reader.n_events} events, {n_events} planned; make it again")
        split, found = reader.attributes["split"], ImageGeometry.of(reader.attributes, path)
    if split != path.name.partition("-")[0]:
        raise DataError(f"{path}: events of split {split}; make it again")
    if found != planned:
        raise DataError(f"{path}: images of {found}; planned were {planned}; make it again")
    return Shard(name=path.name, split=split, sha256=sha256(path), n_events=n_events, bytes=path.stat().st_size)
