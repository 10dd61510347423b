"""Detections as COCO's JSON, as object detection frameworks write them.

Either a list of results, or a mapping with `annotations` (the results) and `categories`. A result is
`{"image_id": 3, "category_id": 1, "bbox": [x, y, width, height], "score": 0.9}`:

image_id: number of the event, from 0, counted over the shards of the split in the manifest's order.
category_id: as `categories` name it; without these, class_id + 1, because COCO counts from 1.
bbox: pixels; x and width along phi, y and height along eta; x from 0 to n_phi, a box may reach past n_phi.
pt: beyond COCO, GeV, if there is one.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.detections.foreign import Rows

KEYS = ("image_id", "category_id", "bbox", "score")


def read(path: Path) -> Rows:
    """The results in a file.

    Raises:
        DataError: not such a file; the first result that is wrong is named.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: not JSON: {error}") from error
    results, names = _results(content, path)
    for number, one in enumerate(results):
        if not isinstance(one, dict) or (missing := [key for key in KEYS if key not in one]):
            lacks = f"no {missing[0]}" if isinstance(one, dict) else "not a mapping"
            raise DataError(f"{path}: result {number}: {lacks}; each has {', '.join(KEYS)}")
    try:
        event, category, place, score, pt = _columns(results)
    except (TypeError, ValueError, OverflowError) as error:
        number = _first_wrong(results)
        said = (
            f"result {number}: values that are not numbers, or a bbox not of four: {json.dumps(results[number]):.200}"
        )
        raise DataError(f"{path}: {said}") from error
    x, y, width, height = place.T
    return Rows(
        event=event,
        class_id=_class_id(category, names, path),
        class_names=tuple(names.values()),
        score=score,
        pt=pt,
        box=_narrow(np.stack([y, x, y + height, x + width], axis=1)),
    )


def _columns(results: list[dict[str, Any]]) -> tuple[NDArray[Any], ...]:
    """Event, category, bbox, score and pt of each result.

    Raises:
        TypeError, ValueError, OverflowError: a value is no number, or a bbox has not four.
    """
    event, category = (np.array([_whole(one[key]) for one in results], np.int64) for key in KEYS[:2])
    place = np.array([one["bbox"] for one in results], np.float64).reshape(len(results), 4)
    with np.errstate(over="ignore"):  # infinite, and refused as such
        score = np.array([one["score"] for one in results], np.float32)
        pt = np.array([one.get("pt", np.nan) for one in results], np.float32)
    return event, category, place, score, pt


def _first_wrong(results: list[dict[str, Any]]) -> int:
    for number, one in enumerate(results):
        try:
            _columns([one])
        except (TypeError, ValueError, OverflowError):
            return number
    raise AssertionError("no result is wrong by itself")


def _narrow(box: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return box.astype(np.float32)


def _results(content: Any, path: Path) -> tuple[list[Any], dict[int, str]]:
    """The results, and names by category_id; empty: as the data set has them."""
    if isinstance(content, list):
        return content, {}
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise DataError(f"{path}: expected a list of results, or a mapping with `annotations` and `categories`")
    try:
        names = {_whole(one["id"]): str(one["name"]) for one in content.get("categories", [])}
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: categories are not a list of id and name") from error
    return content["annotations"], names


def _whole(value: Any) -> int:
    """A whole number, which JSON may have written with a point.

    Raises:
        TypeError, ValueError, OverflowError: another value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"{value!r:.40} is no whole number")
    return int(value)


def _class_id(category: Any, names: dict[int, str], path: Path) -> Any:
    if not names:
        if len(category) and category.min() < 1:
            wrong = f"result {category.argmin()}: category_id {category.min()}"
            raise DataError(f"{path}: {wrong}; without `categories` it is class_id + 1")
        return category - 1
    if unknown := sorted(set(category.tolist()) - names.keys()):
        raise DataError(f"{path}: category_id {unknown[0]} is not among the categories")
    place = {number: k for k, number in enumerate(names)}
    return np.array([place[one] for one in category.tolist()], np.int64)
