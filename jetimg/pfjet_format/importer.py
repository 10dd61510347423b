"""Files in the published PF-Jet-SSD layout to one event file.

Their labels have no boxes, only the pixel of each jet's axis: ours get the box around that pixel's
centre, which at the seam goes on at column 0. What they do not say (masses, PDG ids) is 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector import Detector
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.event_file import store
from jetimg.event_file.columns import GrowingColumn
from jetimg.event_file.digest import digests
from jetimg.event_file.store import Columns
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import DEFAULT_CLASSES, ImageSettings
from jetimg.pfjet_format.layout import CHANNELS, CLASSES, ORDER, RATIO, WIDTHS, ReferenceFile, Rows, names
from jetimg.release.receipt import md5_in_record

# Events read at once: about 20 MB.
STEP = 500


@dataclass
class ImportFixes:
    """What was not as our layout has it.

    Attributes:
        repeated: hits that shared a pixel with another of their event and channel; their values were added.
        zero: hits of value 0, which leave the image as it is without them.
        unknown: datasets that were left out.
        unproved: files that no receipt of a download names, so that nothing tells whether a bit has changed.
    """

    repeated: int = 0
    zero: int = 0
    unknown: list[str] = field(default_factory=list)
    unproved: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class ReferenceInputs:
    """What to import: files in the order of their events in the output, and their sample."""

    paths: Sequence[Path]
    sample: str = "reference"


def settings() -> ImageSettings:
    """Image settings with their classes and their labels."""
    return ImageSettings(truth="status", classes={name: DEFAULT_CLASSES[name] for name in CLASSES}, priority=CLASSES)


def n_events(inputs: ReferenceInputs) -> int:
    """The events of all files together.

    Raises:
        DataError: a file is not in their layout.
    """
    total = 0
    for path in inputs.paths:
        with ReferenceFile(path) as file:
            total += file.n_events
    return total


def import_reference(
    inputs: ReferenceInputs, output: Path, detector: Detector, progress: Callable[[int], None] = lambda _: None
) -> ImportFixes:
    """Writes the events of their files as one event file.

    Args:
        inputs: the files.
        output: the event file to make.
        detector: the detector whose grid the pixels are on.
        progress: called with the number of events done since its last call.

    Raises:
        DataError: a file is not in their layout, its pixels are outside the image, or it was downloaded and its md5 is
            not that of its record: their layout has no checksums, so a flipped bit shows in nothing else.
        MachineFault: a file cannot be read, for a reason that is not the file's.
    """
    fixes, grid = ImportFixes(), Grid.of(detector)
    attributes = provenance(detector, settings())
    attributes |= {"kind": "events", "split": "all", "sample_names": [inputs.sample]}
    with store.create(output, attributes) as writer:
        extras = {name: writer.add_extra(name, column) for name, column in (("ratio", RATIO), ("order", ORDER))}
        kinds = set()
        for number, path in enumerate(inputs.paths):
            digest = _proved(path, fixes)
            with ReferenceFile(path) as file:
                kinds.add(file.index_dtype)
                fixes.unknown += [f"{path}: {name}" for name in file.unknown]
                for start in range(0, file.n_events, STEP):
                    batch = _batch(file, number, start, grid, fixes, extras)
                    writer.append(batch)
                    progress(len(batch))
                writer.files.append(store.InputFile(str(path), digest, file.n_events))
        writer.attributes["reference_index_dtype"] = kinds.pop() if len(kinds) == 1 else "int16"
    return fixes


def _proved(path: Path, mended: ImportFixes) -> str:
    """The sha256 of a file, after its md5 was held against that of the record that it came from."""
    found, expected = checksums.of(path), md5_in_record(path)
    if expected is None:
        mended.unproved.append(path)
    elif found.md5 != expected:
        raise DataError(f"{path}: damaged: its md5 is {found.md5}, in its record {expected}; download it again")
    return found.sha256


def _batch(
    file: ReferenceFile, number: int, start: int, grid: Grid, fixes: ImportFixes, extras: dict[str, GrowingColumn]
) -> store.Batch:
    stop = min(start + STEP, file.n_events)
    tables = {channel: _hits(file, channel, start, stop, grid, fixes) for channel in CHANNELS}
    jets, order = _falling(_jets(file, "labels", start, stop, grid))
    extras["order"].append(order)
    box = boxes.around(grid, jets["eta"], jets["phi"], settings().box_radius)
    tables["jets"] = jets | {"pdg_id": np.zeros(len(box), np.int32), "box": box}
    tables["baseline"] = _jets(file, "baseline", start, stop, grid)
    extras["ratio"].append(tables["baseline"].pop("ratio"))
    tables["events"] = {
        "sample": np.zeros(stop - start, np.uint8),
        "file": np.full(stop - start, number, np.uint32),
        "entry": np.arange(start, stop, dtype=np.uint32),
        "weight": np.ones(stop - start, np.float32),
        "digest": digests(tables),
    }
    return store.Batch(tables)


def _falling(jets: Columns) -> tuple[Columns, NDArray[np.uint16]]:
    """The jets of each event by descending pt, and each one's index in its event before."""
    counts = np.diff(jets["indptr"])
    event = np.repeat(np.arange(len(counts)), counts)
    index = np.arange(len(event)) - jets["indptr"][:-1][event]
    order = np.lexsort((index, -jets["pt"], event))
    sorted_jets = {name: rows if name == "indptr" else rows[order] for name, rows in jets.items()}
    return sorted_jets, index[order].astype(np.uint16)


