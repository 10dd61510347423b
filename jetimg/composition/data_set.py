"""A data set of composed images from a data set of single objects, split by split."""

import re
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
# What the inputs of such a data set are called, before their split.
COMPOSED = "composed, "


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
        DataError: no data set of single objects, no events of a split, or a folder that cannot be written, or that
            holds something else than composed images.
        ValueError: a split that composed images cannot have.
    """
    if wrong := sorted(set(images) - set(DRAWN)):
        raise ValueError(f"no composed images of split {wrong[0]!r}: {', '.join(sorted(DRAWN))}")
    refuse_link(output)
    _check_output(folder, output)
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
                name=f"{COMPOSED}{split}",
                progress=progress,
            )
        contents = _data_set(partial, list(made.values()), {f"{COMPOSED}{split}": split for split in made}, seed)
        shutil.rmtree(events)
        replace_folder(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return contents


def _check_output(folder: Path, output: Path) -> None:
    """Refuses a folder that is not of composed images: it is replaced as a whole.

    Raises:
        DataError: naming what is there.
    """
    if not output.exists():
        return
    if output.samefile(folder):
        raise DataError(f"{output}: is the data set that is read; choose another folder")
    # Snakemake removes the manifest before it makes it again, and leaves a file of its own.
    ours = re.compile(rf"(train|validation|heldout)-\d+\.h5|{re.escape(manifest.NAME)}|\.snakemake_timestamp")
    if others := sorted(path.name for path in output.iterdir() if not ours.fullmatch(path.name)):
        raise DataError(f"{output}: holds other files ({others[0]}, ...); choose a folder of its own")
    there = manifest.read(output).inputs if (output / manifest.NAME).is_file() else []
    if any(not row.name.startswith(COMPOSED) for row in there):
        raise DataError(f"{output}: is a data set of other images; choose another folder, or remove it")


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
