"""Images of many objects, put together from events with one object each (G. Grasseau et al., CHEP 2019).

The objects of an image are drawn from all objects; each is turned about the beam, mirrored in eta and shifted by a
pixel, at random, and laid over the others, and over an event without objects if backgrounds are wanted. Where each
object is, is known exactly: its mask comes from its own deposits alone.
Image number n of an epoch follows from the seed, n and the epoch, whoever makes it and in whatever order.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.common.errors import DataError
from jetimg.composition.settings import Composition
from jetimg.event_file import masks
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch, concatenate
from jetimg.loader import augment
from jetimg.loader.event_files import EventFiles
from jetimg.loader.sparse import Masks, SparseBatch

Ints = NDArray[np.int64]

# Events that are read at once.
STEP = 4096


class Composed(NamedTuple):
    """Some composed images.

    Attributes:
        images: with the objects as jets, by descending pt in each image.
        source: (jets), the number of each in the tables of `Composer.jets`.
        shapes: the ellipses of their deposits.
    """

    images: SparseBatch
    source: Ints
    shapes: masks.Ellipses


class Composer:
    """Objects and backgrounds in memory, and the images that they make.

    Attributes:
        files: where they came from.
        chosen: how images are composed.
        jets: tables of all objects, as in /jets.
        box_radius: half the width of the box around an object's centre, in eta and phi: that of the files' settings.
        left_out: events that are neither background nor an object: without a hit, or not with one jet.
    """

    def __init__(self, paths: Sequence[Path], chosen: Composition, seed: int) -> None:
        """Reads all events.

        Args:
            paths: event files or shards, whose events have one jet each, but for the backgrounds.
            chosen: how images are composed.
            seed: of everything drawn.

        Raises:
            DataError: not event files of one kind, no objects, or no events of the background's sample.
        """
        self.files, self.chosen, self.seed = EventFiles(paths), chosen, seed
        if "masks" in self.files.tables:
            raise DataError(f"{paths[0]}: has masks, so it is composed already; objects come one an event")
        self.box_radius = float(self.files.reader(0).attributes["config"]["box_radius"])
        self.grid = Grid(self.files.geometry.eta_pitch, *self.files.geometry.image_shape)
        parts = list(self.files.batches(STEP))
        ground = np.concatenate([self._of_background(file, batch) for file, batch in parts])
        everything = concatenate([batch for _, batch in parts])
        hits = np.sum([np.diff(everything.tables[name]["indptr"]) for name in CHANNELS], axis=0)
        one = (np.diff(everything.tables["jets"]["indptr"]) == 1) & (hits > 0) & ~ground
        self.left_out = int((~one & ~ground).sum())
        self._objects = everything.take(np.flatnonzero(one))
        self._grounds = _without_jets(everything.take(np.flatnonzero(ground)))
        self.jets = self._objects.tables["jets"]
        if not len(self._objects):
            raise DataError(f"{paths[0]}: no events with one object each: nothing to compose")
        if chosen.background and not len(self._grounds):
            known = ", ".join(sorted({name for names in self.files.sample_names for name in names}))
            raise DataError(f"{paths[0]}: no events of sample {chosen.background}; the samples are {known}")

    def _of_background(self, file: int, batch: Batch) -> NDArray[np.bool_]:
        names = np.array(self.files.sample_names[file])
        return np.asarray(names[batch.tables["events"]["sample"]] == self.chosen.background)

    @property
    def n_objects(self) -> int:
        """Objects to draw from."""
        return len(self._objects)

    @property
    def n_backgrounds(self) -> int:
        """Backgrounds to draw from."""
        return len(self._grounds)

    def compose(self, numbers: Sequence[int] | Ints, epoch: int = 0) -> Composed:
        """Some images.

        Args:
            numbers: which.
            epoch: images of the same number differ from epoch to epoch.
        """
        draws = [np.random.default_rng((self.seed, epoch, int(number))) for number in numbers]
        chosen = [self._draw(draw) for draw in draws]
        source, group = np.concatenate(chosen), np.repeat(np.arange(len(draws)), [len(rows) for rows in chosen])
        events = self._objects.take(source)
        moves = [self._moves(draw, len(rows)) for draw, rows in zip(draws, chosen, strict=True)]
        if self.chosen.background:
            rows = np.array([draw.integers(self.n_backgrounds) for draw in draws])
            moves += [self._moves(draw, 1) for draw in draws]
            group = np.concatenate([group, np.arange(len(draws))])
            events = concatenate([events, self._grounds.take(rows)])
        order = np.argsort(group, kind="stable")
        single = self._moved(events.take(order), np.concatenate(moves, axis=1)[:, order])
        shapes, found = self._shapes(single, len(source))
        images = augment.overlay(replace(single, box=self._boxes(shapes), masks=found), group[order])
        return Composed(replace(images, event=np.asarray(numbers, np.int64)), source, shapes)

    def _draw(self, draw: np.random.Generator) -> Ints:
        """The objects of an image, by descending pt."""
        low, high = self.chosen.objects
        rows = draw.integers(self.n_objects, size=draw.integers(low, high + 1))
        return rows[np.argsort(-self.jets["pt"][rows], kind="stable")]

    def _moves(self, draw: np.random.Generator, n: int) -> Ints:
        """Whether each of n events is mirrored, and the pixels by which it is shifted in eta and phi; (3, n)."""
        flip = draw.random(n) < self.chosen.flip_eta
        shift = draw.integers(-self.chosen.shift, self.chosen.shift + 1, n)
        return np.stack([flip, shift, draw.integers(self.grid.n_phi, size=n) * self.chosen.rotate]).astype(np.int64)

    def _moved(self, events: Batch, moves: Ints) -> SparseBatch:
        batch = SparseBatch.of(events, np.arange(len(events)), self.files.geometry.image_shape)
        batch = augment.shift_eta(augment.flip_eta(batch, moves[0] > 0), moves[1])
        return augment.rotate(batch, moves[2])

    def _shapes(self, single: SparseBatch, n: int) -> tuple[masks.Ellipses, Masks]:
        """Ellipses and masks of the n objects among these events, from the deposits of each alone."""
        image = single.image_of_hit
        mine = single.jet_counts[image] > 0
        owner, pixel = (np.cumsum(single.jet_counts) - 1)[image[mine]], single.pixel[mine]
        shaping = _of_calorimeters(owner, single.channel_of_hit[mine], n)
        shapes = masks.ellipses(owner[shaping], pixel[shaping], single.value[mine][shaping], n, self.grid.n_phi)
        if self.chosen.mask == "ellipse":
            owner, inside = masks.inside(shapes, single.shape)
        else:
            owner, inside = np.divmod(np.unique(owner * self.grid.size + pixel), self.grid.size)
        return shapes, Masks(np.bincount(owner, minlength=n), inside.astype(np.uint32))

    def _boxes(self, shapes: masks.Ellipses) -> NDArray[np.float32]:
        eta, phi = self.axes(shapes)
        return boxes.around(self.grid, eta, phi, self.box_radius)

    def axes(self, shapes: masks.Ellipses) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The eta and phi of the objects' centres, as event files have them."""
        eta, phi = self.grid.to_angles(*shapes.centre.T)
        return eta.astype(np.float32), phi.astype(np.float32)


def _of_calorimeters(owner: Ints, channel: Ints, n: int) -> NDArray[np.bool_]:
    """Hits that give an object its shape: those in calorimeters; its tracks if there are none."""
    calorimeter = channel != CHANNELS.index("tracker")
    without = np.bincount(owner, calorimeter, n) == 0
    chosen: NDArray[np.bool_] = calorimeter | without[owner]
    return chosen


def _without_jets(batch: Batch) -> Batch:
    jets = {name: column[:0] for name, column in batch.tables["jets"].items()}
    return Batch(batch.tables | {"jets": jets | {"indptr": np.zeros(len(batch) + 1, np.int64)}})
