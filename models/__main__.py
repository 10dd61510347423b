"""The command line: `python -m models COMMAND`.

Exit codes: 0 done, 1 the data are at fault, 2 the call is at fault. What a command needs is imported
when it runs, so that help comes at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jetimg import cli
from jetimg.cli import console

if TYPE_CHECKING:
    from models.config import Config

app = cli.app("Detectors of jets: train them and use them.")

Folder = Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of shards and manifest.", file_okay=False)]
Trained = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A full-precision one.", dir_okay=False)]
RunFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.", file_okay=False)]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file: network and training.", dir_okay=False)]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: GPUs if there are any.")]


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
    from models.train import train as train_network

    settings = _settings(
        config,
        device,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        workers=workers,
    )
    train_network(dataset, output, settings, resume=not restart, device=device, processes=processes, say=_say)
    console.print(f"{output}: best.pt, last.pt, metrics.jsonl, loss.png", soft_wrap=True)


@app.command()
def quantize(
    dataset: Folder,
    checkpoint: Trained,
    output: RunFolder,
    kind: Annotated[str, typer.Option(help="ternary, int8 or binary.")],
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
    """Trains a quantized detector that begins as a full-precision one; a run that was stopped goes on."""
    from models.config import KINDS
    from models.train import train as train_network

    if kind not in KINDS:
        raise typer.BadParameter(f"--kind {kind}: {', '.join(KINDS)}")
    settings = _settings(
        config,
        device,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        workers=workers,
    )
    compression = settings.compression.model_copy(update={"kind": kind})
    settings = settings.model_copy(update={"compression": compression})
    resume = not restart
    train_network(
        dataset, output, settings, start=checkpoint, resume=resume, device=device, processes=processes, say=_say
    )
    console.print(f"{output}: best.pt, last.pt, metrics.jsonl, loss.png", soft_wrap=True)


def _settings(config: Path | None, device: str, **training: Any) -> "Config":
    """The configuration, with what the call chose.

    Raises:
        typer.BadParameter: wrong device, or wrong configuration.
    """
    from jetimg.errors import DataError
    from models import config as configs

    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter(f"--device {device}: auto, cpu or cuda")
    try:
        return configs.read(config, **training)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error


def _say(text: str) -> None:
    """Says something from whichever process trains."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(app)
