"""The layout of the published PF-Jet-SSD data (DOI 10.5281/zenodo.4883651): which datasets, what they mean.

One row an event, of variable length. Pixels are two columns of indices and one of values; `labels` is
flat [id, eta, phi, pt] a jet and `baseline` flat [id, eta, phi, pt, score], with eta and phi as pixel
indices of the axis and the score as the ratio tau_n / tau_(n-1), near 0 for n prongs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from jetimg.common import hdf5_file
from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.event_file.layout import Column
from jetimg.event_file.validate import MAX_COMPRESSION, datasets_inside

# Their class ids are indices in this list.
CLASSES = ("t", "V", "H")

# The order in which they tag jets, and list them.
TAG_ORDER = ("t", "H", "V")

# Our channels: what their columns are called.
CHANNELS = {
    "tracker": ("EFlowTrack", "PT"),
    "ecal": ("EFlowPhoton", "ET"),
    "hcal": ("EFlowNeutralHadron", "ET"),
}

# Values a jet.
WIDTHS = {"labels": 4, "baseline": 5}

# Their score, kept beside ours: 1 - ratio rounds away up to half a bit of a ratio below 1/2.
RATIO = Column("float32", "tau_n / tau_(n-1) of each row of /baseline, as in the imported file")

# Their order of labels; ours descend in pt.
ORDER = Column("uint16", "place of each row of /jets among its event's labels in the imported file")


def names(channel: str) -> tuple[str, str, str]:
    """Their datasets of one channel: eta index, phi index, value."""
    prefix, value = CHANNELS[channel]
    return f"{prefix}_Eta", f"{prefix}_Phi", f"{prefix}_{value}"


@dataclass(frozen=True)
class Rows:
    """Some events of one dataset: all values, and where each event's begin."""

    content: NDArray[Any]
    offsets: NDArray[np.int64]


class ReferenceFile:
    """An open file in their layout.

    Attributes:
        path: the file.
        n_events: events in it.
        index_dtype: numpy's name for the type of the pixel indices; their mixing step makes them float32.
        unknown: datasets that the layout does not have.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file and holds it against the layout.

        Raises:
            DataError: not such a file.
        """
        self.path = path
        self._file = hdf5_file.opened(path)
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        datasets_inside(self._file, self.path)
        pixels = [name for channel in CHANNELS for name in names(channel)]
        if missing := [name for name in [*pixels, "labels"] if not isinstance(self._file.get(name), h5py.Dataset)]:
            raise DataError(
                f"{self.path}: no `{missing[0]}`; a file in the PF-Jet-SSD layout has {', '.join([*pixels, *WIDTHS])}"
            )
        self.has_baseline = "baseline" in self._file
        known = [*pixels, "labels", *(["baseline"] if self.has_baseline else [])]
        self.unknown = sorted(set(self._file) - set(known))
        shape = self._file["labels"].shape
        for name in known:
            _check_dataset(self._file[name], shape, self.path)
        self.n_events = int(shape[0])
        self.index_dtype = str(h5py.check_vlen_dtype(self._file[pixels[0]].dtype))

    def __enter__(self) -> "ReferenceFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, name: str, start: int, stop: int) -> Rows:
        """Events start to stop of one dataset.

        Raises:
            DataError: damaged.
        """
        data = self._file[name]
        try:
            rows = data[start:stop]
        except OSError as error:
            raise_if_machine_fault(error, self.path)
            raise DataError(f"{self.path}: `{name}`: damaged: {' '.join(str(error).split())}") from error
        return _joined(rows, h5py.check_vlen_dtype(data.dtype))


def _joined(rows: Sequence[NDArray[Any]], dtype: np.dtype[Any]) -> Rows:
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    return Rows(np.concatenate([np.empty(0, dtype), *rows]), offsets)


def _check_dataset(data: h5py.Dataset, shape: tuple[int, ...], path: Path) -> None:
    """Lengths are checked before anything is read: a row takes 16 bytes, compressed or not."""
    kind = h5py.check_vlen_dtype(data.dtype)
    if kind is None or kind.kind not in "iuf" or len(data.shape) != 1:
        raise DataError(
            f"{path}: `{data.name}` is {data.dtype} {data.shape}; expected rows of numbers of variable length"
        )
    if data.shape != shape:
        raise DataError(f"{path}: `{data.name}` has {data.shape[0]} events, `labels` has {shape[0]}")
    stored = data.id.get_storage_size()
    if data.shape[0] * 16 > MAX_COMPRESSION * max(stored, 1):
        raise DataError(f"{path}: `{data.name}` claims {data.shape[0]} events in {stored} bytes: damaged or not honest")
