"""Commands that measure networks on a data set."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jetimg.cli import options, outputs
from jetimg.cli.options import console
from models.cli import common
from models.cli.common import Device, Folder

if TYPE_CHECKING:
    from models.evaluation.result import Evaluation, EvaluationSettings

app = typer.Typer()

Match = Annotated[
    str, typer.Option(help="When a detection is right: iou:0.5, deltar:0.4, or reference (the published code's).")
]


@app.command()
def evaluate(
    dataset: Folder,
    checkpoints: Annotated[
        list[str],
        typer.Argument(
            metavar="CHECKPOINT", help="PATH, a name of the zoo, or NAME=PATH; by default its folder's name."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    split: Annotated[str, typer.Option(help="test, heldout, validation or train.")] = "test",
    sample: Annotated[str, typer.Option(help="Only events of this sample; of all if not given.")] = "",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images that a network sees at once; by default 4, on a GPU 32.")
    ] = None,
    device: Device = "auto",
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Detections with a lower score are left out.")
    ] = 0.01,
    min_pt: Annotated[float, typer.Option(min=0, help="Minimum pt of the true jets that count, GeV.")] = 0.0,
    match: Match = "iou:0.5",
    baseline: Annotated[bool, typer.Option("--baseline/--no-baseline", help="Measure the classical jets too.")] = True,
) -> None:
    """Measures detectors and the classical baseline on the same events."""
    from models.evaluation import report
    from models.evaluation.evaluate import evaluate as measure

    common.check_device(device)
    named = common.networks(checkpoints, lambda path: path.resolve().parent.name)
    settings = _settings(split, match, named)
    settings = replace(settings, sample=sample, batch_size=batch_size, device=device)
    settings = replace(settings, score_threshold=score_threshold, min_pt=min_pt, baseline=baseline)
    report.check_output(output)
    _write(measure(dataset, named, settings), output)


def _settings(split: str, match: str, names: Iterable[str]) -> "EvaluationSettings":
    """What an evaluation is asked; wrong choices are the call's fault."""
    from jetimg.dataset.plan import SPLITS
    from models.evaluation.evaluate import check_names
    from models.evaluation.result import EvaluationSettings
    from models.evaluation.rule import Rule

    if split not in SPLITS:
        raise typer.BadParameter(f"--split {split}: {', '.join(SPLITS)}")
    try:
        check_names(names)
        Rule.parse(match)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return EvaluationSettings(split=split, match=match)


def _write(found: "Evaluation", output: Path) -> None:
    from models.evaluation import report

    report.write(found, output)
    console.print(report.sheets(found)[2])
    console.print(f"{output}: {', '.join(report.NAMES)}; begin with {output / report.TABLES}", soft_wrap=True)


