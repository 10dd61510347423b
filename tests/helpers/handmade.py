"""Delphes events made by hand: as chunks in memory, and as ROOT files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from detector import Detector, load
from detector.geometry.tower_map import ecal_map, hcal_map
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.delphes_reader import Chunk

INTEGERS = {"PID", "Status", "M1", "D1", "D2"}


def jagged(events: Sequence[Sequence[Any]], dtype: Any = np.float32, width: int = 1) -> Jagged:
    """One list of values an event; values are rows of `width` numbers if that is not 1."""
    flat = [value for event in events for value in event]
    content = np.array(flat, dtype).reshape((-1,) if width == 1 else (-1, width))
    return Jagged(np.cumsum([0, *map(len, events)]).astype(np.int64), content)


def objects(branch: str, events: Sequence[Sequence[dict[str, Any]]], names: Sequence[str]) -> Chunk:
    """The branches of one kind of object, a dictionary for each; what it does not name is 0."""
    return {
        f"{branch}.{name}": jagged(
            [[thing.get(name, 0) for thing in event] for event in events], np.int32 if name in INTEGERS else np.float32
        )
        for name in names
    }


def particles(events: Sequence[Sequence[dict[str, Any]]]) -> Chunk:
    return objects("Particle", events, ("PID", "Status", "PT", "Eta", "Phi", "Mass", "M1", "D1", "D2"))


def cell_of(calorimeter: str, eta: float, phi: float, detector: Detector | None = None) -> list[float]:
    """The edges of the cell at (eta, phi), as Delphes stores them; of the CMS-like detector if none is given."""
    cells = {"ecal": ecal_map, "hcal": hcal_map}[calorimeter](detector or load())
    ring = int(np.searchsorted(cells.eta_edges, eta, side="right")) - 1
    width = 2 * np.pi / cells.n_phi[ring]
    place = int((phi + np.pi) / width)
    edges = [*cells.eta_edges[ring : ring + 2], -np.pi + place * width, -np.pi + (place + 1) * width]
    return [float(np.float32(edge)) for edge in edges]


def branches(n_events: int, detector: Detector | None = None) -> dict[str, list[list[Any]]]:
    """All that the default settings need: each event has a track, a photon, a neutral hadron, a b quark and its jet.

    The pt of event k's track is k + 1 GeV.
    """
    one = {
        "EFlowTrack": {"PT": None, "Eta": 0.005, "Phi": 0.005},
        "EFlowPhoton": {"ET": 2.0, "Eta": 0.5, "Phi": 1.0},
        "EFlowNeutralHadron": {"ET": 3.0, "Eta": -1.0, "Phi": -2.0},
        "Particle": {
            "PID": 5,
            "Status": 23,
            "PT": 50.0,
            "Eta": 0.1,
            "Phi": 3.1,
            "Mass": 4.8,
            "M1": 0,
            "D1": 0,
            "D2": 0,
        },
        "GenJet": {"PT": 50.0, "Eta": 0.1, "Phi": 3.1, "Mass": 5.0},
    }
    made = {
        f"{branch}.{name}": [[k + 1.0 if value is None else value] for k in range(n_events)]
        for branch, values in one.items()
        for name, value in values.items()
    }
    made["EFlowPhoton.Edges"] = [cell_of("ecal", 0.5, 1.0, detector)] * n_events
    made["EFlowNeutralHadron.Edges"] = [cell_of("hcal", -1.0, -2.0, detector)] * n_events
    return made


def write(path: Path, made: dict[str, list[list[Any]]], tree: str = "Delphes") -> Path:
    """Writes these branches as a Delphes file."""
    arrays = {}
    for name, events in made.items():
        dtype = np.int32 if name.partition(".")[2] in INTEGERS else np.float32
        flat = jagged(events, dtype)
        arrays[name] = ak.Array(
            ak.contents.ListOffsetArray(ak.index.Index64(flat.offsets), ak.contents.NumpyArray(flat.content))
        )
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: array.type.content for name, array in arrays.items()})
        if len(next(iter(arrays.values()))):
            file[tree].extend(arrays)
    return path
