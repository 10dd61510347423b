"""Some events' images as lists of hits, with their boxes: what the loader hands on and augmentation changes.

A CMS-like image of 3 x 340 x 360 pixels has some 2,400 hits: 20 kB instead of 1.5 MB. It becomes dense where it is
used (`jetimg.loader.torch_dataset.dense`), on the GPU if there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.common.native import Vector, native
from jetimg.event_file import masks
from jetimg.event_file.batch import Batch
from jetimg.event_file.layout import CHANNELS

# The tables that images, boxes and, where files have them, masks are made from.
TABLES = (*CHANNELS, "jets", "events", "masks")


def check(batch: Batch, shape: tuple[int, int], n_classes: int, path: Path) -> None:
    """Refuses what would be written into another image, or make a loss of nothing.

    Args:
        batch: events of a file.
        shape: pixels along eta and phi.
        n_classes: how many classes the file has.
        path: the file.

    Raises:
        DataError: a pixel beyond the image, a class beyond the classes, or a value that is not finite or not above 0.
    """
    for name in CHANNELS:
        pixel, value = batch.tables[name]["pixel"], batch.tables[name]["value"]
        if len(pixel) and int(pixel.max()) >= shape[0] * shape[1]:
            raise DataError(f"{path}: /{name}: pixel {pixel.max()} beyond the image's {shape[0]} x {shape[1]}")
        # Comparisons with NaN are false.
        if len(value) and not (value.min() > 0 and value.max() < np.inf):
            raise DataError(f"{path}: /{name}/value is not finite and above 0; `jetimg verify` says where")
    jets = batch.tables["jets"]
    if np.any(jets["class_id"] >= n_classes):
        raise DataError(f"{path}: /jets/class_id {jets['class_id'].max()} beyond the {n_classes} classes")
    for table in ("jets", "events"):
        for name, column in batch.tables[table].items():
            if column.dtype.kind == "f" and not np.isfinite(column).all():
                raise DataError(f"{path}: /{table}/{name} is not finite; `jetimg verify` says where")
    if "masks" in batch.tables:
        pixel, (_, wrong) = batch.tables["masks"]["pixel"], masks.owners(batch.tables)
        if wrong or (len(pixel) and int(pixel.max()) >= shape[0] * shape[1]):
            raise DataError(f"{path}: /masks has jets or pixels beyond the event's; `jetimg verify` says where")


class BatchTruth(NamedTuple):
    """The jets of a batch, padded to the largest number of jets in an image.

    Attributes:
        box: float32 (images, jets, 4), pixels as in `detector.geometry.boxes`; 0 where there is no jet.
        class_id: int64 (images, jets); -1 where there is no jet.
        pt: float32 (images, jets), GeV.
    """

    box: NDArray[np.float32]
    class_id: NDArray[np.int64]
    pt: NDArray[np.float32]


class Masks(NamedTuple):
    """The masks of a batch's jets.

    Attributes:
        counts: int64 (jets), pixels of each.
        pixel: uint32 (pixels), flat; jet by jet, in any order within a jet.
    """

    counts: NDArray[np.int64]
    pixel: NDArray[np.uint32]

    @property
    def jet_of_pixel(self) -> NDArray[np.int64]:
        """The jet of each pixel, (pixels)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