@app.command()
def masks(
    dataset: Folder,
    checkpoint: Annotated[Path, typer.Argument(help="Of architecture mask.", dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    split: Annotated[str, typer.Option(help="test, heldout, validation or train.")] = "test",
    device: Device = "auto",
) -> None:
    """Measures the masks of a network: average precision, TP / (TP + FP + FN), and pictures beside the truth."""
    from jetimg.dataset.plan import SPLITS
    from models.data.data_set import DataSet
    from models.evaluation import mask_report
    from models.evaluation.masks import evaluate

    common.check_device(device)
    if split not in SPLITS:
        raise typer.BadParameter(f"--split {split}: {', '.join(SPLITS)}")
    data = DataSet.of(dataset)
    found, images = evaluate(data, common.network(checkpoint), split, device)
    mask_report.write(found, images, data, split, output)
    for sheet in mask_report.sheets(found):
        console.print(sheet)
    console.print(f"{output}: {', '.join(mask_report.NAMES)}", soft_wrap=True)


@app.command()
def score(
    detections: Annotated[
        list[str],
        typer.Argument(metavar="DETECTIONS...", help="Files: .h5, .parquet, COCO .json; FILE or NAME=FILE."),
    ],
    dataset: Folder,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    split: Annotated[
        list[str] | None,
        typer.Option(help="test, heldout, validation, train; or SPLIT:SAMPLE. Repeatable: a folder each."),
    ] = None,
    sample: Annotated[str, typer.Option(help="Only events of this sample; of all if not given.")] = "",
    min_pt: Annotated[float, typer.Option(min=0, help="Minimum pt of the true jets that count, GeV.")] = 0.0,
    match: Match = "iou:0.5",
    baseline: Annotated[bool, typer.Option("--baseline/--no-baseline", help="Measure the classical jets too.")] = True,
    table: Annotated[Path | None, typer.Option(help="Markdown file for the table of all.", dir_okay=False)] = None,
) -> None:
    """Measures files of detections, of any program, as `evaluate` measures networks."""
    from jetimg.common.atomic import write_text
    from models.evaluation import report
    from models.evaluation import score as scoring

    named = common.named(detections, lambda path: path.stem)
    chosen = {}
    for text in split or ["test"]:
        part, _, only = text.partition(":")
        settings = replace(_settings(part, match, named), min_pt=min_pt, baseline=baseline, sample=only or sample)
        chosen[text.replace(":", "-")] = settings
    folders = {name: output / name if len(chosen) > 1 else output for name in chosen}
    for folder in folders.values():
        report.check_output(folder)
    outputs.check_output(table, outputs.MARKDOWN, named.values())
    found = {}
    for name, settings in chosen.items():
        found[name] = scoring.score(dataset, named, settings)
        _write(found[name], folders[name])
    if table is not None:
        write_text(table, scoring.page(found))
        common.say(f"{table}: {len(named)} detectors on {', '.join(found)}")


@app.command()
def classical(
    dataset: Folder,
    output: options.Output,
    kind: Annotated[
        str, typer.Option(help="orders: the best mass window and tau ratio of each class; trees: boosted trees.")
    ] = "trees",
    split: Annotated[
        list[str] | None, typer.Option(help="Whose events: test (default), heldout, validation; repeatable.")
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Folder of the Delphes files, if it is not where the shards say.", file_okay=False),
    ] = None,
) -> None:
    """Detections of the networks' rivals, which know classical jets only: learned on training events, for `score`."""
    from detector.common.progress import bar
    from jetimg.dataset.plan import SPLITS
    from models.classical import find

    splits = split or ["test"]
    if kind not in find.KINDS:
        raise typer.BadParameter(f"--kind {kind}: {', '.join(find.KINDS)}")
    if unknown := set(splits) - set(SPLITS):
        raise typer.BadParameter(f"--split {unknown.pop()}: {', '.join(SPLITS)}")
    outputs.check_output(output, outputs.DETECTIONS)
    with bar("Delphes files", lambda: find.n_files(dataset, splits)) as progress:
        rival = find.find(dataset, splits, output, "orders" if kind == "orders" else "trees", files, progress)
    for name, text in rival.settings.items():
        common.say(f"{name}: {text}")
    common.say(f"{output}: {rival.name}; measure it by `jetimg models score {output} {dataset} --output DIR`")


@app.command("side-by-side")
def side_by_side(
    evaluations: Annotated[list[str], typer.Argument(metavar="EVALUATION", help="NAME=PATH of an evaluation.json.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table, as Markdown.", dir_okay=False)],
) -> None:
    """Evaluations of several test sets in one table."""
    from jetimg.common.atomic import write_text
    from models.evaluation import side_by_side as several

    named = common.named(evaluations, lambda path: path.resolve().parent.name)
    outputs.check_output(output, outputs.MARKDOWN, named.values())
    table = several.sheet({name: several.read(path) for name, path in named.items()})
    write_text(output, table.markdown())
    console.print(table)
    common.say(f"{output}: {len(named)} evaluations")


@app.command()
def oracle(
    files: Annotated[list[str], typer.Argument(metavar="EVENTS...", help="Event files or shards, or @LIST.")],
    nms_threshold: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="Maximum IoU of two detections that are both kept; repeatable."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for the numbers, as JSON.")] = None,
) -> None:
    """The ceiling: recall and average precision of a detector that returns the labels themselves."""
    from dataclasses import asdict

    from models.evaluation import oracle as oracles

    paths = options.expand(files)
    outputs.check_output(output, outputs.JSON, paths)
    found = oracles.ceilings(paths, nms_threshold or oracles.THRESHOLDS)
    console.print(oracles.sheet(found))
    if output is not None:
        options.save_or_print([asdict(one) for one in found], output)
        common.say(f"{output}: the numbers, as JSON")
