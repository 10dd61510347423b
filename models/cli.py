"""The command line: `jetimg models COMMAND`, or `python -m models COMMAND`.

Exit codes: 0 done, 1 the data are at fault, 2 the call is at fault. What a command needs is imported
when it runs, so that help comes at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.common import numba_extensions
from jetimg.cli import options
from jetimg.cli.options import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.networks.config import Config

app = options.app("Detectors of jets: train them and use them.")

Folder = Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of shards and manifest.", file_okay=False)]
Trained = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A full-precision one.", dir_okay=False)]
RunFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.", file_okay=False)]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file: network and training.", dir_okay=False)]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: GPUs if there are any.")]


Epochs = Annotated[int | None, typer.Option(min=1, help="Maximum number of passes over the training events.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images a step, on each GPU.")]
LearningRate = Annotated[float | None, typer.Option(min=0, help="Initial learning rate.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of all random numbers.")]
Workers = Annotated[int | None, typer.Option(min=0, help="Reading processes for each GPU.")]
Processes = Annotated[int | None, typer.Option(min=1, help="Processes that train together; one for each GPU if none.")]
Restart = Annotated[bool, typer.Option("--restart", help="Start again instead of going on.")]
Replace = Annotated[bool, typer.Option("--replace", help="Start again if another run is in the folder.")]


@app.command()
def train(
    dataset: Folder,
    output: RunFolder,
    config: ConfigFile = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    seed: Seed = None,
    workers: Workers = None,
    device: Device = "auto",
    processes: Processes = None,
    restart: Restart = False,
    replace: Replace = False,
) -> None:
    """Trains a detector; a run that was stopped goes on."""
    from models.training.train import train as train_network

    chosen = _chosen(epochs, batch_size, learning_rate, seed, workers)
    settings = _settings(config, device, training=chosen)
    choice: dict[str, Any] = {"resume": not restart, "replace": replace, "device": device, "processes": processes}
    train_network(dataset, output, settings, **choice)
    _done(output)


@app.command()
def quantize(
    dataset: Folder,
    checkpoint: Trained,
    output: RunFolder,
    kind: Annotated[str, typer.Option(help="ternary, int8 or binary.")],
    config: ConfigFile = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    seed: Seed = None,
    workers: Workers = None,
    device: Device = "auto",
    processes: Processes = None,
    restart: Restart = False,
    replace: Replace = False,
) -> None:
    """Trains a quantized detector that begins as the one of a checkpoint; a run that was stopped goes on."""
    from models.networks.config import KINDS
    from models.training.train import train as train_network

    if kind not in KINDS:
        raise typer.BadParameter(f"--kind {kind}: {', '.join(KINDS)}")
    chosen = _chosen(epochs, batch_size, learning_rate, seed, workers)
    settings = _settings(config, device, training=chosen, compression={"kind": kind})
    choice: dict[str, Any] = {"resume": not restart, "replace": replace, "device": device, "processes": processes}
    train_network(dataset, output, settings, start=checkpoint, **choice)
    _done(output)


@app.command()
def prune(
    dataset: Folder,
    checkpoint: Trained,
    output: RunFolder,
    config: ConfigFile = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Times that channels are removed.")] = None,
    parameters: Annotated[int | None, typer.Option(min=1, help="Maximum number of parameters at inference.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Maximum number of passes in each step.")] = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    seed: Seed = None,
    workers: Workers = None,
    device: Device = "auto",
    processes: Processes = None,
    restart: Restart = False,
    replace: Replace = False,
) -> None:
    """Makes a smaller detector of the one of a checkpoint, in steps; a run that was stopped goes on."""
    from models.training.prune import prune as prune_network

    chosen = _chosen(None, batch_size, learning_rate, seed, workers)
    pruning = {"steps": steps, "parameters": parameters, "epochs": epochs}
    settings = _settings(config, device, training=chosen, pruning=pruning)
    choice: dict[str, Any] = {"resume": not restart, "replace": replace, "device": device, "processes": processes}
    prune_network(dataset, output, settings, checkpoint, **choice)
    _done(output)


@app.command()
def describe(
    checkpoints: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT...", help="Of any kind.", dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Prints what detectors cost at inference: parameters, multiplications, zeros, bits, bytes."""
    import json

    from models.trained.cost import describe as describe_checkpoint
    from models.trained.cost import table

    costs = [describe_checkpoint(path) for path in checkpoints]
    if as_json:
        print(json.dumps([cost.as_dict() for cost in costs], indent=2))
    else:
        console.print(table(costs))


def _chosen(
    epochs: int | None, batch_size: int | None, learning_rate: float | None, seed: int | None, workers: int | None
) -> dict[str, Any]:
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "workers": workers,
    }


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file.", dir_okay=False)],
    form: Annotated[
        str, typer.Option("--format", help="onnx; or qonnx, for hls4ml: ternary and binary networks.")
    ] = "onnx",
    images: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Check with its first images, not made-up ones.", file_okay=False),
    ] = None,
) -> None:
    """Writes a detector as an ONNX file that finds the same jets."""
    from models.export.onnx_writer import export as write

    if form not in ("onnx", "qonnx"):
        raise typer.BadParameter(f"--format {form}: onnx or qonnx")
    found = write(checkpoint, output, form="onnx" if form == "onnx" else "qonnx", dataset=images)
    _print(
        f"{output}: of {found.n_jets} jets that PyTorch finds, {found.jets:.1%} differ; scores by at most "
        f"{found.score:.2g}; predictions by {found.prediction:.2g} of their spread"
    )


