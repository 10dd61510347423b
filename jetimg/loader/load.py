"""`jetimg.load`: a data set in one line."""

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.plan import SPLITS
from jetimg.event_file.store import Reader
from jetimg.loader.event_files import EventFiles, Split
from jetimg.loader.jet_events import CACHE_BYTES, JetEvents

Source = str | os.PathLike[str]
SampleKind = Literal["images", "particles"]

# What a user means by a record of Zenodo; what it is exactly, the download tells.
_RECORD = re.compile(r"(https?://doi\.org/|doi:)?10\.\d+/\S+|\d{1,18}", re.IGNORECASE)


def load(
    source: Source | Sequence[Source],
    split: Split | None = None,
    *,
    cache: Source | None = None,
    cache_bytes: int = CACHE_BYTES,
    sample: SampleKind = "images",
) -> JetEvents:
    """The events of a data set.

    Args:
        source: a data set's folder; one file, a pattern, or a list of event files or shards; or a record of Zenodo, by
            its DOI or number.
        split: train, validation, test or heldout; all of them if None.
        cache: folder for records that are downloaded; `jetimg` in the user's cache folder if None.
        cache_bytes: bytes of events that stay in memory after they were looked up.
        sample: images; or particles: their lists too, which the files have if `particles` was set in the settings of
            `jetimg convert`: `events[i].particles` and `events.particles()`.

    Returns:
        The events, in the order of the files.

    Raises:
        DataError: nothing there, no events of this split, not the files of one data set, or no lists of particles.
        ValueError: no such split or sample.
    """
    if sample not in get_args(SampleKind):
        raise ValueError(f"sample {sample!r}: one of {', '.join(get_args(SampleKind))}")
    if split is not None and split not in SPLITS:
        raise ValueError(f"split {split!r}: one of {', '.join(SPLITS)}")
    paths = _paths(source, cache)
    if len(paths) == 1 and paths[0].is_dir():
        chosen = [path for files in _of_dataset(paths[0], split).values() for path in files]
    else:
        found = _of_files(paths, split)
        chosen = [path for path in paths if any(path in files for files in found.values())]
    also = ("particles",) if sample == "particles" else ()
    return JetEvents(EventFiles(chosen, also), cache_bytes=cache_bytes)


def _paths(source: Source | Sequence[Source], cache: Source | None) -> list[Path]:
    """What a source names: files, or a folder; a record is fetched."""
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        if _RECORD.fullmatch(text) and not Path(text).exists():
            from jetimg.release.cached import cached

            text = os.fspath(cached(text, Path(cache) if cache is not None else None))
        source = sorted(glob.glob(text)) if glob.has_magic(text) and not Path(text).exists() else [text]
        if not source:
            raise DataError(f"{text}: matches no file")
    elif not isinstance(source, Sequence):
        raise TypeError(f"{source!r}: not a folder, a file, a record, or a list of files")
    if remote := [name for name in source if "://" in os.fspath(name)]:
        raise DataError(f"{remote[0]}: an address; only records of Zenodo are fetched, by DOI or number")
    return [Path(path) for path in source]


def files_by_split(
    sources: Sequence[Path], split: Split | None = None, also: Sequence[str] = ()
) -> dict[str, EventFiles]:
    """The files of a data set, or of a list, by the split of their events; those without events are left out.

    Args:
        sources: the folder of one data set; or event files or shards.
        split: only this one.
        also: optional tables that are read too.

    Raises:
        DataError: nothing there, no events of this split, not the files of one data set, or a table that is not there.
    """
    of_dataset = len(sources) == 1 and sources[0].is_dir()
    found = _of_dataset(sources[0], split) if of_dataset else _of_files(sources, split)
    return {name: EventFiles(paths, also) for name, paths in found.items()}


def _of_dataset(folder: Path, split: Split | None) -> dict[str, list[Path]]:
    """The shards of a folder with a manifest, which has to agree with the first of them."""
    contents = manifest.read(folder)
    found: dict[str, list[Path]] = {}
    for shard in contents.shards:
        if shard.n_events:
            found.setdefault(shard.split, []).append(folder / shard.name)
    if not (chosen := {name: paths for name, paths in found.items() if split in (None, name)}):
        raise DataError(
            f"{folder}: no {f'{split} ' if split else ''}events; it has {', '.join(found) or 'none at all'}"
        )
    manifest.check_shard(next(iter(chosen.values()))[0], contents, manifest.geometry(contents, folder))
    return chosen


def _of_files(paths: Sequence[Path], split: Split | None) -> dict[str, list[Path]]:
    """Files by the split that they say of themselves."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        if path.is_dir():
            raise DataError(f"{path}: a folder in a list of files; load data sets one by one")
        with Reader(path) as reader:
            found.setdefault(reader.attributes["split"], []).append(path)
    if not found:
        raise DataError("no event files: nothing to read")
    if not (chosen := {name: files for name, files in found.items() if split in (None, name)}):
        raise DataError(f"no {split} events in {len(paths)} files: they have {', '.join(sorted(found))}")
    return chosen
