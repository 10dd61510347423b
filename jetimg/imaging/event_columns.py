"""The columns of /events that come from the input: weight, missing momentum, pile-up."""

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.layout import TABLES
from jetimg.event_file.store import Columns
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.delphes_reader import WIDTHS, Chunk


class EventError(ValueError):
    """A branch has not one value an event; the message says which.

    Attributes:
        event: number of the first such event in its chunk.
    """

    def __init__(self, message: str, event: int) -> None:
        super().__init__(message)
        self.event = event


def columns(chunk: Chunk, n_events: int) -> Columns:
    """Columns of /events that a chunk's branches give; what has no branch is left to its default.

    Raises:
        EventError: an event has not one weight, one missing momentum, one mean of pile-up.
    """
    found: Columns = {"weight": np.ones(n_events, np.float32)}
    one_each = {
        "weight": "Event.Weight",
        "met": "MissingET.MET",
        "met_phi": "MissingET.Phi",
        "true_pileup": "Event.TruePileUp",
    }
    for name, branch in one_each.items():
        if branch in chunk:
            found[name] = _one_each(branch, chunk[branch])
    if "Vertex.Z" in chunk:
        found["n_vertices"] = np.diff(chunk["Vertex.Z"].offsets).astype(np.int32)
    if "Rho.Rho" in chunk:
        found["rho"] = _central_rho(chunk, n_events)
    return found


def _one_each(name: str, branch: Jagged) -> NDArray[np.float32]:
    counts = np.diff(branch.offsets)
    if np.any(counts != 1):
        event = int(np.argmax(counts != 1))
        raise EventError(f"`{name}` has {counts[event]} values in an event; expected one", event)
    return branch.content.astype(np.float32)


def _central_rho(chunk: Chunk, n_events: int) -> NDArray[np.float32]:
    """The density of the eta range that holds 0; the only one of an event that has one; else unknown."""
    rho, edges = chunk["Rho.Rho"], chunk["Rho.Edges"].content.reshape(-1, WIDTHS["Rho.Edges"])
    event = np.repeat(np.arange(n_events), np.diff(rho.offsets))
    alone = np.diff(rho.offsets)[event] == 1
    central = (edges[:, 0] <= 0) & (edges[:, 1] > 0)
    found = np.full(n_events, TABLES["events"]["rho"].default, np.float32)
    found[event[central | alone]] = rho.content[central | alone]
    return found
