"""Tables of an evaluation that need bins, or a cut on the score."""

import math
from collections.abc import Iterator
from typing import Any

from jetimg.common.tables import Sheet
from models.evaluation.efficiency import PT_BINS
from models.evaluation.measure import TENTHS, Measured
from models.evaluation.result import Evaluation

NONE = "-"


def rate_sheets(found: Evaluation) -> list[Sheet]:
    """The tables, in their order."""
    made = [_by_pt(found), _working_points(found)]
    if any("efficiency_by_vertices" in (row or {}) for one in found.measured for row in one.classes.values()):
        made.append(_by_vertices(found))
    made += [_confusion(found, one) for one in found.measured]
    return [*made, _calibration(found)]


def bin_name(low: float, high: float) -> str:
    """A bin as tables and pictures write it."""
    return f"{low:g} to {high:g}" if math.isfinite(high) else f"above {low:g}"


def _rows(found: Evaluation) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each class with true jets and, below its ceiling, each detector that knows it."""
    every = [found.oracle] if found.oracle else []
    for class_id, name in enumerate(found.truth.class_names):
        for one in [*every, *found.measured]:
            row = one.classes.get(name)
            if row is not None and found.truth.counts[class_id]:
                yield name, one.detector.name, row


def _by_pt(found: Evaluation) -> Sheet:
    columns = ["class ", "detector", *map(bin_name, PT_BINS[:-1], PT_BINS[1:])]
    rows = []
    for name, detector, row in _rows(found):
        cells = []
        for one in row["ap_by_pt"]:
            error = one.get("ap_11_error", math.nan)
            text = _number(one["ap_11"]) + (f" ± {error:.3f}" if math.isfinite(error) else "")
            cells.append(f"{text} ({one['true_jets']})" if one["true_jets"] else NONE)
        rows.append((name, detector, *cells))
    note = (
        "11 points; in brackets the true jets of the bin (GeV). Detections that find a jet of another bin, or none and "
        "are of another pt themselves, count neither as right nor as wrong."
    )
    return Sheet("Average precision in bins of true pt", columns, rows, note)


def _working_points(found: Evaluation) -> Sheet:
    columns = ["class ", "detector", "cut", "precision", "efficiency", "wrong an event"]
    columns += [f"wrong an event at efficiency 0.{k}" for k in TENTHS]
    rows = []
    for name, detector, row in _rows(found):
        point, wrong = row["working_point"], row["false_positives_at_recall"]
        cells = [_number(point[key]) for key in ("score", "precision", "recall", "false_positives")]
        cells += [_number(wrong[f"0.{k}"]) for k in TENTHS]
        # The ceiling's score is a pt.
        rows.append((name, detector, *(cells if detector != _ceiling(found) else [NONE, *cells[1:]])))
    note = (
        "The cut with the largest F1. What follows is measured at these cuts: efficiency (the share of the true jets "
        "that is found), confusion."
    )
    return Sheet("Working points", columns, rows, note)


def _ceiling(found: Evaluation) -> str:
    return found.oracle.detector.name if found.oracle else ""


def _by_vertices(found: Evaluation) -> Sheet:
    rows = list(_rows(found))
    bins = rows[0][2]["efficiency_by_vertices"] if rows else []
    # Whole numbers: the last of a bin, not the first of the next.
    columns = ["class ", "detector", *(f"{one['from']:.0f} to {one['to'] - 1:.0f}" for one in bins)]
    cells = [(name, detector, *(_share(one) for one in row["efficiency_by_vertices"])) for name, detector, row in rows]
    note = "At the working point; vertices of the event, that of the hard process included. ± 68 %."
    return Sheet("Efficiency against the number of vertices", columns, cells, note)


def _share(one: dict[str, Any]) -> str:
    if not one["true_jets"]:
        return NONE
    return f"{one['efficiency']:.3f} ± {(one['high'] - one['low']) / 2:.3f}"


def _confusion(found: Evaluation, one: Measured) -> Sheet:
    counts, names = one.confusion, list(one.confusion["no_jet"])
    rows: list[tuple[str, ...]] = []
    for name, total in zip(found.truth.class_names, found.truth.counts, strict=True):
        if total:
            cells = [f"{counts['of'][name][other] / total:.3f}" for other in names]
            rows.append((f"{name} ({total:,})", *cells, f"{counts['none'][name] / total:.3f}"))
    events = found.truth.n_events
    rows.append(("on no jet, an event", *(f"{counts['no_jet'][other] / events:.3f}" for other in names), ""))
    note = (
        "Rows are true jets, columns detections at the working point: the share of the jets on which one lies. A jet "
        "can have several, so rows do not add up to 1."
    )
    return Sheet(f"Confusion: {one.detector.name}", ("true jets", *names, "nothing"), rows, note)


def _calibration(found: Evaluation) -> Sheet:
    names, rows = found.truth.class_names, []
    for one in found.measured:
        if one.detector.probability:
            errors = [(one.classes[name] or {}).get("calibration", {}).get("error", math.nan) for name in names]
            rows.append((one.detector.name, *map(_number, errors)))
    note = (
        "The mean distance of score and share of right detections, in ten bins of the score (expected calibration "
        "error). The score of the classical jets is no probability."
    )
    return Sheet("Calibration", ("detector", *names), rows, note)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else NONE
