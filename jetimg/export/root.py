"""ROOT: SPLIT.root with a tree `events`, one entry an event: what happened in it, and its jets in jagged branches.

Branches jet_pt, jet_eta, ..., njet of them; jet_class_id is an index into `class_names` of the JSON text `about`,
sample into its `sample_names`. Images are in the other formats. A file of detections becomes a tree `detections`, one
entry an event, with branches jet_score, jet_pt and so on.
"""

import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from jetimg.detections import hdf5
from jetimg.detections import root as detections_root
from jetimg.detections.layout import CORNERS
from jetimg.detections.root import METADATA, OBJECT
from jetimg.event_file.store import Batch
from jetimg.export.part import EVENT_COLUMNS, Part, Progress, jet_columns

TREE = "events"
NUMBERS = ("pt", "eta", "phi", "mass")


def write(part: Part, folder: Path, progress: Progress) -> None:
    """One split.

    Args:
        part: the events.
        folder: where the file goes.
        progress: told of events.
    """
    names = list(dict.fromkeys(name for file in part.files.sample_names for name in file))
    with uproot.recreate(folder / f"{part.split}.root") as file:
        file.mktree(TREE, _types(), title="true jets of each event")
        for first, samples, batch in part.batches():
            file[TREE].extend(_rows(part, batch, first, np.array([names.index(name) for name in samples], np.uint8)))
            progress(len(batch))
        about = {"class_names": part.files.class_names, "sample_names": names} | part.geometry.attributes()
        file[METADATA] = json.dumps(about)


def write_detections(path: Path, folder: Path, progress: Progress) -> int:
    """A file of detections.

    Args:
        path: the file, HDF5.
        folder: where the ROOT file of the same name goes.
        progress: told of events.

    Returns:
        The number of its events.

    Raises:
        DataError: not a complete file of detections, or damaged.
    """
    with hdf5.Reader(path) as reader, detections_root.create(folder / f"{path.stem}.root", reader.about) as writer:
        first = 0
        for source in reader.inputs:
            n_events = source.entries if source.verdict == "ok" else 0
            writer.add(source, reader.read(first, first + n_events))
            first += n_events
            progress(n_events)
        return first


def _types() -> dict[str, Any]:
    numbers = {name: "uint8" if name == "class_id" else "float32" for name in ("class_id", *NUMBERS, *CORNERS)}
    record = ", ".join(f'"{name}": {dtype}' for name, dtype in numbers.items())
    jets = ak.types.from_datashape(f"var * {{{record}}}", highlevel=False)
    scalars = dict.fromkeys(EVENT_COLUMNS, np.dtype(np.float32)) | {"n_vertices": np.dtype(np.int32)}
    return {"event": np.dtype(np.int64), "sample": np.dtype(np.uint8), **scalars, OBJECT: jets}


def _rows(part: Part, batch: Batch, first: int, sample: np.ndarray[Any, Any]) -> dict[str, Any]:
    jets, events = jet_columns(part, batch), batch.tables["events"]
    columns = {name: jets[name] for name in ("class_id", *NUMBERS)}
    x0, y0, x1, y1 = jets["box"].T
    columns |= dict(zip(CORNERS, (y0, x0, y1, x1), strict=True))
    rows = {"event": first + np.arange(len(batch)), "sample": sample[events["sample"]]}
    rows |= {name: events[name] for name in EVENT_COLUMNS}
    return rows | {OBJECT: ak.unflatten(ak.Array(columns), np.diff(jets["indptr"]))}
