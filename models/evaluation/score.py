"""Files of detections measured on the test sets of a data set, and the table of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jetimg.common.tables import Sheet
from models.evaluation import detection_files, report, side_by_side
from models.evaluation.evaluate import check_names, judged
from models.evaluation.event_set import EventSet
from models.evaluation.result import Evaluation, EvaluationSettings

HEAD = """# Benchmark

Networks and classical jets on the test sets of one data set. `heldout` are events of the processes that networks are
trained on, mostly boosted jets; `test` are processes that no network has seen, `test-NAME` those of one sample. All are
measured on the same events, by the same rule: {rule}. `ceiling` are the labels themselves, `baseline` the tagged AK8
jets.

To enter, write your detections into a file ([which](../models.md#a-benchmark-for-others)) and measure it:
`jetimg models score NAME=FILE DATASET --split heldout --split test --output DIR --table benchmark.md`
"""


def score(folder: Path, files: Mapping[str, Path], settings: EvaluationSettings) -> Evaluation:
    """Measures files of detections on one split.

    Args:
        folder: the data set.
        files: by the detector's name.
        settings: how; what concerns networks does not count.

    Raises:
        DataError: no data set, no such events or no such sample; or a file that cannot be used.
        ValueError: a detector has a name that the tables have for others.
    """
    check_names(files)
    events = EventSet.of(folder, settings.split, settings.sample)
    found = [detection_files.read(name, path, folder, events) for name, path in files.items()]
    return judged(events, found, replace(settings, device="cpu", score_threshold=0.0))


def page(evaluations: Mapping[str, Evaluation]) -> str:
    """The table of all detectors, as Markdown.

    Args:
        evaluations: by the name of the test set, of the same detectors.
    """
    numbers = {name: report.as_dict(found) for name, found in evaluations.items()}
    first = next(iter(evaluations.values()))
    text = HEAD.format(rule=first.settings.rule)
    sheets = [side_by_side.sheet(numbers), _rates(numbers), _files(numbers)]
    return "\n".join([text, *(sheet.markdown() for sheet in sheets)])


def _rates(numbers: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """AP by COCO's rule, and wrong detections an event at the recall of one half, by class."""
    classes = list(dict.fromkeys(name for one in numbers.values() for name in one["data_set"]["true_jets"]))
    rows = []
    for test_set, one in numbers.items():
        for name, found in one["detectors"].items():
            cells = [_rate(found["classes"].get(class_name)) for class_name in classes]
            rows.append((test_set, name, *cells))
    note = "AP averaged over IoU thresholds of 0.5 to 0.95, then wrong detections an event at an efficiency of 0.5."
    return Sheet("COCO, and false positives", ("test set", "detector", *classes), rows, note)


def _rate(row: Mapping[str, Any] | None) -> str:
    if row is None or row["ap_coco"] is None:
        return report.UNKNOWN
    wrong = row["false_positives_at_recall"]["0.5"]
    return f"{row['ap_coco']:.3f}, {'not reached' if wrong is None else f'{wrong:.2f}'}"


def _files(numbers: Mapping[str, Mapping[str, Any]]) -> Sheet:
    rows = [
        (test_set, one["data_set"]["sha256"][:12], name, found.get("file", ""), found.get("sha256", "")[:12])
        for test_set, one in numbers.items()
        for name, found in one["detectors"].items()
    ]
    columns: Sequence[str] = ("test set", "data set", "detector", "file", "sha256 ")
    return Sheet("What was measured", columns, rows, "The first digits of the sha256 of manifests and files.")