@dataclass(frozen=True)
class SparseBatch:
    """Images as hits, and their jets.

    Hits lie channel by channel, image by image; no pixel of an image's channel stands twice.

    Attributes:
        shape: pixels along eta and phi.
        counts: int64 (3, images), hits of each channel and image.
        pixel: uint32 (hits), eta_index * n_phi + phi_index.
        value: float32 (hits), GeV.
        jet_counts: int64 (images).
        box: float32 (jets, 4), as in `detector.geometry.boxes`; jets lie image by image.
        class_id: int64 (jets).
        pt: float32 (jets), GeV.
        event: int64 (images), number of the event in its data set; of an overlay, of its first event.
        masks: of the jets; None where the files have none.
    """

    shape: tuple[int, int]
    counts: NDArray[np.int64]
    pixel: NDArray[np.uint32]
    value: NDArray[np.float32]
    jet_counts: NDArray[np.int64]
    box: NDArray[np.float32]
    class_id: NDArray[np.int64]
    pt: NDArray[np.float32]
    event: NDArray[np.int64]
    masks: Masks | None = None

    @classmethod
    def of(
        cls, batch: Batch, event: NDArray[np.int64], shape: tuple[int, int], chosen: NDArray[np.int64] | None = None
    ) -> "SparseBatch":
        """The images and jets of events that were read from event files.

        Args:
            batch: events, with at least the tables of `TABLES`.
            event: (images), their numbers.
            shape: pixels along eta and phi.
            chosen: (images), which of the events, in the order wanted, counted from 0; all if None.
        """
        if chosen is None:
            chosen = np.arange(len(batch))
        # Few calls for a batch: what Python does between two large images finds nothing of its own in the caches.
        ends = np.stack([batch.tables[name]["indptr"] for name in (*CHANNELS, "jets")])
        first = ends.take(chosen, axis=1)
        lengths = ends.take(chosen + 1, axis=1) - first
        counts, jet_counts = lengths[:-1], lengths[-1]
        # Straight from where the hits lie to where they go: each is copied once.
        pixel, value = np.empty(counts.sum(), np.uint32), np.empty(counts.sum(), np.float32)
        at = 0
        for k, n in enumerate(counts.sum(axis=1).tolist()):
            hits, here = batch.tables[CHANNELS[k]], slice(at, at := at + n)
            _gather(first[k], counts[k], hits["pixel"], hits["value"], pixel[here], value[here])
        jets = batch.tables["jets"]
        row = np.repeat(first[-1] - np.cumsum(jet_counts) + jet_counts, jet_counts)
        row += np.arange(len(row))
        return cls(
            shape=shape,
            counts=counts,
            pixel=pixel,
            value=value,
            jet_counts=jet_counts,
            box=jets["box"][row],
            class_id=jets["class_id"][row].astype(np.int64),
            pt=jets["pt"][row],
            event=event,
            masks=_masks(batch, chosen) if "masks" in batch.tables else None,
        )

    def __len__(self) -> int:
        return len(self.jet_counts)

    @property
    def image_of_hit(self) -> NDArray[np.int64]:
        """The image of each hit, (hits)."""
        return np.repeat(np.tile(np.arange(len(self)), len(CHANNELS)), self.counts.ravel())

    @property
    def channel_of_hit(self) -> NDArray[np.int64]:
        """The channel of each hit, (hits)."""
        return np.repeat(np.arange(len(CHANNELS)), self.counts.sum(axis=1))

    @property
    def image_of_jet(self) -> NDArray[np.int64]:
        """The image of each jet, (jets)."""
        return np.repeat(np.arange(len(self)), self.jet_counts)

    def boxes(self) -> Sequence[NDArray[np.float32]]:
        """The boxes of each image, (jets, 4) each."""
        return np.split(self.box, np.cumsum(self.jet_counts)[:-1])

    def truth(self) -> BatchTruth:
        """The jets of all images in arrays of one shape."""
        images, most = len(self), int(self.jet_counts.max(initial=0))
        first = np.cumsum(self.jet_counts) - self.jet_counts
        index = self.image_of_jet, np.arange(len(self.pt)) - np.repeat(first, self.jet_counts)
        truth = BatchTruth(
            box=np.zeros((images, most, 4), np.float32),
            class_id=np.full((images, most), -1, np.int64),
            pt=np.zeros((images, most), np.float32),
        )
        truth.box[index], truth.class_id[index], truth.pt[index] = self.box, self.class_id, self.pt
        return truth


@native
def _gather(
    first: Vector[np.int64],
    counts: Vector[np.int64],
    pixel: Vector[np.uint32],
    value: Vector[np.float32],
    pixels: Vector[np.uint32],
    values: Vector[np.float32],
) -> None:
    """The hits of some events, one event after the other."""
    at = 0
    for k in range(len(first)):
        source, target = pixel[first[k] : first[k] + counts[k]], pixels[at : at + counts[k]]
        # Two loops, so that each becomes one copy of memory.
        for i in range(len(source)):
            target[i] = source[i]
        numbers, places = value[first[k] : first[k] + counts[k]], values[at : at + counts[k]]
        for i in range(len(numbers)):
            places[i] = numbers[i]
        at += counts[k]


def _masks(batch: Batch, events: NDArray[np.int64]) -> Masks:
    tables = {"jets": {"indptr": batch.tables["jets"]["indptr"]}, "masks": batch.tables["masks"]}
    found = Batch(tables).take(events).tables
    owner, _ = masks.owners(found)
    return Masks(np.bincount(owner, minlength=int(found["jets"]["indptr"][-1])), found["masks"]["pixel"])
