"""Composed images as an event file, for plan, shards and manifest like any other."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.composition.composer import Composed, Composer
from jetimg.composition.settings import Composition
from jetimg.dataset.plan import common
from jetimg.event_file import masks, store
from jetimg.event_file.digest import digests
from jetimg.event_file.layout import CHANNELS, TABLES

# Images in memory together.
STEP = 500


def compose(
    paths: Sequence[Path],
    output: Path,
    chosen: Composition,
    *,
    n_images: int,
    sample: str,
    seed: int,
    name: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> Composer:
    """Makes an event file of composed images, with /masks and /shapes.

    Args:
        paths: event files or shards with one object an event, and backgrounds.
        output: the event file to make.
        chosen: how images are composed.
        n_images: how many.
        sample: what they are called.
        seed: of everything drawn.
        name: of the input that the event file says its events are from; the output's if not given.
        progress: called with the number of images done since its last call.

    Returns:
        What the images were made of.

    Raises:
        DataError: not event files of one kind, nothing to compose; or the output cannot be written.
    """
    composer = Composer(paths, chosen, seed)
    recipe = {
        "composition": chosen.model_dump(mode="json"),
        "seed": seed,
        "images": n_images,
        "inputs": {path.name: sha256(path) for path in paths},
    }
    attributes = _common(composer)
    attributes |= {"kind": "events", "split": "all", "sample_names": [sample], "composed": recipe}
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    with store.create(output, attributes) as writer:
        for start in range(0, n_images, STEP):
            numbers = range(start, min(start + STEP, n_images))
            writer.append(_batch(composer, composer.compose(numbers), start))
            progress(len(numbers))
        writer.files.append(store.InputFile(name or str(output), digest, n_images))
    return composer


def _common(composer: Composer) -> dict[str, Any]:
    """What the event files say of themselves, all of them the same."""
    paths = composer.files.paths
    said = [common(composer.files.reader(number)) for number in range(len(paths))]
    for path, found in zip(paths, said, strict=True):
        if other := [key for key in found if found[key] != said[0][key]]:
            raise DataError(f"{path} was made with another {other[0]} than {paths[0]}: convert both in the same way")
    return said[0]


def _batch(composer: Composer, made: Composed, first: int) -> store.Batch:
    """The tables of some images, of which the first has this number."""
    images, n = made.images, len(made.images)
    tables = _channels(made)
    indptr = _ends(images.jet_counts)
    eta, phi = composer.axes(made.shapes)
    jets = {name: column[made.source] for name, column in composer.jets.items() if name != "indptr"}
    tables["jets"] = {"indptr": indptr} | jets | {"eta": eta, "phi": phi, "box": images.box}
    nothing = {name: np.empty(0, column.dtype) for name, column in TABLES["baseline"].items()}
    tables["baseline"] = {"indptr": np.zeros(n + 1, np.int64)} | nothing
    tables |= _masks(made, indptr)
    tables["events"] = {
        "sample": np.zeros(n, np.uint8),
        "file": np.zeros(n, np.uint32),
        "entry": np.arange(first, first + n, dtype=np.uint32),
        "weight": np.ones(n, np.float32),
        "digest": digests(tables),
    }
    return store.Batch(tables)


def _channels(made: Composed) -> dict[str, store.Columns]:
    images, tables, first = made.images, {}, 0
    for name, counts in zip(CHANNELS, images.counts, strict=True):
        rows = slice(first, first := first + int(counts.sum()))
        tables[name] = {"indptr": _ends(counts), "pixel": images.pixel[rows], "value": images.value[rows]}
    return tables


def _masks(made: Composed, jets: np.ndarray[Any, Any]) -> dict[str, store.Columns]:
    images, found = made.images, made.images.masks
    assert found is not None
    owner = found.jet_of_pixel
    image = images.image_of_jet
    order = np.lexsort((found.pixel, owner))
    centre = made.shapes.centre.astype(np.float32)
    per_image = np.bincount(image, found.counts, len(images)).astype(np.int64)
    pixel = found.pixel[order]
    return {
        "shapes": {
            "indptr": jets,
            "box": masks.boxes(owner, pixel, centre.astype(np.float64), images.shape),
            "centre": centre,
            "axes": made.shapes.axes.astype(np.float32),
            "angle": np.minimum(made.shapes.angle, np.pi).astype(np.float32),
        },
        "masks": {"indptr": _ends(per_image), "jet": (owner - jets[image[owner]]).astype(np.uint16), "pixel": pixel},
    }


def _ends(counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
