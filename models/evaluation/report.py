"""The report of an evaluation: numbers in `evaluation.json`, tables in `evaluation.md`, and pictures."""

import json
import math
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jetimg
from jetimg.common.atomic import replace_folder, write_text
from jetimg.common.errors import DataError
from jetimg.common.tables import Sheet
from models.evaluation import plots, rate_plots
from models.evaluation.measure import BASELINE, TENTHS, Measured
from models.evaluation.metrics import REPLICAS, SEED
from models.evaluation.rate_sheets import rate_sheets
from models.evaluation.residuals import MIN_PAIRS, QUANTITIES
from models.evaluation.result import Evaluation
from models.networks.postprocess import NMS_THRESHOLD

FORMAT, VERSION = "jetimg-evaluation", 1
JSON, TABLES = "evaluation.json", "evaluation.md"
PICTURES = (
    "precision_recall.png",
    "ap_by_pt.png",
    "efficiency.png",
    "false_positives.png",
    "confusion.png",
    "calibration.png",
    "residuals.png",
    "resolution.png",
    "events.png",
)
NAMES = (JSON, TABLES, *PICTURES)

Numbers = dict[str, Any]

# What a table says where there is no number.
UNKNOWN, NO_JETS, NOT_REACHED = "n/a", "no true jets", "not reached"


def check_output(output: Path) -> None:
    """Refuses a folder with other people's files: the report replaces it.

    Raises:
        DataError: not a folder, or one that holds other files.
    """
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: not a folder")
    # Snakemake leaves a file of its own in folders that a rule makes.
    known = {*NAMES, ".snakemake_timestamp"}
    if others := sorted({path.name for path in output.glob("*")} - known):
        raise DataError(f"{output}: holds other files ({others[0]}, ...); choose a folder of its own")


def write(found: Evaluation, output: Path) -> None:
    """Writes the folder of the report; it appears complete, and replaces what an evaluation left there before.

    Raises:
        DataError: the folder cannot be written.
    """
    output = output.resolve()
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        write_text(partial / JSON, json.dumps(as_dict(found), indent=1, allow_nan=False) + "\n")
        write_text(partial / TABLES, "# Evaluation\n\n" + "\n".join(sheet.markdown() for sheet in sheets(found)))
        draw_all(found, partial)
        replace_folder(partial, output)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{output}: cannot be written: {reason}; what was there is as it was") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def draw_all(found: Evaluation, folder: Path) -> None:
    """Draws all pictures into a folder."""
    plots.draw_all(found, folder)
    rate_plots.draw_all(found, folder)


def as_dict(found: Evaluation) -> Numbers:
    """For JSON: what is not a number is null, and the last bin of pt has no end."""
    data, truth, settings = found.data, found.truth, found.settings
    packages = ("torch", "numpy", "faster-coco-eval")
    content = {
        "format": FORMAT,
        "version": VERSION,
        "software": {"jetimg": jetimg.__version__} | {name: version(name) for name in packages},
        "data_set": {
            "sha256": data.digest,
            "split": settings.split,
            "sample": settings.sample or None,
            "shards": [path.name for path in found.shards],
            "events": truth.n_events,
            "true_jets": dict(zip(truth.class_names, truth.counts, strict=True)),
            "ceiling": {name: {"recall": one.recall, "ap_11": one.ap_11} for name, one in found.ceiling.items()},
        },
        "settings": {
            "match": settings.match,
            "score_threshold": settings.score_threshold,
            "min_pt": settings.min_pt,
            "batch_size": settings.batch_size,
            "device": settings.device,
            "bootstrap_samples": REPLICAS,
            "bootstrap_seed": SEED,
        },
        "ceiling": found.oracle.classes if found.oracle else None,
        "detectors": {one.detector.name: _detector(one) for one in found.measured},
        "no_baseline_because": found.missing_baseline or None,
    }
    return dict(_finite(content))


def _detector(one: Measured) -> Numbers:
    detections = {"detections": len(one.detector.found)}
    return one.detector.about | detections | {"classes": one.classes, "mean": one.mean, "confusion": one.confusion}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sheets(found: Evaluation) -> list[Sheet]:
    """The tables: data, detectors, average precision by its definitions, precision at recalls, residuals."""
    made = [_data(found), _detectors(found), _ap_11(found)]
    if any(one.detector.name == BASELINE for one in found.measured):
        made.append(_less_baseline(found))
    made += [
        _by_class(
            found, "Average precision, all points", f"{_rule(found)}.", lambda row: _plain(row, "ap_all"), "ap_all"
        ),
        _by_class(
            found,
            "Average precision, COCO",
            "The mean over IoU thresholds of 0.50, 0.55, ... 0.95, with the precision at 101 recalls.",
            lambda row: _plain(row, "ap_coco"),
            "ap_coco",
        ),
        *(_at_recall(found, f"0.{k}") for k in TENTHS),
    ]
    return [*made, *rate_sheets(found), _residuals(found)]


def _rule(found: Evaluation) -> str:
    text = str(found.settings.rule)
    return text[0].upper() + text[1:]


