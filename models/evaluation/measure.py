"""All numbers of an evaluation: each detector against the same true jets, class by class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.evaluation import coco
from models.evaluation.metrics import Ranked, ap_11, ap_all, bootstrap, interpolated, score_at_recall
from models.evaluation.pairing import Floats, Ints, JetTable, match, pairs
from models.evaluation.residuals import QUANTITIES, Residuals, against_pt, spread

# Minimum IoU of a detection that is right, as in Pascal VOC.
MIN_IOU = 0.5
COCO_IOUS = tuple(f"{0.5 + 0.05 * k:.2f}" for k in range(10))

# Recalls, in tenths, at which the papers give the precision.
TENTHS = (3, 5)

BASELINE = "baseline"


@dataclass(frozen=True)
class DetectionSet:
    """A detector and what it found.

    Attributes:
        name: how it is called in tables and plots.
        found: its detections in all events.
        classes: class_ids that it knows.
        about: what else the report says of it.
    """

    name: str
    found: JetTable
    classes: tuple[int, ...]
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrueJets:
    """What was there to be found.

    Attributes:
        jets: true jets of all events.
        n_events: events, those without jets too.
        class_names: by class_id.
        n_phi: pixels round phi.
    """

    jets: JetTable
    n_events: int
    class_names: tuple[str, ...]
    n_phi: int

    @property
    def counts(self) -> list[int]:
        """True jets of each class."""
        counts: list[int] = np.bincount(self.jets.class_id, minlength=len(self.class_names)).tolist()
        return counts


@dataclass(frozen=True)
class Measured:
    """A detector with its numbers.

    Attributes:
        detector: what was measured.
        partner: the true jet of each detection, -1 for none.
        ranked: detections by class_id, of the classes that it knows.
        classes: numbers by name of the class; None for a class that it does not know.
        mean: means over classes.
    """

    detector: DetectionSet
    partner: Ints
    ranked: dict[int, Ranked]
    classes: dict[str, dict[str, Any] | None]
    mean: dict[str, Any]

    def residuals(self, true: JetTable, class_id: int) -> Residuals:
        """Those of one class."""
        rows = np.flatnonzero(self.detector.found.class_id == class_id)
        return Residuals.of(self.detector.found.take(rows), true, self.partner[rows])


def measure(
    detectors: Sequence[DetectionSet], truth: TrueJets, progress: Callable[[int], None] = lambda _: None
) -> list[Measured]:
    """Measures detectors on the same events.

    Args:
        detectors: with different names; the one of the name BASELINE is what the others are compared with.
        truth: what was there.
        progress: told of each sample of the bootstrap.
    """
    measured = [_of_detector(detector, truth) for detector in detectors]
    columns = [(one, class_id) for one in measured for class_id in one.ranked]
    samples = bootstrap([one.ranked[class_id] for one, class_id in columns], truth.n_events, ap_11, progress)
    by_name: dict[str, dict[str, Floats]] = {one.detector.name: {} for one in measured}
    for column, (one, class_id) in enumerate(columns):
        by_name[one.detector.name][truth.class_names[class_id]] = samples[:, column]
    baseline = next((one for one in measured if one.detector.name == BASELINE), None)
    for one in measured:
        _means(one, baseline)
    for one in measured:
        _errors(one, baseline, by_name)
    return measured


def _of_detector(detector: DetectionSet, truth: TrueJets) -> Measured:
    found, true = detector.found, truth.jets
    together = pairs(found, true, truth.n_phi)
    partner = match(together, len(found), len(true), MIN_IOU)
    ranked = {k: Ranked.of(found, partner, true, k, truth.n_events) for k in detector.classes}
    made = Measured(detector, partner, ranked, {}, {})
    for class_id, name in enumerate(truth.class_names):
        made.classes[name] = None
        if class_id in ranked:
            by_iou = coco.average_precision(found, true, together, class_id)
            made.classes[name] = _of_class(made, class_id, true, by_iou)
    return made


def _of_class(one: Measured, class_id: int, true: JetTable, by_iou: Floats) -> dict[str, Any]:
    curve, residuals = one.ranked[class_id].curve(), one.residuals(true, class_id)
    tenths = interpolated(curve, 10)
    return {
        "true_jets": curve.n_true,
        "detections": len(one.ranked[class_id].event),
        "found": len(residuals.true_pt),
        "ap_11": ap_11(curve),
        "ap_all": ap_all(curve),
        "ap_coco": float(by_iou.mean()),
        "ap_coco_by_iou": dict(zip(COCO_IOUS, by_iou.tolist(), strict=True)),
        "precision_at_recall": {f"0.{k}": float(tenths[k]) for k in TENTHS},
        "score_at_recall": {f"0.{k}": score_at_recall(curve, k) for k in TENTHS},
        "precision_at_recall_0_to_1_by_0.01": interpolated(curve, 100).tolist(),
        "residuals": {name: spread(getattr(residuals, name)) for name in QUANTITIES},
        "against_pt": against_pt(residuals, true.pt[true.class_id == class_id]),
    }


def _means(one: Measured, baseline: Measured | None) -> None:
    """Means over the classes that it knows and that have true jets; again over those of the baseline."""
    known = _known(one)
    one.mean.update(_mean(one, known))
    if baseline is not None:
        one.mean["over_classes_of_baseline"] = _mean(one, [name for name in known if name in _known(baseline)])


def _known(one: Measured) -> list[str]:
    return [name for name, numbers in one.classes.items() if numbers and numbers["true_jets"]]


def _mean(one: Measured, names: list[str]) -> dict[str, Any]:
    means: dict[str, Any] = {"classes": names}
    rows = [row for name in names if (row := one.classes[name]) is not None]
    for key in ("ap_11", "ap_all", "ap_coco"):
        means[key] = float(np.mean([row[key] for row in rows])) if rows else np.nan
    return means


def _errors(one: Measured, baseline: Measured | None, samples: dict[str, dict[str, Floats]]) -> None:
    """Errors of the 11-point average precision, and the difference to the baseline with its own."""
    mine, theirs = samples[one.detector.name], samples[BASELINE] if baseline else {}
    compare = baseline is not None and one is not baseline
    for name, numbers in one.classes.items():
        if numbers is None:
            continue
        numbers["ap_11_error"] = _deviation(mine[name])
        if compare and baseline and (other := baseline.classes[name]) is not None:
            numbers["ap_11_less_baseline"] = numbers["ap_11"] - other["ap_11"]
            numbers["ap_11_less_baseline_error"] = _deviation(mine[name] - theirs[name])
    one.mean["ap_11_error"] = _deviation(_over(mine, one.mean["classes"]))
    if baseline is None:
        return
    shared = one.mean["over_classes_of_baseline"]
    shared["ap_11_error"] = _deviation(_over(mine, shared["classes"]))
    if compare:
        shared["ap_11_less_baseline"] = shared["ap_11"] - _mean(baseline, shared["classes"])["ap_11"]
        difference = _over(mine, shared["classes"]) - _over(theirs, shared["classes"])
        shared["ap_11_less_baseline_error"] = _deviation(difference)


def _over(samples: dict[str, Floats], names: list[str]) -> Floats:
    """The mean over classes in each sample of events."""
    return np.mean([samples[name] for name in names], axis=0) if names else np.full(1, np.nan)


def _deviation(values: Floats) -> float:
    """The standard deviation over the samples that have a value."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
