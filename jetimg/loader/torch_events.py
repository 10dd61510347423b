"""Events as a map-style PyTorch data set: what `jetimg.loader.jet_events.JetEvents.to_torch` gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, Sampler

from jetimg.event_file.geometry import ImageGeometry
from jetimg.loader.jet_event import JetEvent, SparseNormalisation
from jetimg.loader.normalise import Normalisation
from jetimg.loader.seam import BoxFormat, Seam, one_of

Sample = Literal["dense", "sparse", "points"]
Target = dict[str, Tensor]

# Of the sampler: neighbouring events that stay together, and how many such blocks are mixed.
BLOCK, BLOCKS = 64, 64


class Events(Protocol):
    """What is needed of `jetimg.loader.jet_events.JetEvents`."""

    class_names: tuple[str, ...]
    geometry: ImageGeometry

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> JetEvent: ...


@dataclass(frozen=True)
class Options:
    """What items are like; see `jetimg.loader.jet_events.JetEvents.to_torch`."""

    sample: Sample
    targets: BoxFormat
    seam: Seam
    normalisation: Normalisation
    background: bool
    max_jets: int | None
    max_hits: int | None
    pad: int

    def __post_init__(self) -> None:
        one_of("sample", self.sample, Sample)
        one_of("targets", self.targets, BoxFormat)
        one_of("seam", self.seam, Seam)
        one_of("normalisation", self.normalisation, Normalisation if self.sample == "dense" else SparseNormalisation)
        if self.max_hits is not None and self.sample != "points":
            raise ValueError(f"max_hits: of points only, not of {self.sample} images")
        if self.pad and self.seam != "pad":
            raise ValueError(f'pad {self.pad}: with seam="pad" only, not with {self.seam!r}')
        if min(self.max_jets or 1, self.max_hits or 1) < 1 or 0 in (self.max_jets, self.max_hits):
            raise ValueError(f"max_jets {self.max_jets}, max_hits {self.max_hits}: at least 1")


class Items(NamedTuple):
    """Some items in one batch, by `collate`.

    Attributes:
        images: dense or sparse (items, 3, n_eta, n_phi); or points (items, hits, 4), padded with rows of zeros.
        targets: one an item.
    """

    images: Tensor
    targets: list[Target]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Items":
        """The same on another device."""
        targets = [
            {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in target.items()}
            for target in self.targets
        ]
        return Items(self.images.to(device, non_blocking=non_blocking), targets)

    def __reduce__(self) -> tuple[Any, ...]:
        """From a worker: torch's own way for sparse tensors warns of checks that are not made."""
        if not self.images.is_sparse:
            return Items, tuple(self)
        return _of_sparse, (self.images._indices(), self.images._values(), self.images.shape, self.targets)


def _of_sparse(coordinates: Tensor, values: Tensor, shape: torch.Size, targets: list[Target]) -> Items:
    images = torch.sparse_coo_tensor(coordinates, values, shape, check_invariants=False)
    return Items(images, targets)


def collate(items: Sequence[tuple[Tensor, Target]]) -> Items:
    """Items to a batch: images in one tensor, targets in a list, as their numbers of boxes differ.

    Args:
        items: (image, target) each, all images of one kind.
    """
    images = [image for image, _ in items]
    of_points = images[0].dim() == 2
    batch = pad_sequence(images, batch_first=True) if of_points else torch.stack(images)
    return Items(batch, [target for _, target in items])


class TorchEvents(Dataset[tuple[Tensor, Target]]):
    """Events as (image, target), for a plain `DataLoader`: `collate_fn=events.collate` unless all sizes are fixed.

    Attributes:
        class_names: by label: the background first, if labels have it.
        events: the events themselves.
        options: what the items are like.
    """

    collate = staticmethod(collate)

    def __init__(self, events: Events, options: Options) -> None:
        if not 0 <= options.pad <= events.geometry.n_phi:
            raise ValueError(f"pad {options.pad}: 0 to {events.geometry.n_phi} columns")
        self.events, self.options = events, options
        self.class_names = ("background", *events.class_names) if options.background else events.class_names

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a dense image: channels, rows (eta), columns (phi), those of the padding included."""
        pixels = self.events.geometry
        return len(pixels.channels), pixels.n_eta, pixels.n_phi + self.options.pad

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        event = self.events[index]
        return self._image(event), self._target(event)

    def shuffled(self, seed: int = 0) -> "BlockSampler":
        """An order for `DataLoader(..., sampler=...)` that reads ranges: for data sets that do not fit into memory."""
        return BlockSampler(len(self), seed)

    def _image(self, event: JetEvent) -> Tensor:
        chosen = self.options
        if chosen.sample == "dense":
            return torch.from_numpy(event.dense(chosen.normalisation, chosen.pad))
        normalisation = cast(SparseNormalisation, chosen.normalisation)  # looked at when the options were made
        if chosen.sample == "points":
            return torch.from_numpy(_fixed_points(event.points(normalisation, chosen.pad), chosen.max_hits))
        hits = event.sparse(normalisation, chosen.pad)
        return torch.sparse_coo_tensor(
            torch.from_numpy(hits.coordinates),
            torch.from_numpy(hits.value),
            self.shape,
            check_invariants=False,
            is_coalesced=not chosen.pad,
        )

    def _target(self, event: JetEvent) -> Target:
        chosen = self.options
        target = event.target(chosen.targets, chosen.seam, chosen.background)
        if chosen.max_jets is not None:
            nothing = {"labels": int(chosen.background) - 1, "jet": -1}
            target = {name: _fixed(column, chosen.max_jets, nothing.get(name, 0)) for name, column in target.items()}
        return {name: torch.from_numpy(column) for name, column in target.items()}


class BlockSampler(Sampler[int]):
    """All places, in another random order each time: blocks of neighbours in random order, some of them mixed.

    Between them and events in memory there is no need to read a block for one event of it.
    """

    def __init__(self, n_events: int, seed: int = 0) -> None:
        self.n_events, self.seed, self.epoch = n_events, seed, 0

    def __len__(self) -> int:
        return self.n_events

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng((self.seed, self.epoch))
        self.epoch += 1
        starts = random.permutation(np.arange(0, self.n_events, BLOCK))
        for first in range(0, len(starts), BLOCKS):
            window = (starts[first : first + BLOCKS, None] + np.arange(BLOCK)).ravel()
            yield from random.permutation(window[window < self.n_events]).tolist()


def _fixed(column: np.ndarray[Any, Any], n_rows: int, nothing: float) -> np.ndarray[Any, Any]:
    """The first rows of a column, filled up to a number."""
    rows = np.full((n_rows, *column.shape[1:]), nothing, column.dtype)
    rows[: len(column)] = column[:n_rows]
    return rows


def _fixed_points(points: np.ndarray[Any, Any], n_rows: int | None) -> np.ndarray[Any, Any]:
    """The points; with a number of rows, the strongest of them in their order, filled up with zeros."""
    if n_rows is None:
        return points
    strongest = np.sort(np.argsort(-points[:, 2], kind="stable")[:n_rows])
    return _fixed(points[strongest], n_rows, 0)
