"""A data set of composed images from a data set of single objects, split by split."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from jetimg.common.atomic import refuse_link, replace_folder
from jetimg.common.errors import DataError
from jetimg.composition.settings import Composition
from jetimg.composition.write import compose
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.plan import DRAWN, Sharding

EVENTS = "events"


def compose_data_set(
    folder: Path,
    output: Path,
    chosen: Composition,
    *,
    images: Mapping[str, int],
    sample: str,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> manifest.Manifest:
    """Makes a data set whose images of each split are composed of that split's objects alone.

    Args:
        folder: the data set of single objects, and backgrounds.
        output: the folder to make; it appears complete.
        chosen: how images are composed.
        images: how many, by split.
        sample: what they are called.
        seed: of everything drawn.
        progress: called with the number of images done since its last call.

    Raises:
        DataError: no data set of single objects, no events of a split, or a folder that cannot be written.
        ValueError: a split that composed images cannot have.
    """
    if wrong := sorted(set(images) - set(DRAWN)):
        raise ValueError(f"no composed images of split {wrong[0]!r}: {', '.join(sorted(DRAWN))}")
    refuse_link(output)
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        events = partial / EVENTS
        made = {split: events / f"{split}.h5" for split in images}
        for split, path in made.items():
            compose(
                _shards(folder, split),
                path,
                chosen,
                n_images=images[split],
                sample=sample,
                seed=seed,
                name=f"composed, {split}",
                progress=progress,
            )
        contents = _data_set(partial, list(made.values()), {f"composed, {split}": split for split in made}, seed)
        shutil.rmtree(events)
        replace_folder(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return contents


def _shards(folder: Path, split: str) -> list[Path]:
    """The shards of a split.

    Raises:
        DataError: there are none.
    """
    contents = manifest.read(folder)
    found = [folder / one.name for one in contents.shards if one.split == split and one.n_events]
    if not found:
        raise DataError(f"{folder}: no {split} events to compose; it has {manifest.splits(contents)}")
    return found


def _data_set(folder: Path, events: list[Path], splits: dict[str, str], seed: int) -> manifest.Manifest:
    planned = plan.make(events, Sharding(seed=seed), [], {}, splits)
    for name in planned.shards():
        shard.make(planned, name, folder / name)
    return manifest.make(planned, folder)