def _hits(file: ReferenceFile, channel: str, start: int, stop: int, grid: Grid, fixes: ImportFixes) -> Columns:
    eta, phi, values = (file.read(name, start, stop) for name in names(channel))
    for name, rows in zip(names(channel), (eta, phi, values), strict=True):
        if not np.array_equal(rows.offsets, values.offsets):
            raise DataError(f"{file.path}: `{name}` does not have as many hits as `{names(channel)[2]}` in every event")
    row, column = (
        _indices(rows, size, f"{file.path}: `{name}`, events from {start}")
        for rows, size, name in zip((eta, phi), (grid.n_eta, grid.n_phi), names(channel), strict=False)
    )
    value = values.content.astype(np.float32)
    if not np.all(np.isfinite(value) & (value >= 0)):
        raise DataError(f"{file.path}: `{names(channel)[2]}`, events from {start}: a value below 0 or not finite")
    event = np.repeat(np.arange(stop - start), np.diff(values.offsets))
    return _image(event * grid.size + row * grid.n_phi + column, value, stop - start, grid, fixes)


def _image(
    index: NDArray[np.int64], value: NDArray[np.float32], n_events: int, grid: Grid, fixes: ImportFixes
) -> Columns:
    """Hits in our order: ascending, no repeats, none of value 0. `index` counts pixels on over the events."""
    if np.any(np.diff(index) <= 0):
        unique, inverse = np.unique(index, return_inverse=True)
        fixes.repeated += len(index) - len(unique)
        value = np.bincount(inverse, weights=value, minlength=len(unique)).astype(np.float32)
        index = unique
    fixes.zero += int(np.sum(value == 0))
    index, value = index[value > 0], value[value > 0]
    indptr = np.searchsorted(index, np.arange(n_events + 1) * grid.size)
    return {"indptr": indptr, "pixel": (index % grid.size).astype(np.uint32), "value": value}


def _indices(rows: Rows, size: int, where: str) -> NDArray[np.int64]:
    """Indices 0 to size - 1; float ones have to be whole."""
    inside = (rows.content >= 0) & (rows.content < size)  # false for NaN
    if not np.all(inside):
        raise DataError(
            f"{where}: index {rows.content[~inside][0]:g}, expected 0 to {size - 1}: another grid, or damaged"
        )
    index = rows.content.astype(np.int64)
    if np.any(index != rows.content):
        raise DataError(f"{where}: index {rows.content[index != rows.content][0]:g} is not a whole number")
    return index


def _jets(file: ReferenceFile, name: str, start: int, stop: int, grid: Grid) -> Columns:
    """Columns of /jets or /baseline, as far as they say."""
    where, width = f"{file.path}: `{name}`, events from {start}", WIDTHS[name]
    if name == "baseline" and not file.has_baseline:
        rows = Rows(np.empty(0, np.float32), np.zeros(stop - start + 1, np.int64))
    else:
        rows = file.read(name, start, stop)
    if np.any(np.diff(rows.offsets) % width) or not np.all(np.isfinite(rows.content)):
        raise DataError(f"{where}: not {width} finite values a jet")
    table = rows.content.reshape(-1, width).astype(np.float32)
    if np.any(table[:, 3] <= 0):
        raise DataError(f"{where}: a pt that is not above 0")
    if np.any(table[:, 1:3] != np.floor(table[:, 1:3])):
        raise DataError(f"{where}: an axis that is not a whole number of pixels")
    class_id = _indices(Rows(table[:, 0], rows.offsets), len(CLASSES), f"{where}: class")
    eta, phi = grid.to_angles(table[:, 1].astype(np.float64) + 0.5, table[:, 2].astype(np.float64) + 0.5)
    jets: Columns = {
        "indptr": rows.offsets // width,
        "class_id": class_id.astype(np.uint8),
        "pt": table[:, 3].copy(),
        "eta": eta.astype(np.float32),
        "phi": phi.astype(np.float32),
        "mass": np.zeros(len(table), np.float32),
    }
    if name == "baseline":
        jets |= {"score": np.float32(1) - table[:, 4], "ratio": table[:, 4].copy()}
    return jets
