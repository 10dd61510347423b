"""Detections as a ROOT file: one entry an event, jagged branches, as ROOT's RDataFrame and uproot read them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from jetimg.common.atomic import atomic_write
from jetimg.detections.layout import CORNERS, TABLE, About, n_events
from jetimg.detections.table import DetectionTable
from jetimg.event_file.store import InputFile

# Branches are jet_pt, jet_eta, ..., and their number an event is njet.
OBJECT = "jet"
COLUMNS = ("class_id", "score", "pt", "eta", "phi", *CORNERS)
METADATA = "about"


class RootWriter:
    """Appends detections to a tree."""

    def __init__(self, file: Any, about: About) -> None:
        self._file, self._about = file, about
        self._inputs: list[InputFile] = []
        numbers = {name: "uint8" if name == "class_id" else "float32" for name in COLUMNS}
        record = ", ".join(f'"{name}": {dtype}' for name, dtype in numbers.items())
        jets = ak.types.from_datashape(f"var * {{{record}}}", highlevel=False)
        types = {"event": np.dtype(np.int64), "file": np.dtype(np.int32), "entry": np.dtype(np.int64), OBJECT: jets}
        file.mktree(TABLE, types, title="detections of each event")

    def add(self, source: InputFile, found: DetectionTable) -> None:
        """The detections of all events of one input; `file` numbers the inputs."""
        first, number = n_events(self._inputs), len(self._inputs)
        self._inputs.append(source)
        if not len(found):
            return
        columns = {name: getattr(found, name) for name in COLUMNS if name not in CORNERS}
        columns |= {name: found.box[:, k] for k, name in enumerate(CORNERS)}
        jets = ak.unflatten(ak.Array(columns), np.diff(found.indptr))
        entry = np.arange(len(found))
        rows = {"event": first + entry, "file": np.full(len(found), number, np.int32), "entry": entry, OBJECT: jets}
        self._file[TABLE].extend(rows)

    def finish(self) -> None:
        """Writes the metadata as JSON, in a text of the file."""
        about = self._about.attributes() | {"n_events": n_events(self._inputs)}
        about["inputs"] = [asdict(row) for row in self._inputs]
        self._file[METADATA] = json.dumps(about)


@contextmanager
def create(path: Path, about: About) -> Iterator[RootWriter]:
    """Makes a ROOT file; it appears under its name only when it is complete.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_write(path) as partial, uproot.recreate(partial) as file:
        writer = RootWriter(file, about)
        yield writer
        writer.finish()


def is_one(path: Path) -> bool:
    """Whether a ROOT file holds detections; no, where it cannot be read."""
    try:
        with uproot.open(path) as file:
            return {TABLE, METADATA} <= set(file.keys(recursive=False, cycle=False))
    except Exception:  # damaged bytes make uproot raise almost anything
        return False
