"""The command that trains classifiers and measures them."""

from pathlib import Path
from typing import Annotated

import typer

from jetimg.cli import options
from jetimg.cli.options import console
from models.cli import common
from models.cli.common import Device

app = typer.Typer()


@app.command()
def classify(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="A data set's folder; or event files or shards, or @LIST."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    task: Annotated[
        str, typer.Option(help="photon: gamma from pi0; top: t from light jets; process: the sample of an event.")
    ] = "photon",
    classes: Annotated[
        str, typer.Option(help="Names with commas, the signal first, instead of the task's: gamma,pi0 or tt,qq,bb.")
    ] = "",
    architecture: Annotated[
        list[str] | None, typer.Option(help="mlp, cnn, gru, lstm or resnet; repeatable: side by side.")
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", help="hits of the image, or particles: of /particles, for gru and lstm.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file: task, network and training.", dir_okay=False)] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="A network.pt: each training is done twice, from scratch and from it.", dir_okay=False),
    ] = None,
    examples: Annotated[
        str, typer.Option(help="Numbers of training examples, with commas: a curve; all if not given.")
    ] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Trainings of each kind, with one seed more each.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=0, help="Passes over the training examples.")] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="As many epochs as fit into them instead: of the processor, or of the GPU's clock."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Examples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Highest learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all random numbers.")] = None,
    device: Device = "auto",
) -> None:
    """Trains classifiers of showers, jets or events, and measures them on the same test examples."""
    import torch

    from jetimg.common.errors import DataError
    from models.classify import classify as classifying
    from models.classify import config as configs
    from models.classify import report
    from models.classify.train import load
    from models.trained import device as devices

    if task not in configs.TASKS:
        raise typer.BadParameter(f"--task {task}: {', '.join(configs.TASKS)}")
    if unknown := set(architecture or []) - set(configs.ARCHITECTURES):
        raise typer.BadParameter(f"--architecture {unknown.pop()}: {', '.join(configs.ARCHITECTURES)}")
    chosen = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed}
    try:
        classifier = configs.read(config, task, [name for name in classes.split(",") if name], seen=input_, **chosen)
        for name in architecture or ([] if start else [classifier.network.architecture]):
            classifier.check(name)
        numbers = [int(text) for text in examples.split(",") if text]
    except (DataError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    where = torch.device(devices.chosen(device))
    begin = load(start, where) if start else None
    if begin:
        classifier = classifier.model_copy(update={"network": begin.classifier.network})
    own = [classifier.network.architecture]
    if begin and architecture not in (None, own):
        raise typer.BadParameter(f"--architecture: {start} is of {own[0]}")
    jobs = classifying.jobs(architecture or own, numbers, repeats, classifier.training.seed, begin is not None)
    paths = [Path(path) for path in options.expand(inputs)]
    result = classifying.classify(paths, classifier, list(jobs), where, start=begin, seconds=seconds)
    names = report.write(result, output)
    console.print(report.sheet(result))
    common.say(f"{output}: {', '.join(names)}; begin with {output / report.TABLES}")
