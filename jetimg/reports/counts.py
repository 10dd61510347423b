"""Counting the events and jets of a data set's shards; their hits are not read."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import wrap
from detector.geometry.grid import Grid
from jetimg.dataset.plan import SPLITS
from jetimg.event_file.store import Columns, Reader

# Events read at once.
STEP = 16384

# Rows and columns of the image in a bin of the histograms of eta and phi: 68 and 72 bins.
PIXELS_PER_BIN = 5


@dataclass
class ImageCounts:
    """The events of one sample.

    Attributes:
        of_split: events of each split.
        jets: jets in them.
        min_pt: of these jets, GeV; None without jets.
        with_jets: with_jets[n] events have n jets.
    """

    of_split: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    jets: int = 0
    min_pt: float | None = None
    with_jets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    @property
    def total(self) -> int:
        """Events of all splits."""
        return sum(self.of_split.values())


@dataclass
class JetCounts:
    """The jets of one class and split, in no particular order.

    Attributes:
        pt: GeV, in parts; kept whole, 4 bytes a jet, because a median needs them.
        eta_sum: sum of |eta|.
        eta_max: maximum |eta|; 0 without jets.
        eta, phi: jets in each bin of eta and phi.
    """

    eta: NDArray[np.int64]
    phi: NDArray[np.int64]
    pt: list[NDArray[np.float32]] = field(default_factory=list)
    eta_sum: float = 0.0
    eta_max: float = 0.0

    def all_pt(self) -> NDArray[np.float32]:
        """The pt of every jet, GeV."""
        self.pt = [np.concatenate([np.empty(0, np.float32), *self.pt])]
        return self.pt[0]


@dataclass
class Census:
    """What was counted.

    Attributes:
        eta_edges, phi_edges: of the histograms' bins.
        images: by sample.
        jets: by class and split, where there are any.
    """

    eta_edges: NDArray[np.float64]
    phi_edges: NDArray[np.float64]
    images: defaultdict[str, ImageCounts] = field(default_factory=lambda: defaultdict(ImageCounts))
    jets: dict[tuple[str, str], JetCounts] = field(default_factory=dict)

    def no_jets(self) -> JetCounts:
        """Jets to begin with."""
        return JetCounts(np.zeros(len(self.eta_edges) - 1, np.int64), np.zeros(len(self.phi_edges) - 1, np.int64))

    @classmethod
    def empty(cls, grid: Grid) -> "Census":
        """A census of no events of this grid."""
        return cls(_every(grid.eta_edges), _every(grid.phi_edges))


def count(shards: Iterable[Path], grid: Grid, progress: Callable[[int], None]) -> Census:
    """Counts the events and jets of shards, a range of events at a time.

    Args:
        shards: the files.
        grid: of their images.
        progress: called with the number of events done since its last call.

    Raises:
        DataError: a shard is missing or damaged.
    """
    census = Census.empty(grid)
    for path in shards:
        with Reader(path) as reader:
            for start in range(0, reader.n_events, STEP):
                stop = min(start + STEP, reader.n_events)
                tables = reader.read(start, stop, ("events", "jets")).tables
                _add_images(census, tables, reader.attributes)
                _add_jets(census, tables["jets"], reader.attributes)
                progress(stop - start)
    return census


def _every(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every fifth of a grid's edges, and the last."""
    return np.append(edges[:-1:PIXELS_PER_BIN], edges[-1])


def _add_images(census: Census, tables: dict[str, Columns], attributes: dict[str, Any]) -> None:
    n_jets, pt = np.diff(tables["jets"]["indptr"]), tables["jets"]["pt"]
    sample = tables["events"]["sample"]
    sample_of_jet = np.repeat(sample, n_jets)
    for number in np.unique(sample):
        images = census.images[attributes["sample_names"][number]]
        mine = n_jets[sample == number]
        images.of_split[attributes["split"]] += len(mine)
        images.jets += int(mine.sum())
        found = np.bincount(mine, minlength=len(images.with_jets))
        found[: len(images.with_jets)] += images.with_jets
        images.with_jets = found
        if mine.sum():
            lowest = float(pt[sample_of_jet == number].min())
            images.min_pt = lowest if images.min_pt is None else min(lowest, images.min_pt)


def _add_jets(census: Census, jets: Columns, attributes: dict[str, Any]) -> None:
    for class_id in np.unique(jets["class_id"]):
        mine = jets["class_id"] == class_id
        key = (attributes["class_names"][class_id], attributes["split"])
        sums = census.jets.setdefault(key, census.no_jets())
        eta = jets["eta"][mine].astype(np.float64)
        sums.pt.append(jets["pt"][mine])
        sums.eta_sum += float(np.abs(eta).sum())
        sums.eta_max = max(sums.eta_max, float(np.abs(eta).max()))
        sums.eta += np.histogram(eta, census.eta_edges)[0]
        # float32 rounds pi up, past the last edge.
        sums.phi += np.histogram(wrap(jets["phi"][mine]), census.phi_edges)[0]
