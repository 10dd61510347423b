"""Detections and true jets matched by a rule, and which of them count where only some jets are to be found."""

from dataclasses import dataclass

import numpy as np

from models.evaluation.pairing import Bools, Floats, Ints, JetTable, Pairs, match, pairs
from models.evaluation.rule import IOU, Rule


@dataclass(frozen=True)
class Matched:
    """All pairs of a detector's detections and the true jets, with their nearness.

    Attributes:
        found, true: detections and true jets.
        pairs: each with each, within an event and a class.
        nearness: of each pair.
        rule: what is near enough.
        partner: the true jet of each detection, -1 for none.
    """

    found: JetTable
    true: JetTable
    pairs: Pairs
    nearness: Floats
    rule: Rule
    partner: Ints

    @classmethod
    def of(cls, found: JetTable, true: JetTable, shape: tuple[int, int], rule: Rule) -> "Matched":
        """Matches detections with true jets.

        Args:
            found, true: detections and true jets.
            shape: pixels along eta and phi.
            rule: what is near enough.
        """
        together = pairs(found, true, shape[1])
        nearness = rule.nearness(together, found, true, shape)
        partner = match(together, len(found), len(true), rule.minimum, None, nearness)
        return cls(found, true, together, nearness, rule, partner)

    def of_jets(self, wanted: Bools) -> Ints:
        """The true jet of each detection where those that are not wanted are taken only where no other can be."""
        return match(self.pairs, len(self.found), len(self.true), self.rule.minimum, ~wanted, self.nearness)

    def within(self, low: float, high: float) -> tuple[Bools, Ints]:
        """What counts where only true jets of some pt are to be found.

        As COCO does it for sizes (Lin et al., arXiv:1405.0312, and its code): what finds another jet, and none of
        these, is neither right nor wrong; nor is what finds none and is of another pt itself. A detector that does not
        measure pt has none of the latter.

        Args:
            low, high: pt from and below, GeV.

        Returns:
            bool (detections), which count; and the true jet of each detection.
        """
        wanted = (self.true.pt >= low) & (self.true.pt < high)
        partner = self.of_jets(wanted)
        own = ~((self.found.pt < low) | (self.found.pt >= high))
        return np.where(partner >= 0, np.append(wanted, True)[partner], own), partner


def above(found: JetTable, true: JetTable, min_pt: float, shape: tuple[int, int], rule: Rule = IOU) -> JetTable:
    """The detections that count where only true jets of at least some pt are to be found; see `Matched.within`.

    Args:
        found, true: all detections and true jets.
        min_pt: GeV.
        shape: pixels along eta and phi.
        rule: what is near enough.
    """
    return found.take(Matched.of(found, true, shape, rule).within(min_pt, np.inf)[0])