def _data(found: Evaluation) -> Sheet:
    truth = found.truth
    note = f"{truth.n_events:,} {found.settings.split} events of the data set with sha256 {found.data.digest}."
    if found.settings.min_pt:
        note += f" Only jets of at least {found.settings.min_pt:g} GeV: softer ones, what finds them, and softer "
        note += "detections that find nothing count neither as right nor as wrong."
    note += (
        f" Ceiling: the labels themselves as detections, after suppression at {NMS_THRESHOLD:g}; nothing does better."
    )
    rows = [("true jets", *truth.counts)]
    for text, key in (("ceiling of the recall", "recall"), ("ceiling of the AP, 11 points", "ap_11")):
        reached = [found.ceiling.get(name) for name in truth.class_names]
        rows.append((text, *("-" if one is None else f"{getattr(one, key):.3f}" for one in reached)))
    return Sheet("True jets", ("", *truth.class_names), rows, note)


def _detectors(found: Evaluation) -> Sheet:
    trained = {True: "this", False: "another", None: "not said"}
    rows = []
    for one in found.measured:
        about = one.detector.about
        network = about["kind"] == "network"
        of_set = trained[about["trained_on_this_data_set"]] if network else None
        digest = about["sha256"][:12] if "sha256" in about else None
        rows.append((one.detector.name, len(one.detector.found), of_set, digest, about["score"]))
    why = f"No baseline: {found.missing_baseline}." if found.missing_baseline else ""
    note = f"Of networks, detections with a score of at least {found.settings.score_threshold:g}. {why}".strip()
    return Sheet("Detectors", ("detector", "detections", "trained on data set", "sha256 ", "score "), rows, note)


def _ap_11(found: Evaluation) -> Sheet:
    note = (
        f"{_rule(found)}. The error is the standard deviation over {REPLICAS} samples of events drawn with "
        "replacement. The mean is over the classes that the detector knows and that have true jets; next to it, over "
        "those that the baseline knows too."
    )
    return _by_class(
        found, "Average precision, 11 points", note, lambda row: _with_error(row, "ap_11"), "ap_11", errors=True
    )


def _less_baseline(found: Evaluation) -> Sheet:
    rows: list[tuple[str, ...]] = []
    names = [name for name, count in zip(found.truth.class_names, found.truth.counts, strict=True) if count]
    for one in found.measured:
        if one.detector.name != BASELINE:
            cells = [_with_error(one.classes[name] or {}, "ap_11_less_baseline") for name in names]
            mean = _with_error(one.mean["over_classes_of_baseline"], "ap_11_less_baseline")
            rows.append((one.detector.name, *cells, mean))
    note = "On the same samples of events: what both share does not count as error. Mean over the baseline's classes."
    return Sheet("Average precision, 11 points, less the baseline's", ("detector", *names, "mean"), rows, note)


def _at_recall(found: Evaluation, recall: str) -> Sheet:
    def cell(row: Numbers) -> str:
        precision, score = (row[key][recall] for key in ("precision_at_recall", "score_at_recall"))
        return f"{precision:.3f} ({score:.3f})" if math.isfinite(precision) else NOT_REACHED

    title = f"Precision at recall {recall}"
    return _by_class(found, title, "Interpolated; in brackets the cut on the score that keeps this recall.", cell)


def _by_class(
    found: Evaluation,
    title: str,
    note: str,
    cell: Callable[[Numbers], str],
    mean: str = "",
    *,
    errors: bool = False,
) -> Sheet:
    """A row a detector, a column a class, and columns of means if there is a key of them."""
    columns, rows = ["detector", *found.truth.class_names], []
    shared = bool(mean) and any(one.detector.name == BASELINE for one in found.measured)
    columns += (["mean"] if mean else []) + (["mean, baseline's classes"] if shared else [])
    write = _with_error if errors else _plain
    for one in found.measured:
        cells = [UNKNOWN if row is None else cell(row) if row["true_jets"] else NO_JETS for row in one.classes.values()]
        cells += [write(one.mean, mean)] if mean else []
        cells += [write(one.mean["over_classes_of_baseline"], mean)] if shared else []
        rows.append((one.detector.name, *cells))
    return Sheet(title, columns, rows, note)


def _plain(row: Numbers, key: str) -> str:
    return f"{row[key]:.3f}" if math.isfinite(row[key]) else "-"


def _with_error(row: Numbers, key: str) -> str:
    value, error = row.get(key, math.nan), row.get(f"{key}_error", math.nan)
    if not math.isfinite(value):
        return UNKNOWN if key not in row else "-"
    return f"{value:.3f} ± {error:.3f}" if math.isfinite(error) else f"{value:.3f}"


def _residuals(found: Evaluation) -> Sheet:
    columns = ["detector", "class ", "true jets", "found"]
    columns += [f"{name}: {what}" for name in QUANTITIES for what in ("bias", "resolution")]
    rows = []
    for one in found.measured:
        for name, row in one.classes.items():
            if row is not None and row["true_jets"]:
                spreads = [row["residuals"][quantity] for quantity in QUANTITIES]
                cells = [_signed(spread[what]) for spread in spreads for what in ("bias", "resolution")]
                rows.append((one.detector.name, name, row["true_jets"], row["found"], *cells))
    note = (
        "Detections that are right, with any score that is kept, less their jets: eta, phi in radians, pt relative. "
        "Bias is the median, resolution half the central 68 %; against true pt in the JSON and the picture. An overlap "
        "of at least 0.5 holds distances in eta and phi below a third of the box, and so the resolution. "
        f'"-": fewer than {MIN_PAIRS} pairs, or not measured.'
    )
    return Sheet("Residuals", columns, rows, note)


def _signed(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"
