"""Evaluations of several test sets, side by side: boosted and resolved jets are different questions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.tables import Sheet
from models.evaluation.report import FORMAT, UNKNOWN
from models.evaluation.rule import Rule

NOTE = (
    "11-point average precision ({rule}) with its bootstrap error, of each class with true jets in that test set. "
    "Ceiling: the labels themselves as detections. The events of one test set say nothing about another."
)


def read(path: Path) -> dict[str, Any]:
    """The numbers of one evaluation.

    Raises:
        DataError: not an `evaluation.json`.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: not an evaluation: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path}: not an evaluation: jetimg models evaluate writes evaluation.json")
    return content


def sheet(evaluations: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """One table of all networks and test sets.

    Args:
        evaluations: what `read` gives, by the name of the test set.
    """
    classes = list(dict.fromkeys(name for one in evaluations.values() for name in one["data_set"]["true_jets"]))
    rows = []
    for test_set, one in evaluations.items():
        jets = one["data_set"]["true_jets"]
        rows.append(
            (f"{test_set}: true jets", one["data_set"]["events"], *(jets.get(name, 0) for name in classes), "", "")
        )
        ceiling = one["data_set"].get("ceiling", {})
        rows.append((f"{test_set}: ceiling", "", *(_cell(ceiling.get(name)) for name in classes), "", ""))
        for name, numbers in one["detectors"].items():
            cells = [_cell(numbers["classes"].get(class_name)) for class_name in classes]
            shared = numbers["mean"].get("over_classes_of_baseline")
            rows.append((f"{test_set}: {name}", "", *cells, _cell(numbers["mean"]), _cell(shared)))
    columns = ("", "events", *classes, "mean", "mean, baseline's classes")
    rules = dict.fromkeys(str(Rule.parse(one["settings"]["match"])) for one in evaluations.values())
    return Sheet("Test sets side by side", columns, rows, NOTE.format(rule="; ".join(rules)))


def _cell(numbers: Mapping[str, Any] | None) -> str:
    if numbers is None or numbers.get("ap_11") is None:
        return UNKNOWN
    error = numbers.get("ap_11_error")
    return f"{numbers['ap_11']:.3f}" + (f" ± {error:.3f}" if error is not None else "")
