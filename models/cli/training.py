"""Commands that train networks, and say what they cost."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jetimg.cli.options import console
from models.cli import common
from models.cli.common import Device, Folder

app = typer.Typer()

Trained = Annotated[
    Path, typer.Argument(metavar="CHECKPOINT", help="A full-precision one, or a name of the zoo.", dir_okay=False)
]
RunFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.", file_okay=False)]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file: network and training.", dir_okay=False)]

Epochs = Annotated[int | None, typer.Option(min=0, help="Maximum number of passes over the training events.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images a step, on each GPU.")]
LearningRate = Annotated[float | None, typer.Option(min=0, help="Highest learning rate.")]
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
    start: Annotated[
        Path | None, typer.Option(help="Checkpoint to go on from, on these data; its network is taken.", dir_okay=False)
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(help="Checkpoint to learn from beside the truth: see training.distillation.", dir_okay=False),
    ] = None,
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
    settings = common.settings(config, device, training=chosen)
    choice: dict[str, Any] = {"resume": not restart, "replace": replace, "device": device, "processes": processes}
    choice |= {"start": start and common.network(start), "teacher": teacher and common.network(teacher)}
    train_network(dataset, output, settings, **choice)
    _done(dataset, output)


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
    settings = common.settings(config, device, training=chosen, compression={"kind": kind})
    choice: dict[str, Any] = {"resume": not restart, "replace": replace, "device": device, "processes": processes}
    train_network(dataset, output, settings, start=common.network(checkpoint), **choice)
    _done(dataset, output)


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
    settings = common.settings(config, device, training=chosen, pruning=pruning)
    choice: dict[str, Any] = {"resume": not restart, "replace": replace, "device": device, "processes": processes}
    prune_network(dataset, output, settings, common.network(checkpoint), **choice)
    _done(dataset, output)


@app.command()
def describe(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(metavar="CHECKPOINT...", help="Of any kind; or names of the zoo.", dir_okay=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Prints what detectors cost at inference: parameters, multiplications, zeros, bits, bytes."""
    import json

    from models.trained.cost import describe as describe_checkpoint
    from models.trained.cost import table

    costs = [describe_checkpoint(common.network(path)) for path in checkpoints]
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


def _done(dataset: Path, output: Path) -> None:
    measure = f"jetimg models evaluate {dataset} {output / 'network.pt'} --output DIR"
    common.say(f"{output}: network.pt, metrics.jsonl, loss.png (open it); measure the network: {measure}")
