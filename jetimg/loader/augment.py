"""Augmentation: events that are mirrored, rotated about the beam, or overlaid.

Everything acts on hits, boxes and masks, not on dense images, and is exact: a turn by whole pixels moves hits
across the seam at phi = +-pi and loses none. Mirroring in eta and phi and the shift in phi are those of
the ECAL images, the shift in eta and the overlay of images with one object each those of the HGCal study.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.layout import CHANNELS
from jetimg.loader.sparse import SparseBatch


def flip_eta(batch: SparseBatch, chosen: NDArray[np.bool_]) -> SparseBatch:
    """Mirrors images eta -> -eta.

    Args:
        batch: the images.
        chosen: (images), which of them.
    """
    n_eta = batch.shape[0]
    mirrored = batch.box.copy()
    mirrored[:, [0, 2]] = n_eta - batch.box[:, [2, 0]]
    box = np.where(chosen[batch.image_of_jet, None], mirrored, batch.box)
    return _moved(batch, lambda row, column, image: (np.where(chosen[image], n_eta - 1 - row, row), column), box)


def shift_eta(batch: SparseBatch, rows: NDArray[np.int64]) -> SparseBatch:
    """Shifts images in eta by whole pixels; one of which something would leave the image stays.

    Args:
        batch: the images.
        rows: (images), pixels towards greater eta.
    """
    n_eta, image = batch.shape[0], batch.image_of_hit
    moved = batch.pixel.astype(np.int64) // batch.shape[1] + rows[image]
    pixels = [(moved, image)]
    if batch.masks is not None:
        image = batch.image_of_jet[batch.masks.jet_of_pixel]
        pixels.append((batch.masks.pixel.astype(np.int64) // batch.shape[1] + rows[image], image))
    rows = rows.copy()
    for moved, image in pixels:
        rows[image[(moved < 0) | (moved >= n_eta)]] = 0
    box = batch.box + rows[batch.image_of_jet, None] * np.array([1, 0, 1, 0], np.float32)
    return _moved(batch, lambda row, column, image: (row + rows[image], column), box)


def flip_phi(batch: SparseBatch, chosen: NDArray[np.bool_]) -> SparseBatch:
    """Mirrors images phi -> -phi.

    Args:
        batch: the images.
        chosen: (images), which of them.
    """
    n_phi = batch.shape[1]
    moved = _moved_to(batch, n_phi - batch.box[:, 3].astype(np.float64))
    box = np.where(chosen[batch.image_of_jet, None], moved, batch.box)
    return _moved(batch, lambda row, column, image: (row, np.where(chosen[image], n_phi - 1 - column, column)), box)


def rotate(batch: SparseBatch, columns: NDArray[np.int64]) -> SparseBatch:
    """Turns images about the beam by whole pixels.

    Args:
        batch: the images.
        columns: (images), pixels towards greater phi.
    """
    n_phi = batch.shape[1]
    box = _moved_to(batch, batch.box[:, 1].astype(np.float64) + columns[batch.image_of_jet])
    return _moved(batch, lambda row, column, image: (row, (column + columns[image]) % n_phi), box)


def overlay(batch: SparseBatch, group: NDArray[np.int64]) -> SparseBatch:
    """Adds up the images of each group; the result has the jets of all of them.

    Args:
        batch: the images.
        group: (images), the new image of each: from 0, ascending, none left out.
    """
    n_groups, size = int(group[-1]) + 1, batch.shape[0] * batch.shape[1]
    key = (batch.channel_of_hit * n_groups + group[batch.image_of_hit]) * size + batch.pixel
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    value = np.add.reduceat(batch.value[order], first) if len(first) else batch.value
    owner, pixel = np.divmod(key[first], size)
    return replace(
        batch,
        counts=np.bincount(owner, minlength=len(CHANNELS) * n_groups).reshape(len(CHANNELS), n_groups),
        pixel=pixel.astype(np.uint32),
        value=value,
        jet_counts=np.bincount(group, batch.jet_counts, n_groups).astype(np.int64),
        event=batch.event[np.searchsorted(group, np.arange(n_groups))],
    )


@dataclass(frozen=True)
class Augmentation:
    """Which changes are made, at random.

    Attributes:
        flip_eta, flip_phi: probability of each mirroring.
        rotate: whether images are turned by a random number of pixels.
        shift: most pixels that images are shifted in eta, either way.
        overlay: events laid over one another to make one image; 1 for none.
    """

    flip_eta: float = 0.5
    flip_phi: float = 0.5
    rotate: bool = True
    overlay: int = 1
    shift: int = 0

    def __call__(self, batch: SparseBatch, random: np.random.Generator) -> SparseBatch:
        """A batch with these changes; with overlays it has so many times fewer images."""
        n_images = len(batch)
        batch = flip_eta(batch, random.random(n_images) < self.flip_eta)
        batch = flip_phi(batch, random.random(n_images) < self.flip_phi)
        if self.rotate:
            batch = rotate(batch, random.integers(batch.shape[1], size=n_images))
        if self.shift:
            batch = shift_eta(batch, random.integers(-self.shift, self.shift + 1, n_images))
        return overlay(batch, np.arange(n_images) // self.overlay) if self.overlay > 1 else batch


Ints = NDArray[np.int64]
# Rows and columns of pixels, and the image of each, to the rows and columns where they are put.
_Move = Callable[[Ints, Ints, Ints], tuple[Ints, Ints]]


def _moved(batch: SparseBatch, move: _Move, box: NDArray[np.float32]) -> SparseBatch:
    """The images with these boxes, and every pixel of hits and masks moved."""
    masks = batch.masks
    if masks is not None:
        masks = masks._replace(pixel=_put(batch, masks.pixel, batch.image_of_jet[masks.jet_of_pixel], move))
    return replace(batch, pixel=_put(batch, batch.pixel, batch.image_of_hit, move), box=box, masks=masks)


def _put(batch: SparseBatch, pixel: NDArray[np.uint32], image: Ints, move: _Move) -> NDArray[np.uint32]:
    row, column = move(*np.divmod(pixel.astype(np.int64), batch.shape[1]), image)
    return (row * batch.shape[1] + column).astype(np.uint32)


def _moved_to(batch: SparseBatch, phi_min: NDArray[np.float64]) -> NDArray[np.float32]:
    """The boxes at another phi, their widths kept; phi_min may be any number of turns off."""
    width = batch.box[:, 3].astype(np.float64) - batch.box[:, 1]
    first = np.mod(phi_min, batch.shape[1]).astype(np.float32)
    first[first >= batch.shape[1]] = 0.0  # a float32 just below n_phi rounds up to it
    moved = batch.box.copy()
    moved[:, 1], moved[:, 3] = first, first + width
    return moved
