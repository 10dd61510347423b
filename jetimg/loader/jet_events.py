"""Events of a data set as a sequence: indexing, slicing, iteration, and the way to PyTorch.

Events are read in blocks. Those of the last random look-ups stay in memory, up to a number of bytes, so that a data
set that fits is read once; iteration reads larger blocks and keeps none.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch, concatenate
from jetimg.loader.event_files import EventFiles
from jetimg.loader.jet_event import JetEvent
from jetimg.loader.normalise import Normalisation
from jetimg.loader.seam import BoxFormat, Seam

if TYPE_CHECKING:
    from jetimg.loader.torch_events import Sample, TorchEvents

# Events that are read at once: for one of them, about as many as stand in an HDF5 chunk; for all of them, more.
BLOCK = 64
STEP = 1024

# Optional tables, which are fields of `JetEvent` by the same names.
OF_EVENTS = ("particles", "masks", "shapes")
# In the order of `JetEvents.particles`.
PARTICLE_COLUMNS = ("pt", "eta", "phi", "type", "charge")

# Bytes of blocks that stay in memory: 12,000 events of 20 kB.
CACHE_BYTES = 2**28


class _Blocks:
    """The blocks that were read last, up to a number of bytes; empty in another process."""

    def __init__(self, files: EventFiles, n_bytes: int) -> None:
        self.files, self.n_bytes, self.used = files, n_bytes, 0
        self.kept: OrderedDict[int, tuple[int, Batch]] = OrderedDict()

    def of(self, number: int) -> tuple[int, Batch]:
        """The block that holds an event, and the number of its first event."""
        file = self.files.file_of(number)
        offset, end = (int(event) for event in self.files.first[file : file + 2])
        start = offset + (number - offset) // BLOCK * BLOCK
        if start in self.kept:
            self.kept.move_to_end(start)
            return start, self.kept[start][1]
        block = self.files.read(start, min(start + BLOCK, end))
        size = sum(column.nbytes for columns in block.tables.values() for column in columns.values())
        self.kept[start] = size, block
        self.used += size
        while self.used > self.n_bytes and len(self.kept) > 1:
            self.used -= self.kept.popitem(last=False)[1][0]
        return start, block

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"kept": OrderedDict(), "used": 0}


class JetEvents(Sequence[JetEvent]):
    """Events of some files, or a choice of them; made by `jetimg.load`.

    `events[i]` is one event; `events[a:b:c]`, `select` and `of_samples` are choices of events that hold no data
    themselves. It can be pickled, and used in several processes: files are opened where they are read.

    Attributes:
        class_names: names of the classes, by label.
        geometry: pixels and channels of the images.
    """

    def __init__(
        self, files: EventFiles, numbers: NDArray[np.int64] | None = None, cache_bytes: int = CACHE_BYTES
    ) -> None:
        """The events of some files.

        Args:
            files: the files.
            numbers: which of their events, in this order; all if None.
            cache_bytes: bytes of events that stay in memory.
        """
        self.class_names, self.geometry = tuple(files.class_names), files.geometry
        self._files, self._blocks = files, _Blocks(files, cache_bytes)
        self._numbers: NDArray[np.int64] = np.arange(len(files)) if numbers is None else numbers

    def __repr__(self) -> str:
        files = len(self._files.paths)
        return f"<{len(self)} events of {files} file{'s' if files > 1 else ''}: classes {', '.join(self.class_names)}>"

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> JetEvent: ...
    @overload
    def __getitem__(self, index: slice) -> "JetEvents": ...
    def __getitem__(self, index: int | slice) -> "JetEvent | JetEvents":
        if isinstance(index, slice):
            return self._chosen(self._numbers[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"event {index} of {len(self)}")
        number = int(self._numbers[index])
        return self._event(*self._blocks.of(number), number)

    def __iter__(self) -> Iterator[JetEvent]:
        for start, stop in self._runs():
            if stop - start < BLOCK:  # of a choice that jumps about
                yield from (self._event(*self._blocks.of(number), number) for number in range(start, stop))
                continue
            block = self._files.read(start, stop)
            yield from (self._event(start, block, number) for number in range(start, stop))

    def select(self, places: ArrayLike) -> "JetEvents":
        """A choice of these events.

        Args:
            places: integers (places among these events, in any order) or booleans (one an event).

        Raises:
            IndexError: a place beyond the events, or not one boolean an event.
        """
        chosen = np.asarray(places)
        return self._chosen(self._numbers[chosen if chosen.size else chosen.astype(np.int64)])

    def of_samples(self, *names: str) -> "JetEvents":
        """The events of some physics samples.

        Raises:
            ValueError: a sample that no file has.
        """
        known = {name: None for file in self._files.sample_names for name in file}
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"no sample {', '.join(unknown)}; there are {', '.join(known)}")
        return self.select(np.isin(self.samples(), names))

    def samples(self) -> NDArray[np.str_]:
        """The name of each event's physics sample, (events)."""
        found = [
            np.array(names, np.str_)[file.tables["events"]["sample"]]
            for names, file in zip(self._files.sample_names, self._tables("events"), strict=True)
        ]
        return np.concatenate(found)[self._numbers]

    def jets(self) -> dict[str, NDArray[Any]]:
        """The jets of all these events, without their images.

        Returns:
            The columns of the table /jets (pt, eta, phi, mass, class_id, box ...), a row a jet; and `event`, int64: the
            place of the jet's event among these events.
        """
        columns = concatenate(list(self._tables("jets", "events"))).take(self._numbers).tables["jets"]
        event = np.repeat(np.arange(len(self)), np.diff(columns.pop("indptr")))
        return {"event": event} | columns

    def particles(self, most: int) -> NDArray[np.float32]:
        """The hardest particles of all these events, loaded with sample="particles".

        Args:
            most: particles of an event, at most; fewer are filled up with rows of zeros.

        Returns:
            float32 (events, most, 5): pt (GeV), eta, phi (radians), type (an index into
            `jetimg.event_file.layout.PARTICLE_TYPES`), charge. A row of pt 0 is no particle.

        Raises:
            ValueError: they were loaded without their particles.
        """
        if "particles" not in self._files.tables:
            raise ValueError('no particles were loaded: jetimg.load(..., sample="particles")')
        columns = concatenate(list(self._tables("particles", "events"))).take(self._numbers).tables["particles"]
        event = np.repeat(np.arange(len(self)), np.diff(columns["indptr"]))
        rank = np.arange(len(event)) - columns["indptr"][event]
        kept = rank < most
        found = np.zeros((len(self), most, len(PARTICLE_COLUMNS)), np.float32)
        found[event[kept], rank[kept]] = np.stack([columns[name][kept] for name in PARTICLE_COLUMNS], axis=1)
        return found

    def widest(self) -> int:
        """Columns that the widest box covers: so many have to continue an image whose boxes are to stay whole."""
        box = self.jets()["box"]
        return min(math.ceil(float((box[:, 3] - box[:, 1]).max(initial=0))), self.geometry.n_phi)

    def to_torch(
        self,
        sample: "Sample" = "dense",
        targets: BoxFormat = "xyxy",
        seam: Seam = "cut",
        *,
        normalisation: Normalisation = "raw",
        background: bool = True,
        max_jets: int | None = None,
        max_hits: int | None = None,
        pad: int | None = None,
    ) -> "TorchEvents":
        """These events as a map-style data set for a plain `torch.utils.data.DataLoader`.

        An item is (image, target), as torchvision's detectors take them.

        Args:
            sample: dense: float32 (3, n_eta, n_phi); sparse: the same as a sparse COO tensor; points: float32
                (hits, 4): eta, phi, value, channel.
            targets: boxes as xyxy, xywh or cxcywh; x = phi, y = eta, in pixels of the dense image.
            seam: a box at phi = +-pi is cut in two, clipped to its larger part, or whole on an image that is padded by
                its own first columns; see `jetimg.loader.seam`.
            normalisation: raw (GeV), log or max; of dense images also channel or image; see `jetimg.loader.normalise`.
            background: whether label 0 is the background, and the classes begin with 1.
            max_jets: pads the target to so many boxes, those of lower pt are left out; then targets have one size, and
                items the default collate function, if images have too. Padding has boxes of zeros, and the label that
                comes before the first class: 0, or -1 without background.
            max_hits: points only: pads with rows of zeros to so many hits, the weakest are left out.
            pad: with seam "pad", columns that are added; as wide as the widest box if None.

        Raises:
            ValueError: a word or number that is none of these.
            ModuleNotFoundError: torch is not installed.
        """
        try:
            from jetimg.loader.torch_events import Options, TorchEvents
        except ModuleNotFoundError as error:
            text = f'{error.name} is not installed; this needs the extra "models": pip install "jetimg[models]"'
            raise ModuleNotFoundError(text, name=error.name) from error
        if seam == "pad" and pad is None:
            pad = self.widest()
        chosen = Options(sample, targets, seam, normalisation, background, max_jets, max_hits, pad or 0)
        return TorchEvents(self, chosen)

    def _tables(self, *names: str) -> Iterator[Batch]:
        """Tables of each file, whole."""
        for file in range(len(self._files.paths)):
            yield self._files.reader(file).read(tables=names)

    def _chosen(self, numbers: NDArray[np.int64]) -> "JetEvents":
        """Other events of the same files, which share what is in memory."""
        chosen = copy(self)
        chosen._numbers = numbers
        return chosen

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Stretches of events that stand one after the other in a file."""
        new = np.diff(self._numbers, prepend=-2) != 1
        new |= np.isin(self._numbers, self._files.first)
        edges = [*np.flatnonzero(new), len(self)]
        for first, last in pairwise(edges):
            start = int(self._numbers[first])
            for offset in range(0, last - first, STEP):
                yield start + offset, start + min(offset + STEP, last - first)

    def _event(self, start: int, block: Batch, number: int) -> JetEvent:
        """An event with data of its own, so that it does not keep the whole block in memory."""
        place = number - start
        hits = [block.tables[name] for name in CHANNELS]
        slices = [slice(*channel["indptr"][place : place + 2]) for channel in hits]
        row = {name: column[place] for name, column in block.tables["events"].items()}
        return JetEvent(
            number=number,
            sample=self._files.sample_names[self._files.file_of(number)][row["sample"]],
            class_names=self.class_names,
            geometry=self.geometry,
            counts=np.array([one.stop - one.start for one in slices]),
            pixel=np.concatenate([channel["pixel"][one] for channel, one in zip(hits, slices, strict=True)]),
            value=np.concatenate([channel["value"][one] for channel, one in zip(hits, slices, strict=True)]),
            jets=_rows(block.tables["jets"], place),
            row=row,
            **{name: _rows(block.tables[name], place) for name in OF_EVENTS if name in block.tables},
        )


def _rows(columns: dict[str, NDArray[Any]], place: int) -> dict[str, NDArray[Any]]:
    """One event's rows of a table, without `indptr`."""
    mine = slice(*columns["indptr"][place : place + 2])
    return {name: column[mine].copy() for name, column in columns.items() if name != "indptr"}
