"""Which labelled particles come from the decay of another labelled particle.

Delphes' status filter drops particles, so the mother index M1 no longer points into the list; but
particles of one decay still share it, and their momenta still add up to the decaying particle's. That
is how the mother is found: by four-momentum conservation, which holds exactly in Pythia's record.
"""

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from jetimg.imaging.delphes_reader import Chunk

# float32 pt, eta, phi, mass give momenta to about 1e-6; unrelated particles do not come this close.
SAME_MOMENTUM = 1e-4


def inside_another(chunk: Chunk, row: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each selected particle, whether its decay mother is (a later copy of) a selected one.

    Args:
        chunk: branches of `Particle`: PID, M1, PT, Eta, Phi, Mass.
        row: ascending rows of the selected particles.
    """
    offsets = chunk["Particle.PID"].offsets
    pid, mother = chunk["Particle.PID"].content, chunk["Particle.M1"].content
    eta, phi = chunk["Particle.Eta"].content, chunk["Particle.Phi"].content
    nested = np.zeros(len(row), dtype=np.bool_)
    bounds = np.searchsorted(row, offsets)
    for start, stop, first, last in zip(offsets[:-1], offsets[1:], bounds[:-1], bounds[1:], strict=True):
        momenta = _momenta(chunk, int(start), int(stop))
        mine = row[first:last]
        for k, particle in enumerate(mine, start=int(first)):
            siblings = mother[start:stop] == mother[particle]
            copy = _same_momentum(momenta, momenta[siblings].sum(axis=0))
            if siblings.sum() < 2 or copy is None:
                continue
            copy += int(start)
            same = mine[pid[mine] == pid[copy]]
            # Of two equal particles (H H), the mother is the one whose copy lies nearer.
            if len(same) and particle != same[np.argmin(delta_r(eta[same], phi[same], eta[copy], phi[copy]))]:
                nested[k] = True
    return nested


def _momenta(chunk: Chunk, start: int, stop: int) -> NDArray[np.float64]:
    """(px, py, pz, E) of the particles of one event; zeros for those along the beam."""
    pt, eta, phi, mass = (
        chunk[f"Particle.{name}"].content[start:stop].astype(np.float64) for name in ("PT", "Eta", "Phi", "Mass")
    )
    along = np.abs(eta) > 20.0
    pt, eta = np.where(along, 0.0, pt), np.where(along, 0.0, eta)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + mass**2)], axis=1)


def _same_momentum(momenta: NDArray[np.float64], total: NDArray[np.float64]) -> int | None:
    away = np.abs(momenta - total).max(axis=1)
    nearest = int(np.argmin(away))
    return nearest if away[nearest] < SAME_MOMENTUM * total[3] else None
