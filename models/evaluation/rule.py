"""When a detection lies near enough to a true jet to be right."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from detector.geometry.angles import delta
from models.evaluation.pairing import Floats, JetTable, Pairs

Kind = Literal["iou", "deltar", "reference"]

# Minimum IoU of a detection that is right, as in Pascal VOC.
MIN_IOU = 0.5
# The published PF-Jet-SSD code (jet-ssd-eval.py, max_distance): centres of boxes, in shares of the image's sides.
REFERENCE_DISTANCE = 0.1


@dataclass(frozen=True)
class Rule:
    """A rule of matching.

    Attributes:
        kind: iou, overlap of the boxes; deltar, distance of the axes in eta and phi; reference, distance of the boxes'
            centres in shares of the image's sides.
        threshold: minimum overlap, or maximum distance.
    """

    kind: Kind = "iou"
    threshold: float = MIN_IOU

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """The rule of a text such as `iou:0.5`, `deltar:0.4` or `reference`.

        Raises:
            ValueError: no such rule.
        """
        kind, _, number = text.partition(":")
        defaults: dict[str, tuple[Kind, float]] = {
            "iou": ("iou", MIN_IOU),
            "deltar": ("deltar", 0.4),
            "reference": ("reference", REFERENCE_DISTANCE),
        }
        try:
            name, default = defaults[kind]
            rule = cls(name, float(number) if number else default)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{text}: expected iou:0.5, deltar:0.4 or reference") from error
        if not (0 < rule.threshold <= 1 if kind == "iou" else 0 < rule.threshold < np.inf):
            raise ValueError(f"{text}: {rule.threshold:g} is no {'overlap' if kind == 'iou' else 'distance'}")
        return rule

    def __str__(self) -> str:
        return {
            "iou": f"overlap of at least {self.threshold:g}",
            "deltar": f"axes at most {self.threshold:g} apart in eta, phi",
            "reference": f"centres at most {self.threshold:g} of the image apart",
        }[self.kind]

    @property
    def minimum(self) -> float:
        """The nearness that is near enough."""
        return self.threshold if self.kind == "iou" else -self.threshold

    def nearness(self, pairs: Pairs, found: JetTable, true: JetTable, shape: tuple[int, int]) -> Floats:
        """How near the two of each pair are: the larger, the nearer; a distance with a minus.

        Args:
            pairs: of detections and true jets.
            found, true: these.
            shape: pixels along eta and phi.
        """
        if self.kind == "iou":
            return pairs.iou
        one, two = found.take(pairs.found), true.take(pairs.true)
        if self.kind == "deltar":
            distance: Floats = np.hypot(one.eta - two.eta, delta(one.phi, two.phi))
            return -distance
        (eta, phi), (true_eta, true_phi) = _centre(one), _centre(two)
        apart = np.mod(phi - true_phi + shape[1] / 2, shape[1]) - shape[1] / 2
        return -np.hypot((eta - true_eta) / shape[0], apart / shape[1])


def _centre(jets: JetTable) -> tuple[Floats, Floats]:
    """Row and column of each box's centre, pixels; phi may be any number of turns off."""
    box = jets.box.astype(np.float64)
    return (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2


IOU = Rule()
