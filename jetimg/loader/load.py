"""`jetimg.load`: a data set in one line."""

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.plan import SPLITS
from jetimg.event_file.store import Reader
from jetimg.loader.event_files import EventFiles, Split
from jetimg.loader.jet_events import CACHE_BYTES, JetEvents

Source = str | os.PathLike[str]

# What a user means by a record of Zenodo; what it is exactly, the download tells.
_RECORD = re.compile(r"(https?://doi\.org/|doi:)?10\.\d+/\S+|\d{1,18}", re.IGNORECASE)


def load(
    source: Source | Sequence[Source],
    split: Split | None = None,
    *,
    cache: Source | None = None,
    cache_bytes: int = CACHE_BYTES,
) -> JetEvents:
    """The events of a data set.

    Args:
        source: a data set's folder; one file, a pattern, or a list of event files or shards; or a record of Zenodo, by
            its DOI or number.
        split: train, validation, test or heldout; all of them if None.
        cache: folder for records that are downloaded; `jetimg` in the user's cache folder if None.
        cache_bytes: bytes of events that stay in memory after they were looked up.

    Returns:
        The events, in the order of the files.

    Raises:
        DataError: nothing there, no events of this split, or not the files of one data set.
        ValueError: no such split.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(f"split {split!r}: one of {', '.join(SPLITS)}")
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        if _RECORD.fullmatch(text) and not Path(text).exists():
            from jetimg.release.cached import cached

            text = os.fspath(cached(text, Path(cache) if cache is not None else None))
        if Path(text).is_dir():
            return _of_dataset(Path(text), split, cache_bytes)
        source = sorted(glob.glob(text)) if glob.has_magic(text) and not Path(text).exists() else [text]
        if not source:
            raise DataError(f"{text}: matches no file")
    return JetEvents(EventFiles(_of_split([Path(path) for path in source], split)), cache_bytes=cache_bytes)


def _of_dataset(folder: Path, split: Split | None, cache_bytes: int) -> JetEvents:
    """The events of a folder with a manifest, which its shards have to agree with."""
    contents = manifest.read(folder)
    shards = [shard for shard in contents.shards if split in (None, shard.split)]
    if not any(shard.n_events for shard in shards):
        there = dict.fromkeys(shard.split for shard in contents.shards if shard.n_events)
        raise DataError(f"{folder}: no {split or ''} events; it has {', '.join(there) or 'none at all'}")
    paths = [folder / shard.name for shard in shards]
    manifest.check_shard(paths[0], contents, manifest.geometry(contents, folder))
    return JetEvents(EventFiles(paths), cache_bytes=cache_bytes)


def _of_split(paths: list[Path], split: Split | None) -> list[Path]:
    """Those of some files whose events are of this split, as they say themselves."""
    for path in paths:
        if path.is_dir():
            raise DataError(f"{path}: a folder in a list of files; load data sets one by one")
    if split is None:
        return paths
    found = {}
    for path in paths:
        with Reader(path) as reader:
            found[path] = reader.attributes["split"]
    if split not in found.values():
        raise DataError(f"no {split} events in {len(paths)} files: they have {', '.join(sorted(set(found.values())))}")
    return [path for path in paths if found[path] == split]
