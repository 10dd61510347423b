"""The event viewer: one HTML file with some hundred events, to look at in a browser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.common.errors import DataError
from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.store import Batch, Reader
from jetimg.pages import page
from jetimg.pages.chosen_events import Choice, Place, choose, event_files
from jetimg.pages.found_jets import FoundJets, check_same
from jetimg.pages.packing import LOG_STEP, pack, pack_hits

TEMPLATE = "viewer.html"
TITLES = {"tracker": "Tracker", "ecal": "ECAL", "hcal": "HCAL"}
QUANTITIES = {"tracker": "pt of tracks", "ecal": "ET", "hcal": "ET"}

# The scale of a channel: these percentiles of its hits in all events shown, so that none drowns the others.
SCALE = (2.0, 99.9)

# Fraction digits in the page: class_id, then as the layout's columns.
DIGITS = {"class_id": 0, "pt": 1, "eta": 4, "phi": 4, "mass": 1, "box": 2, "score": 4}
TRUE = ("class_id", "pt", "eta", "phi", "box")
FOUND = (*TRUE, "score")
CLASSICAL = ("class_id", "pt", "eta", "phi", "mass")


@dataclass(frozen=True)
class View:
    """What a viewer shows.

    Attributes:
        geometry: of the images.
        class_names: by class_id.
        events: of each event: where it comes from, and columns of its jets.
        hits: of each event, by channel: (pixel, value).
        network: the detector, empty without one.
    """

    geometry: ImageGeometry
    class_names: tuple[str, ...]
    events: list[dict[str, Any]]
    hits: list[dict[str, tuple[Any, Any]]]
    network: str


def write(
    paths: Sequence[Path],
    output: Path,
    choice: Choice,
    detections: Sequence[Path] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Writes a viewer.

    Args:
        paths: event files, shards, folders of data sets.
        output: the HTML file; it appears complete.
        choice: which events.
        detections: HDF5 files of detections of one detector; then only events of the files that it was given are shown.
        progress: called with the number of files looked through since its last call.

    Returns:
        How many events it shows.

    Raises:
        DataError: a file is missing or damaged, images of two kinds, no such events, or the page cannot be written.
    """
    files = event_files(paths)
    if not detections:
        view = _collect(files, choose(files, choice, progress=progress), None)
    else:
        with FoundJets(detections) as found:
            if not any(map(found.knows, files)):
                raise DataError(f"{', '.join(map(str, detections))}: of none of {', '.join(map(str, paths))}")
            view = _collect(files, choose(files, choice, found.knows, progress), found)
    page.write(TEMPLATE, {"title": _title(paths), "data": _data(view)}, output)
    return len(view.events)


def _title(paths: Sequence[Path]) -> str:
    """The last folders of one path, which tell campaigns apart; names of several."""
    if len(paths) == 1:
        return _tail(paths[0].absolute())
    return ", ".join(path.name for path in paths[:6]) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "")


def _tail(path: Path) -> str:
    """The last folders of a path and its name: networks are often called network.pt, data sets dataset."""
    return "" if path == Path() else str(Path(*path.parts[-3:]))


def _collect(files: Sequence[Path], places: Sequence[Place], found: FoundJets | None) -> View:
    events: list[dict[str, Any]] = []
    hits: list[dict[str, tuple[Any, Any]]] = []
    first: tuple[ImageGeometry, tuple[str, ...]] | None = None
    for number, chosen in groupby(places, key=lambda place: place.file):
        with Reader(files[number]) as reader:
            own = ImageGeometry.of(reader.attributes, reader.path), tuple(reader.attributes["class_names"])
            if (first := first or own) != own:
                raise DataError(f"{reader.path}: other pixels or classes than {files[places[0].file]}")
            if found is not None:
                check_same(reader, found)
            for place in chosen:
                batch = reader.read(place.event, place.event + 1)
                events.append(_event(reader, place.event, batch, found))
                hits.append(
                    {name: (batch.tables[name]["pixel"], batch.tables[name]["value"]) for name in own[0].channels}
                )
    assert first is not None
    network = "" if found is None else _tail(Path(found.about.network)) or "detections"
    return View(*first, events, hits, network)


def _event(reader: Reader, number: int, batch: Batch, found: FoundJets | None) -> dict[str, Any]:
    """What the page says of an event, and the columns of its jets."""
    row = {name: column[0] for name, column in batch.tables["events"].items()}
    return {
        "sample": reader.attributes["sample_names"][int(row["sample"])],
        "split": reader.attributes["split"],
        "source": Path(reader.files[int(row["file"])].name).name,
        "entry": int(row["entry"]),
        "file": reader.path.name,
        "number": number,
        "met": round(float(row["met"]), 1) if row["met"] >= 0 else None,
        "vertices": int(row["n_vertices"]) if row["n_vertices"] >= 0 else None,
        "true": _columns(batch.tables["jets"], TRUE) | _masks(batch),
        "classical": _columns(batch.tables["baseline"], CLASSICAL),
        "found": None if found is None else _columns(found.of(reader.path, number, reader.n_events)._asdict(), FOUND),
    }


def _masks(batch: Batch) -> dict[str, list[list[int]]]:
    """The pixels of each jet's mask, each as its distance from the one before; nothing where there are no masks."""
    if "masks" not in batch.tables:
        return {}
    jet, pixel = batch.tables["masks"]["jet"], batch.tables["masks"]["pixel"].astype(np.int64)
    own = [pixel[jet == number] for number in range(len(batch.tables["jets"]["pt"]))]
    return {"mask": [np.diff(one, prepend=0).tolist() for one in own]}


def _columns(table: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns as lists of rounded numbers; what is not a number becomes null."""
    return {name: _rounded(np.asarray(table[name], np.float64), DIGITS[name]) for name in names}


def _rounded(column: Any, digits: int) -> list[Any]:
    made = np.round(column, digits).astype(object)
    made[~np.isfinite(column)] = None
    rows: list[Any] = made.tolist()
    return [int(value) for value in rows] if digits == 0 else rows


def _data(view: View) -> dict[str, Any]:
    """What the page's program reads: see `data.js`."""
    values = {name: np.concatenate([event[name][1] for event in view.hits]) for name in view.geometry.channels}
    scales = {name: _scale(value) for name, value in values.items()}
    smallest = {name: float(value.min(initial=1e3)) for name, value in values.items()}
    about = {
        "n_eta": view.geometry.n_eta,
        "n_phi": view.geometry.n_phi,
        "eta_pitch": view.geometry.eta_pitch,
        "classes": view.class_names,
        "network": view.network,
        "log_step": LOG_STEP,
        "channels": [
            {
                "name": name,
                "title": TITLES.get(name, name),
                "quantity": QUANTITIES.get(name, "sum"),
                "scale": scales[name],
                "faintest": smallest[name],
            }
            for name in view.geometry.channels
        ],
        "events": view.events,
    }
    packed = [[pack_hits(*event[name], smallest[name]) for name in view.geometry.channels] for event in view.hits]
    return {"about": pack(about), "hits": packed}


def _scale(value: Any) -> list[float]:
    """Faint and bright ends of a channel's colours, GeV."""
    if not len(value):
        return [0.1, 1.0]
    faint, bright = (float(end) for end in np.percentile(value, SCALE))
    return [faint, max(bright, 2 * faint)]
