"""The command line: `python -m models COMMAND`.

Exit codes: 0 done, 1 the data are at fault, 2 the call is at fault. What a command needs is imported
when it runs, so that help comes at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from jetimg import cli
from jetimg.cli import console

app = cli.app("Detectors of jets: train them and use them.")

Folder = Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of shards and manifest.", file_okay=False)]
RunFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.", file_okay=False)]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file: network and training.", dir_okay=False)]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: GPUs if there are any.")]


# Typer's groups would otherwise take the only command for the program itself.
@app.callback()
def main() -> None:
    """Detectors of jets: train them and use them."""


@app.command()
def train(
    dataset: Folder,
    output: RunFolder,
    config: ConfigFile = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Most passes over the training events.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images a step, on each GPU.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="At the start.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything random.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Reading processes for each GPU.")] = None,
    device: Device = "auto",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that train together; one for each GPU if not given.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Start again instead of going on.")] = False,
) -> None:
    """Trains a detector at full precision; a run that was stopped goes on."""
    from jetimg.errors import DataError
    from models import config as configs
    from models.train import train as train_network

    _check_device(device)
    chosen = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "workers": workers,
    }
    try:
        settings = configs.read(config, **chosen)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    train_network(dataset, output, settings, resume=not restart, device=device, processes=processes, say=_say)
    console.print(f"{output}: best.pt, last.pt, metrics.jsonl, loss.png", soft_wrap=True)


@app.command()
def evaluate(
    dataset: Folder,
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="CHECKPOINT", help="PATH or NAME=PATH; by default its folder's name.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    batch_size: Annotated[int, typer.Option(min=1, help="Images that a network sees at once.")] = 25,
    device: Device = "auto",
    least_score: Annotated[float, typer.Option(min=0, max=1, help="Less certain detections are left out.")] = 0.01,
    least_pt: Annotated[float, typer.Option(min=0, help="Of true jets that are to be found, GeV.")] = 0.0,
    baseline: Annotated[bool, typer.Option("--baseline/--no-baseline", help="Measure the classical jets too.")] = True,
) -> None:
    """Measures detectors and the classical baseline on the same events."""
    from jetimg.plan import SPLITS
    from models.evaluate import Settings
    from models.evaluate import evaluate as measure
    from models.evaluation_report import NAMES, sheets
    from models.measure import BASELINE

    _check_device(device)
    if split not in SPLITS:
        raise typer.BadParameter(f"--split {split}: {', '.join(SPLITS)}")
    named = _named(checkpoints)
    if BASELINE in named:
        raise typer.BadParameter(f"{BASELINE} is the name of the classical jets; give NAME=PATH")
    settings = Settings(split, batch_size, device, least_score, least_pt, baseline)
    found = measure(dataset, named, output, settings)
    console.print(sheets(found)[2])
    console.print(f"{output}: {', '.join(NAMES)}", soft_wrap=True)


def _check_device(device: str) -> None:
    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter(f"--device {device}: auto, cpu or cuda")


def _named(checkpoints: list[str]) -> dict[str, Path]:
    """Checkpoints by name: NAME=PATH, or PATH with the name of its folder."""
    named: dict[str, Path] = {}
    for text in checkpoints:
        name, equals, path = text.partition("=")
        if not equals or Path(text).is_file():
            name, path = Path(text).resolve().parent.name, text
        if not name or name in named:
            raise typer.BadParameter(f"{text}: the name {name!r} is {'taken' if name else 'empty'}; give NAME=PATH")
        named[name] = Path(path)
    return named


def _say(text: str) -> None:
    """Says something from whichever process trains."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(app)