@app.command()
def benchmark(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Checkpoints, .onnx files; PATH or NAME=PATH.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    batch_sizes: Annotated[str, typer.Option(help="Images at once, with commas.")] = "1,2,4,8,16,32,64,128,256",
    threads: Annotated[int, typer.Option(min=0, help="Of the processor; 0: one for each core.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="For each model and batch size.")] = 5.0,
    compiled: Annotated[bool, typer.Option("--compile", help="Checkpoints by torch.compile too.")] = False,
) -> None:
    """Measures how long detectors take, side by side."""
    from models.export.latency import benchmark as measure

    sizes = [size.strip() for size in batch_sizes.split(",")]
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise typer.BadParameter(f"--batch-sizes {batch_sizes}: whole numbers above zero, with commas between them")
    results = measure(
        _named(models, lambda path: path.name),
        output,
        sorted({int(size) for size in sizes}),
        threads=threads,
        seconds=seconds,
        compiled=compiled,
    )
    for found in results:
        name, n, each = found["name"], found["batch_size"], found["images_per_second"]
        _print(f"{name}, batches of {n}: median {found['median_ms']:.1f} ms, {each:.1f} images/s")
    _print(f"{output}: latency.json, latency.md, latency.png")


def _settings(config: Path | None, device: str, **sections: dict[str, Any]) -> "Config":
    """The configuration, with what the call chose.

    Raises:
        typer.BadParameter: wrong device, or wrong configuration.
    """
    from jetimg.common.errors import DataError
    from models.networks import config as configs

    _check_device(device)
    try:
        return configs.read(config, **sections)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error


def _done(output: Path) -> None:
    _print(f"{output}: network.pt, metrics.jsonl, loss.png")


def _print(text: str) -> None:
    """A line of the result, as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command()
def evaluate(
    dataset: Folder,
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="CHECKPOINT", help="PATH or NAME=PATH; by default its folder's name.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    split: Annotated[str, typer.Option(help="test, heldout, validation or train.")] = "test",
    sample: Annotated[str, typer.Option(help="Only events of this sample; of all if not given.")] = "",
    batch_size: Annotated[int, typer.Option(min=1, help="Images that a network sees at once.")] = 25,
    device: Device = "auto",
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Detections with a lower score are left out.")
    ] = 0.01,
    min_pt: Annotated[float, typer.Option(min=0, help="Minimum pt of the true jets that count, GeV.")] = 0.0,
    baseline: Annotated[bool, typer.Option("--baseline/--no-baseline", help="Measure the classical jets too.")] = True,
) -> None:
    """Measures detectors and the classical baseline on the same events."""
    from jetimg.dataset.plan import SPLITS
    from models.evaluation import report
    from models.evaluation.evaluate import evaluate as measure
    from models.evaluation.measure import BASELINE
    from models.evaluation.result import EvaluationSettings

    _check_device(device)
    if split not in SPLITS:
        raise typer.BadParameter(f"--split {split}: {', '.join(SPLITS)}")
    named = _named(checkpoints, lambda path: path.resolve().parent.name)
    if BASELINE in named:
        raise typer.BadParameter(f"{BASELINE} is the name of the classical jets; give NAME=PATH")
    settings = EvaluationSettings(split, sample, batch_size, device, score_threshold, min_pt, baseline)
    report.check_output(output)
    found = measure(dataset, named, settings)
    report.write(found, output)
    console.print(report.sheets(found)[2])
    console.print(f"{output}: {', '.join(report.NAMES)}", soft_wrap=True)


@app.command("side-by-side")
def side_by_side(
    evaluations: Annotated[list[str], typer.Argument(metavar="EVALUATION", help="NAME=PATH of an evaluation.json.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table, as Markdown.", dir_okay=False)],
) -> None:
    """Evaluations of several test sets in one table."""
    from jetimg.common.atomic import write_text
    from models.evaluation import side_by_side as several

    named = _named(evaluations, lambda path: path.resolve().parent.name)
    table = several.sheet({name: several.read(path) for name, path in named.items()})
    write_text(output, table.markdown())
    console.print(table)
    _print(f"{output}: {len(named)} evaluations")


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

    found = oracles.ceilings(options.expand(files), nms_threshold or oracles.THRESHOLDS)
    console.print(oracles.sheet(found))
    if output is not None:
        options.save_or_print([asdict(one) for one in found], output)
        _print(f"{output}: the numbers, as JSON")


def _check_device(device: str) -> None:
    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter(f"--device {device}: auto, cpu or cuda")


def _named(models: list[str], own_name: "Callable[[Path], str]") -> dict[str, Path]:
    """Files by name: NAME=PATH, or PATH with a name that follows from it."""
    named: dict[str, Path] = {}
    for text in models:
        name, equals, path = text.partition("=")
        if not equals or Path(text).is_file():
            name, path = own_name(Path(text)), text
        if not name or name in named:
            raise typer.BadParameter(f"{text}: the name {name!r} is {'taken' if name else 'empty'}; give NAME=PATH")
        named[name] = Path(path)
    return named


def main() -> None:
    """Runs a command."""
    numba_extensions.skip()
    options.run(app)
