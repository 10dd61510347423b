"""Shards as a torch data set of batches, and sparse batches as dense images.

`for batch in JetImages(paths, threads=1)` gives sparse batches, read ahead in a thread; `dense` makes images of one
in one scatter, on the CPU or the GPU. `torch.utils.data.DataLoader(images, batch_size=None, num_workers=2)` reads them
in processes instead, which hand their batches over through a pipe.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from jetimg.common.errors import DataError
from jetimg.common.native import Matrix, Vector, native
from jetimg.dataset import manifest
from jetimg.event_file.store import Batch
from jetimg.loader.augment import Augmentation
from jetimg.loader.event_files import EventFiles, Split
from jetimg.loader.normalise import Normalisation, normalise
from jetimg.loader.read_ahead import read_ahead
from jetimg.loader.sparse import SparseBatch


class DenseImages(NamedTuple):
    """Dense images.

    Attributes:
        pixels: float32 (images, 3, n_eta, n_phi).
        scale: float32 (images), GeV: the energy that a network seeing only `pixels` can measure pt in.
    """

    pixels: Tensor
    scale: Tensor


class JetImages(IterableDataset[SparseBatch]):
    """The events of some shards, as sparse batches.

    With `shuffle`, blocks of neighbouring events are put in random order, and the events of a window of
    some blocks are mixed: ranges are read, never single events. Every event comes once an epoch, over all
    ranks and workers. The batches of an epoch follow from seed, epoch, rank and world size; the number of
    workers only changes their order, that of threads nothing.

    `images[i]` is event i, in the order of the files, as a batch of one.

    Attributes:
        class_names: names of the classes, the same in all files.
        geometry: pixels and channels of the images, the same in all files.
        shape: pixels along eta and phi.
        n_events: events in all files.
    """

    def __init__(
        self,
        paths: Path | str | Sequence[Path | str],
        batch_size: int = 32,
        *,
        shuffle: bool = False,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        rank: int = 0,
        world_size: int = 1,
        block: int = 1024,
        window: int = 4096,
        threads: int = 0,
    ) -> None:
        """Looks at the files; they are opened again, once in each worker, when events are read.

        Args:
            paths: event files or shards; or one.
            batch_size: images in a batch; the last one of a window may have fewer.
            shuffle: whether events come in random order.
            seed: of order and augmentation, together with the epoch.
            augmentation: random changes of events.
            rank, world_size: which share of the events this process gets.
            block: neighbouring events that are read at once.
            window: events that are mixed, held in memory as hits (20 kB each).
            threads: windows that are read ahead while one is used, each by a thread, with their batches; 0 for none.

        Raises:
            DataError: no files, not event files, or of different classes or geometries.
        """
        if not 0 <= rank < world_size or batch_size < 1 or block < 1 or threads < 0:
            raise ValueError(f"rank {rank} of {world_size}, batch_size {batch_size}, block {block}, threads {threads}")
        self.paths = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
        self.batch_size, self.shuffle, self.seed, self.epoch = batch_size, shuffle, seed, 0
        self.augmentation, self.rank, self.world_size, self.block = augmentation, rank, world_size, block
        self.threads = threads
        self._step = batch_size * (augmentation.overlay if augmentation else 1)
        self._window = max(window // self._step, 1) * self._step
        self._files = EventFiles(self.paths)
        # Of threads: each has open files of its own while it reads.
        self._spare: list[EventFiles] = []
        self.class_names, self.geometry = self._files.class_names, self._files.geometry
        self.shape = self.geometry.image_shape
        self.n_events = len(self._files)

    @classmethod
    def of_dataset(cls, folder: Path | str, split: Split = "train", batch_size: int = 32, **chosen: Any) -> "JetImages":
        """The events of one split of a data set.

        Args:
            folder: the data set, with its manifest.
            split: train, validation or test.
            batch_size: images in a batch.
            chosen: more, as for `JetImages` itself.

        Raises:
            DataError: no data set, no events of this split, or a shard of other classes or another geometry.
        """
        folder = Path(folder)
        contents = manifest.read(folder)
        paths = [folder / shard.name for shard in contents.shards if shard.split == split]
        if not paths:
            raise DataError(f"{folder}: no {split} events; it has {manifest.splits(contents)}")
        images = cls(paths, batch_size, **chosen)
        manifest.check_shard(paths[0], contents, manifest.geometry(contents, folder))
        return images

    @property
    def with_masks(self) -> bool:
        """Whether its jets have masks."""
        return "masks" in self._files.tables

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of another epoch; takes effect when iteration starts (not in persistent workers)."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(-(-(last - first) // self._step) for first, last in self._windows())

    def __iter__(self) -> Iterator[SparseBatch]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        starts, stops = self._blocks()

        def read(window: tuple[int, int]) -> Iterable[SparseBatch]:
            ranges = _ranges(starts, stops, *window)
            if not self.threads:
                return self._read_window(self._files, ranges, window[0])
            try:
                files = self._spare.pop()
            except IndexError:
                files = copy.copy(self._files)
            try:
                return list(self._read_window(files, ranges, window[0]))
            finally:
                self._spare.append(files)

        for batches in read_ahead(read, self._windows()[number::workers], self.threads):
            yield from batches

    def __getitem__(self, index: int) -> SparseBatch:
        if not -self.n_events <= index < self.n_events:
            raise IndexError(f"event {index} of {self.n_events}")
        number = index % self.n_events
        return self.read(number, number + 1)

    def read(self, start: int, stop: int) -> SparseBatch:
        """Events start to stop, in the order of the files."""
        events, numbers = _load(self._files, [(start, stop)])
        return SparseBatch.of(events, numbers, self.shape)

    def _blocks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Blocks of events in the epoch's order: first event, and the one past the last."""
        ends = self._files.first
        starts = np.concatenate([np.arange(first, last, self.block) for first, last in pairwise(ends)])
        stops = np.minimum(starts + self.block, ends[np.searchsorted(ends, starts, side="right")])
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(starts)) if self.shuffle else slice(None)
        return starts[order], stops[order]

    def _windows(self) -> list[tuple[int, int]]:
        """This rank's windows, as ranges of the epoch's sequence of events."""
        first, last = (self.n_events * share // self.world_size for share in (self.rank, self.rank + 1))
        return [(start, min(start + self._window, last)) for start in range(first, last, self._window)]

    def _read_window(self, files: EventFiles, ranges: list[tuple[int, int]], start: int) -> Iterator[SparseBatch]:
        # Seeded by where the window starts, so that it does not depend on the worker.
        random = np.random.default_rng((self.seed, self.epoch, start))
        events, numbers = _load(files, ranges)
        order = random.permutation(len(numbers)) if self.shuffle else np.arange(len(numbers))
        for first in range(0, len(order), self._step):
            chosen = order[first : first + self._step]
            batch = SparseBatch.of(events, numbers[chosen], self.shape, chosen)
            yield self.augmentation(batch, random) if self.augmentation else batch


def dense(
    batch: SparseBatch,
    device: torch.device | str = "cpu",
    normalisation: Normalisation = "channel",
    out: Tensor | None = None,
) -> DenseImages:
    """Images of a batch: each channel's background, then all hits in one scatter.

    Args:
        batch: the images.
        device: where they are to be; hits travel there, not pixels.
        normalisation: as in `jetimg.loader.normalise`.
        out: float32 (at least as many images, 3, n_eta, n_phi) on that device, memory to use again: on the CPU, the
            page faults of fresh memory take longer than all the rest.

    Raises:
        ValueError: a pixel beyond the image, or other numbers of hits than the counts say.
    """
    _check_hits(batch)
    normalised = normalise(batch, normalisation)
    n_channels, n_images = batch.counts.shape
    size = batch.shape[0] * batch.shape[1]
    n_values = n_images * n_channels * size
    used = _memory(n_values, device) if out is None else out.view(-1)[:n_values]
    background = np.ascontiguousarray(normalised.background.T)
    if used.device.type == "cpu":
        counts, pixel = np.ascontiguousarray(batch.counts, np.int64), np.ascontiguousarray(batch.pixel, np.uint32)
        _fill(counts, pixel, np.ascontiguousarray(normalised.value), background, used.numpy())
    else:
        row = np.arange(n_images) * n_channels + np.arange(n_channels)[:, None]
        index = np.repeat(row.ravel() * size, batch.counts.ravel()) + batch.pixel
        used.view(-1, size).copy_(torch.from_numpy(background.reshape(-1, 1)).to(device))
        used.scatter_(0, torch.from_numpy(index).to(device), torch.from_numpy(normalised.value).to(device))
    return DenseImages(used.view(n_images, n_channels, *batch.shape), torch.from_numpy(normalised.scale).to(device))


def _check_hits(batch: SparseBatch) -> None:
    """Refuses what compiled code would write beyond the images; files are checked when they are read."""
    size = batch.shape[0] * batch.shape[1]
    if not len(batch.pixel) == len(batch.value) == batch.counts.sum():
        raise ValueError(f"{len(batch.pixel)} pixels, {len(batch.value)} values: the counts say {batch.counts.sum()}")
    if len(batch.pixel) and not 0 <= batch.pixel.min() <= batch.pixel.max() < size:
        raise ValueError(f"pixels from {batch.pixel.min()} to {batch.pixel.max()}: an image has {size}")


@native
def _fill(
    counts: Matrix[np.int64],
    pixel: Vector[np.uint32],
    value: Vector[np.float32],
    background: Matrix[np.float32],
    images: Vector[np.float32],
) -> None:
    """Each channel's background and hits: an image's channel is written while it is in the processor's cache."""
    size = len(images) // background.size
    hit = 0
    for channel in range(counts.shape[0]):
        for image in range(counts.shape[1]):
            start = (image * counts.shape[0] + channel) * size
            images[start : start + size] = background[image, channel]
            for i in range(hit, hit + counts[channel, image]):
                images[start + pixel[i]] = value[i]
            hit += counts[channel, image]


def _load(files: EventFiles, ranges: list[tuple[int, int]]) -> tuple[Batch, NDArray[np.int64]]:
    """The events of some ranges, and their numbers; a range may go on in the next file."""
    return files.read_ranges(ranges), np.concatenate([np.arange(start, stop) for start, stop in ranges])


def _memory(n_values: int, device: torch.device | str) -> Tensor:
    if torch.device(device).type == "cpu":
        # numpy asks for huge pages, torch does not: a quarter of the page faults' time.
        return torch.from_numpy(np.empty(n_values, np.float32))
    return torch.empty(n_values, device=device)


def _ranges(starts: NDArray[np.int64], stops: NDArray[np.int64], first: int, last: int) -> list[tuple[int, int]]:
    """The events at places first to last of a sequence of blocks, as ranges of event numbers."""
    ends = np.cumsum(stops - starts)
    begins = ends - (stops - starts)
    inside = np.flatnonzero((ends > first) & (begins < last))
    return [(int(starts[k] + max(first - begins[k], 0)), int(stops[k] - max(ends[k] - last, 0))) for k in inside]
