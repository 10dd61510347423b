"""All numbers of an evaluation: each detector against the same true jets, class by class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from models.evaluation import coco, working_point
from models.evaluation.calibration import calibration
from models.evaluation.confusion import confusion
from models.evaluation.counting import Matched
from models.evaluation.efficiency import PT_BINS, against, vertex_edges
from models.evaluation.metrics import Ranked, ap_11, ap_all, bootstrap, interpolated, score_at_recall
from models.evaluation.pairing import Floats, Ints, JetTable
from models.evaluation.residuals import QUANTITIES, Residuals, against_pt, spread
from models.evaluation.rule import IOU, Rule

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
        probability: whether its scores are to be probabilities.
    """

    name: str
    found: JetTable
    classes: tuple[int, ...]
    about: dict[str, Any] = field(default_factory=dict)
    probability: bool = True


@dataclass(frozen=True)
class TrueJets:
    """What was there to be found.

    Attributes:
        jets: true jets of all events.
        n_events: events, those without jets too.
        class_names: by class_id.
        n_phi, n_eta: pixels round phi and along eta.
        n_vertices: int64 (n_events), vertices of each event, -1 where unknown; empty: none is known.
    """

    jets: JetTable
    n_events: int
    class_names: tuple[str, ...]
    n_phi: int
    n_eta: int = 340
    n_vertices: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along eta and phi."""
        return self.n_eta, self.n_phi

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
        matched: its detections and the true jets.
        by_pt: what counts in each bin of `models.evaluation.efficiency.PT_BINS`, by class_id.
        confusion: see `models.evaluation.confusion.confusion`.
    """

    detector: DetectionSet
    partner: Ints
    ranked: dict[int, Ranked]
    classes: dict[str, dict[str, Any] | None]
    mean: dict[str, Any]
    matched: Matched
    by_pt: list[dict[int, Ranked]]
    confusion: dict[str, Any]

    def residuals(self, true: JetTable, class_id: int) -> Residuals:
        """Those of one class."""
        rows = np.flatnonzero(self.detector.found.class_id == class_id)
        return Residuals.of(self.detector.found.take(rows), true, self.partner[rows])


def measure(
    detectors: Sequence[DetectionSet],
    truth: TrueJets,
    progress: Callable[[int], None] = lambda _: None,
    rule: Rule = IOU,
) -> list[Measured]:
    """Measures detectors on the same events.

    Args:
        detectors: with different names; the one of the name BASELINE is what the others are compared with.
        truth: what was there.
        progress: told of each sample of the bootstrap.
        rule: when a detection is right.
    """
    measured = [of_detector(detector, truth, rule) for detector in detectors]
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
    _errors_by_pt(measured, truth)
    return measured


def of_detector(detector: DetectionSet, truth: TrueJets, rule: Rule = IOU) -> Measured:
    """Measures one detector, without errors by the bootstrap and without means."""
    found, true = detector.found, truth.jets
    matched = Matched.of(found, true, truth.shape, rule)
    ranked = {k: Ranked.of(found, matched.partner, true, k, truth.n_events) for k in detector.classes}
    made = Measured(detector, matched.partner, ranked, {}, {}, matched, _by_pt(matched, detector.classes, truth), {})
    for class_id, name in enumerate(truth.class_names):
        made.classes[name] = None
        if class_id in ranked:
            by_iou = coco.average_precision(found, true, matched.pairs, class_id)
            made.classes[name] = _of_class(made, class_id, true, by_iou) | _at_cut(made, class_id, truth)
    cuts = {k: (made.classes[truth.class_names[k]] or {})["working_point"]["score"] for k in sorted(ranked)}
    made.confusion.update(confusion(found, true, cuts, truth.class_names, truth.shape, rule))
    return made


def _by_pt(matched: Matched, classes: Sequence[int], truth: TrueJets) -> list[dict[int, Ranked]]:
    """What counts in each bin of the true pt."""
    bins = []
    for low, high in pairwise(PT_BINS):
        counts, partner = matched.within(low, high)
        found = matched.found.take(counts)
        true = truth.jets.take((truth.jets.pt >= low) & (truth.jets.pt < high))
        bins.append({k: Ranked.of(found, partner[counts], true, k, truth.n_events) for k in classes})
    return bins


def _at_cut(one: Measured, class_id: int, truth: TrueJets) -> dict[str, Any]:
    """What depends on a cut on the score, and what only makes sense for some scores."""
    ranked, n_events = one.ranked[class_id], truth.n_events
    curve = ranked.curve()
    point = working_point.best(curve, n_events)
    kept = (one.detector.found.class_id == class_id) & (one.detector.found.score >= np.float32(point.score))
    seen = np.zeros(len(truth.jets), np.bool_)
    seen[one.partner[kept & (one.partner >= 0)]] = True
    mine = np.flatnonzero(truth.jets.class_id == class_id)
    numbers: dict[str, Any] = {
        "working_point": point._asdict(),
        "false_positives_at_recall": {f"0.{k}": working_point.false_positives_at(curve, k, n_events) for k in TENTHS},
        "efficiency_by_pt": against(truth.jets.pt[mine], seen[mine], PT_BINS),
        "ap_by_pt": [{"true_jets": int(row[class_id].n_true.sum())} | _ap(row[class_id]) for row in one.by_pt],
        "calibration": calibration(ranked) if one.detector.probability else None,
    }
    if edges := vertex_edges(truth.n_vertices):
        vertices = truth.n_vertices[truth.jets.event[mine]]
        numbers["efficiency_by_vertices"] = against(vertices, seen[mine], edges)
    return numbers


def _ap(ranked: Ranked) -> dict[str, float]:
    return {"ap_11": ap_11(ranked.curve())}


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


def _errors_by_pt(measured: Sequence[Measured], truth: TrueJets) -> None:
    """Errors of the average precision in bins of the true pt, on the same samples of events as all others."""
    for number in range(len(PT_BINS) - 1):
        columns = [(one, k) for one in measured for k in one.ranked]
        samples = bootstrap([one.by_pt[number][k] for one, k in columns], truth.n_events)
        for column, (one, k) in enumerate(columns):
            row = (one.classes[truth.class_names[k]] or {})["ap_by_pt"][number]
            row["ap_11_error"] = _deviation(samples[:, column])


def _over(samples: dict[str, Floats], names: list[str]) -> Floats:
    """The mean over classes in each sample of events."""
    return np.mean([samples[name] for name in names], axis=0) if names else np.full(1, np.nan)


def _deviation(values: Floats) -> float:
    """The standard deviation over the samples that have a value."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
