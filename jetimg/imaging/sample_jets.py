"""Truth mode `genjet`: generator jets labelled by their sample, as in October 2019.

Then, every generator jet of a file above pt = 2 m / R was an object of the file's class: m the mass of b, t, H or W,
R the radius at which its decay is just contained. A sample of several classes has no such rule: there, each jet takes
its class from a particle near its axis.
"""

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from detector.geometry.grid import Grid
from jetimg.imaging.decays import event_pairs
from jetimg.imaging.delphes_reader import Chunk
from jetimg.imaging.jet_labels import Ints, Selected
from jetimg.imaging.settings import ImageSettings


def pick(chunk: Chunk, particles: Selected, grid: Grid, settings: ImageSettings, sample: str) -> tuple[Ints, Selected]:
    """The generator jets of a chunk of events that are labels, and what made them.

    Args:
        chunk: Eta, Phi of `Particle`, and PT, Eta, Phi of the generator jets.
        particles: those that may give a jet its class.
        grid: of the image.
        settings: of each class `genjet_samples` and `genjet_min_pt`.
        sample: name of the sample.

    Returns:
        Rows of the generator jets, ascending, and for each its event, its class and the row of the nearest particle
        of that class within `genjet_delta_r`; -1 where there is none.
    """
    offsets = chunk[f"{settings.genjet}.PT"].offsets
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    particle, jet, rank, away = _near(chunk, particles, event, settings)
    classes = list(settings.classes.values())
    minimum = np.array([jet_class.genjet_min_pt for jet_class in classes], np.float32)
    pt, eta = (chunk[f"{settings.genjet}.{name}"].content for name in ("PT", "Eta"))
    mine = particles.class_id[particle]
    # A pair counts only where the jet is hard enough for that class: else the next class is tried.
    good = pt[jet] >= minimum[mine]
    class_of = np.full(len(event), -1)
    for own in (number for number, jet_class in enumerate(classes) if sample in jet_class.genjet_samples):
        class_of[pt >= minimum[own]] = own
        good &= mine == own
    order = np.flatnonzero(good)[np.lexsort((away[good], rank[good], jet[good]))]
    chosen, first = np.unique(jet[order], return_index=True)
    best = particle[order[first]]
    row = np.full(len(event), -1)
    row[chosen], class_of[chosen] = particles.row[best], particles.class_id[best]
    found = np.flatnonzero((class_of >= 0) & (np.abs(eta) < grid.eta_max))
    return found, Selected(row[found], event[found], class_of[found])


def _near(
    chunk: Chunk, particles: Selected, event: Ints, settings: ImageSettings
) -> tuple[Ints, Ints, Ints, NDArray[np.floating]]:
    """All pairs of a particle and a jet of the same event within `genjet_delta_r`: their positions, the rank of the
    particle's class in `priority`, and their distance.
    """
    particle, jet = event_pairs(particles.event, event)
    row = particles.row[particle]
    one = (chunk[f"Particle.{name}"].content[row] for name in ("Eta", "Phi"))
    two = (chunk[f"{settings.genjet}.{name}"].content[jet] for name in ("Eta", "Phi"))
    away = delta_r(*one, *two)
    near = away < settings.genjet_delta_r
    ranks = np.array([settings.priority.index(name) for name in settings.classes])
    particle, jet = particle[near], jet[near]
    return particle, jet, ranks[particles.class_id[particle]], away[near]
