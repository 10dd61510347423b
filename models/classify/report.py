"""What a call leaves behind: numbers in `classification.json`, a table in `classification.md`, pictures, networks."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import jetimg
from jetimg.common.atomic import write_text
from jetimg.common.tables import Sheet
from models.classify import metrics, plots
from models.classify.classify import Result, Run
from models.classify.data import Examples
from models.classify.train import save
from models.training import history

FORMAT, VERSION = "jetimg-classification", 1
JSON, TABLES = "classification.json", "classification.md"
LEFT_OUT = "left out of the files that were read"


def write(result: Result, output: Path) -> list[str]:
    """Writes numbers, table, pictures and networks into a folder; the names of what it wrote.

    Raises:
        DataError: a file cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    folders = []
    for run in result.best:
        folder = output / run.name.replace(", ", "-")
        folder.mkdir(exist_ok=True)
        save(run.trained, folder / "network.pt")
        if run.trained.records:
            history.write(folder, run.trained.records)
        folders.append(f"{folder.name}/")
    pictures = plots.draw_all(result, output)
    write_text(output / TABLES, f"# Classification\n\n{sheet(result).markdown()}")
    write_text(output / JSON, json.dumps(as_dict(result), indent=1, allow_nan=False) + "\n")
    return [JSON, TABLES, *pictures, *folders]


def as_dict(result: Result) -> dict[str, Any]:
    """For JSON."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "software": {"jetimg": jetimg.__version__} | {name: version(name) for name in ("torch", "scikit-learn")},
        "task": result.classifier.task.name,
        "config": result.classifier.model_dump(mode="json"),
        "test": result.test,
        "examples": {split: _counts(examples) for split, examples in result.examples.items()},
        "runs": [_run(run, result) for run in result.runs],
    }


def _counts(examples: Examples) -> dict[str, Any]:
    counts = np.bincount(examples.label, minlength=len(examples.class_names)).tolist()
    return dict(zip(examples.class_names, counts, strict=True)) | {LEFT_OUT: dict(examples.left_out)}


def _run(run: Run, result: Result) -> dict[str, Any]:
    test = result.examples[result.test]
    own: dict[str, Any] = {
        "architecture": run.job.architecture,
        "begins": run.job.begins,
        "seed": run.job.seed,
        "examples": run.n_training,
        "epochs": run.trained.classifier.training.epochs,
        "seconds": round(run.trained.seconds, 2),
        "processor_seconds": round(run.trained.processor_seconds, 2),
        "parameters": run.trained.parameters,
        "auc": run.auc,
        "signals": {name: measure.as_dict() for name, measure in run.measures.items()},
        "against_energy": run.against_energy,
    }
    if run in result.best:
        label = {name: test.class_names.index(name) for name in run.measures}
        own["roc"] = {name: metrics.curve(run.score[:, k], test.label == k) for name, k in label.items()}
    return own


def sheet(result: Result) -> Sheet:
    """The table: a row for each way to train, on the most examples, and each signal."""
    rows: list[list[object]] = []
    for run in result.best:
        for name, one in run.measures.items():
            rejections = [_with_error(one.rejection[at], one.rejection_error[at]) for at in one.rejection]
            area = f"{one.auc:.4f} ± {one.auc_error:.4f}"
            rows.append([run.name, name, run.n_training, run.trained.parameters, area, *rejections])
    test = result.examples[result.test]
    columns = [f"1 / background at {at:.0%} signal" for at in metrics.EFFICIENCIES]
    counts = ", ".join(f"{n:,} {name}" for name, n in _counts(test).items() if name != LEFT_OUT)
    return Sheet(
        f"Told apart: {', '.join(test.class_names)}",
        ["network", "signal ", "training examples", "numbers", "AUC", *columns],
        rows,
        f"On {counts} of split {result.test}.",
    )


def _with_error(value: float | None, error: float | None) -> str:
    return "no background left" if value is None else f"{value:.3g} ± {error:.2g}"
