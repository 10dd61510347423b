"""Where an event of a data set stands."""

from pathlib import Path

import numpy as np

from jetimg.dataset import manifest
from jetimg.event_file.store import Reader


def find(folder: Path, sample: str, number: int = 0) -> tuple[Path, int]:
    """The shard that holds a given event of a sample, and the index of the event in that shard.

    Args:
        folder: the data set.
        sample: name of the sample.
        number: counted from 0 over the sample's events, shard by shard in the manifest's order.

    Raises:
        DataError: not a data set, or a shard is missing or damaged.
        ValueError: the data set has no such sample, or not so many of its events.
    """
    contents = manifest.read(folder)
    if sample not in contents.samples:
        raise ValueError(f"{folder}: no sample {sample!r}; it has {', '.join(contents.samples)}")
    before = 0
    for shard in contents.shards:
        with Reader(folder / shard.name) as reader:
            names = reader.attributes["sample_names"]
            wanted = names.index(sample) if sample in names else -1
            mine = np.flatnonzero(reader.read(tables=("events",)).tables["events"]["sample"] == wanted)
        if 0 <= number - before < len(mine):
            return folder / shard.name, int(mine[number - before])
        before += len(mine)
    raise ValueError(f"{folder}: no event {number} of sample {sample}: it has {before} events")
