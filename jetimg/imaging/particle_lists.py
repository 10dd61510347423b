"""The particles of an event as a list, hardest first: the energy flow for networks of points or of sequences."""

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.layout import PARTICLE_TYPES
from jetimg.event_file.store import Columns
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.delphes_reader import Chunk

LEPTONS = {11: PARTICLE_TYPES.index("electron"), 13: PARTICLE_TYPES.index("muon")}
TOWERS = {
    "EFlowPhoton": PARTICLE_TYPES.index("photon"),
    "EFlowNeutralHadron": PARTICLE_TYPES.index("neutral hadron"),
}


def listed(chunk: Chunk, most: int) -> Columns:
    """The table /particles of a chunk of events.

    Args:
        chunk: with the branches of `jetimg.imaging.delphes_reader.PARTICLES`.
        most: particles of an event that are kept, those of highest pt; of equal pt, tracks before photons before
            neutral hadrons, each in the order of the file.
    """
    n_events = len(chunk["EFlowTrack.PT"].offsets) - 1
    pid = np.abs(chunk["EFlowTrack.PID"].content)
    track_type = np.select([pid == code for code in LEPTONS], list(LEPTONS.values()), 0)
    parts = [_columns(chunk, "EFlowTrack", "PT", track_type, chunk["EFlowTrack.Charge"].content)]
    for branch, number in TOWERS.items():
        n = len(chunk[f"{branch}.ET"].content)
        parts.append(_columns(chunk, branch, "ET", np.full(n, number), np.zeros(n)))
    event, pt, eta, phi, kind, charge = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((-pt, event))
    order = order[pt[order] > 0]
    first = np.searchsorted(event[order], np.arange(n_events))
    order = order[np.arange(len(order)) - first[event[order]] < most]
    return {
        "indptr": np.searchsorted(event[order], np.arange(n_events + 1)),
        "pt": pt[order].astype(np.float32),
        "eta": eta[order].astype(np.float32),
        "phi": phi[order].astype(np.float32),
        "type": kind[order].astype(np.uint8),
        "charge": charge[order].astype(np.int8),
    }


def _columns(
    chunk: Chunk, branch: str, pt: str, kind: NDArray[np.integer], charge: NDArray[np.generic]
) -> tuple[NDArray[np.generic], ...]:
    found: list[Jagged] = [chunk[f"{branch}.{name}"] for name in (pt, "Eta", "Phi")]
    offsets = found[0].offsets
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return event, *(column.content for column in found), kind, charge
