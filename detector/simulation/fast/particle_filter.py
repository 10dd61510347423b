"""Which particles of the event record are written: Delphes' StatusPidFilter.

It keeps what truth boxes and flavour tags need: the hard process, leptons, heavy quarks, bosons, stable
photons, b hadrons, and the daughters of taus and Ws.
"""

import numpy as np
from numpy.typing import NDArray

from detector.simulation.pythia import Collision

TAU, W, PHOTON = 15, 24, 22


def kept(record: Collision, pt_min: float) -> NDArray[np.int64]:
    """Indices of the particles that are written, ascending.

    Args:
        record: the collision.
        pt_min: GeV; beauty and daughters of tau and W are kept below it too.
    """
    code, status = np.abs(record.pid), record.status
    beauty = has_beauty(record.pid) | (code == 5)
    from_tau = _daughter_of(record, TAU) & ~((code == TAU) | (code < 11) | ((code > 22) & (code < 100)) | (code > 1000))
    from_w = _daughter_of(record, W)
    always = beauty | from_tau | from_w
    hard = (status > 20) & (status < 30)
    leptons = (code > 10) & (code < 17)
    heavy = (code == 4) | (code == 5) | (code == 6)
    bosons = (code > 22) & (code < 43)
    photons = (code == PHOTON) & (status == 1)
    pt = np.hypot(record.momentum[:, 0], record.momentum[:, 1])
    return np.flatnonzero(always | ((hard | leptons | heavy | bosons | photons) & (pt >= pt_min)))


def has_beauty(pid: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which codes are of hadrons with a b quark: a 5 among the three quark digits (PDG numbering)."""
    code = np.abs(pid)
    digits = (code // 10) % 10, (code // 100) % 10, (code // 1000) % 10
    hadron = (code > 100) & (code < 10_000_000) & (digits[0] > 0) & (digits[1] > 0)
    return np.asarray(hadron & ((digits[1] == 5) | (digits[2] == 5)))


def _daughter_of(record: Collision, code: int) -> NDArray[np.bool_]:
    mother = record.mothers[:, 0]
    return np.asarray((mother >= 0) & (np.abs(record.pid[np.maximum(mother, 0)]) == code))
