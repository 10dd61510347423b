"""Labelled jets of several events, and what became of every candidate."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from detector.geometry.grid import Grid

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

LABELLED = "labelled"
NO_DECAY = "no decay found"
ANOTHER_DECAY = "another decay"
NO_JET = "no jet"
NOT_CONTAINED = "not contained"
LOW_PT = "below min_pt"
OUTSIDE = "outside the image"
TAKEN = "jet taken"
INSIDE = "inside a labelled one"

# What can become of a candidate, in the order in which it is looked at.
OUTCOMES = {
    LABELLED: "the candidate has a label",
    NO_DECAY: "a product was not written (below the card's minimum pt), so that the decay cannot be told",
    ANOTHER_DECAY: "it did not decay to the quarks that its class asks for",
    NO_JET: "no generator jet of the event lies near enough",
    NOT_CONTAINED: "no generator jet has all its decay quarks within contained_within of its axis",
    LOW_PT: "its jet is below the class's minimum pt",
    OUTSIDE: "its jet's axis lies outside the image",
    TAKEN: "its jet is labelled already",
    INSIDE: "it is a product of a labelled resonance, and those are labelled alone (nested: outermost)",
}


@dataclass(frozen=True)
class Labels:
    """Labelled jets of several events, in CSR form, by descending pt within an event.

    Attributes:
        indptr: int64 (n_events + 1).
        class_id: uint8 (n), index into the settings' classes.
        pdg_id: int32 (n), the particle's PDG id, signed; 0 where no particle made the jet (mode genjet).
        pt, eta, phi, mass: float32 (n), GeV and radians.
        box: float32 (n, 4), see `detector.geometry.boxes`.
        decay_pdg_id: int32 (n), the largest |PDG id| among the particle's decay products in the end (5 for
            t -> b W -> b q q'); 0 for b and q, and where it is not known.
        parton_pt: float32 (n), pt of the generator particle, of its last copy where that is known, GeV.
        contained: float32 (n), share of its decay quarks within `contained_within` of the axis (1 for a parton
            that is near enough); -1 where it is not known.
    """

    indptr: Ints
    class_id: NDArray[np.uint8]
    pdg_id: NDArray[np.int32]
    pt: Floats
    eta: Floats
    phi: Floats
    mass: Floats
    box: Floats
    decay_pdg_id: NDArray[np.int32]
    parton_pt: Floats
    contained: Floats


@dataclass
class TruthCounts:
    """How many candidates of each class came to which outcome (one of OUTCOMES), summed over events."""

    of_class: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, name: str, outcome: str, number: int) -> None:
        """Counts more candidates."""
        if number:
            self.of_class.setdefault(name, Counter())[outcome] += int(number)

    def as_dict(self) -> dict[str, dict[str, int]]:
        """For JSON; outcomes in their order."""
        return {
            name: {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]}
            for name, counts in self.of_class.items()
        }


@dataclass(frozen=True)
class Selected:
    """Particles that make labels, int64 (n): rows in the chunk (-1 for a label without one), events and classes."""

    row: Ints
    event: Ints
    class_id: Ints

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> "Selected":
        """Some of them."""
        return Selected(self.row[which], self.event[which], self.class_id[which])


@dataclass(frozen=True)
class Found:
    """Labels in any order, before they have boxes.

    Attributes:
        event, class_id, row: int64 (n); `row` orders labels of equal pt.
        pdg_id: int32 (n).
        pt, eta, phi, mass: float32 (n).
        decay_pdg_id, parton_pt, contained: (n), see Labels.
    """

    event: Ints
    class_id: Ints
    row: Ints
    pdg_id: NDArray[np.int32]
    pt: Floats
    eta: Floats
    phi: Floats
    mass: Floats
    decay_pdg_id: Ints
    parton_pt: NDArray[np.floating]
    contained: NDArray[np.floating]

    def sorted_with_boxes(self, n_events: int, grid: Grid, radius: float) -> Labels:
        """The labels in their order, with boxes."""
        order = np.lexsort((self.row, -self.pt, self.event))
        eta, phi = self.eta[order], self.phi[order]
        return Labels(
            indptr=np.searchsorted(self.event[order], np.arange(n_events + 1)).astype(np.int64),
            class_id=self.class_id[order].astype(np.uint8),
            pdg_id=self.pdg_id[order].astype(np.int32),
            pt=self.pt[order],
            eta=eta,
            phi=phi,
            mass=self.mass[order],
            box=boxes.around(grid, eta, phi, radius),
            decay_pdg_id=self.decay_pdg_id[order].astype(np.int32),
            parton_pt=self.parton_pt[order].astype(np.float32),
            contained=self.contained[order].astype(np.float32),
        )


def joined(parts: list[Found]) -> Found:
    """Labels of several steps."""
    return Found(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})
