"""The command that composes images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jetimg.cli import options, outputs
from jetimg.cli.options import Files, Output, console

if TYPE_CHECKING:
    from jetimg.composition.settings import Composition

app = typer.Typer()


Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
Sample = Annotated[str, typer.Option(help="What the images are called.")]
Objects = Annotated[str, typer.Option(help="Objects of an image: one number, or a range.")]
Background = Annotated[
    str | None, typer.Option(help="Sample whose events lie under the images, one under each; else nothing does.")
]
Mask = Annotated[str | None, typer.Option(help="Of an object: its `ellipse` of second moments, or its `hits`.")]
FlipEta = Annotated[float | None, typer.Option(min=0, max=1, help="Probability that an object is mirrored in eta.")]
Rotate = Annotated[bool, typer.Option("--rotate/--no-rotate", help="Turn objects about the beam at random.")]
Shift = Annotated[int | None, typer.Option(min=0, help="Most pixels that an object is shifted in eta, either way.")]


@app.command()
def compose(
    files: Files,
    output: Output,
    images: Annotated[int, typer.Option(min=1, help="Images to compose.")],
    seed: Seed,
    sample: Sample = "composed",
    objects: Objects = "12:20",
    background: Background = None,
    mask: Mask = None,
    flip_eta: FlipEta = None,
    rotate: Rotate = True,
    shift: Shift = None,
) -> None:
    """Images of many objects with a mask of each, from event files with one object an event."""
    from detector.common.progress import bar
    from jetimg.composition.write import compose as write

    paths = options.expand(files)
    outputs.check_output(output, outputs.EVENTS, paths)
    chosen = _chosen(sample, objects, background=background, mask=mask, flip_eta=flip_eta, rotate=rotate, shift=shift)
    with bar(f"composing {sample}", images) as progress:
        made = write(paths, output, chosen, n_images=images, sample=sample, seed=seed, progress=progress)
    grounds = f", {made.n_backgrounds} backgrounds" if background else ""
    console.print(
        f"{output}: {images} images of {made.n_objects} objects{grounds}; {made.left_out} events left out, without one "
        f"object; look: jetimg show {output} --output image.png",
        soft_wrap=True,
    )


@app.command("compose-dataset")
def compose_dataset(
    folder: Annotated[Path, typer.Argument(help="Data set with one object an event.", file_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new data set.", file_okay=False)],
    images: Annotated[list[str], typer.Option(help="SPLIT=NUMBER, repeatable: train, validation, heldout.")],
    seed: Seed,
    sample: Sample = "composed",
    objects: Objects = "12:20",
    background: Background = None,
    mask: Mask = None,
    flip_eta: FlipEta = None,
    rotate: Rotate = True,
    shift: Shift = None,
) -> None:
    """A data set of composed images, those of each split from the objects of that split alone."""
    from detector.common.progress import bar
    from jetimg.composition.data_set import compose_data_set

    chosen = _chosen(sample, objects, background=background, mask=mask, flip_eta=flip_eta, rotate=rotate, shift=shift)
    numbers = {}
    for text in images:
        split, _, number = text.partition("=")
        if not number.isdecimal() or not int(number):
            raise typer.BadParameter(f"--images {text}: SPLIT=NUMBER, like train=5000")
        numbers[split] = int(number)
    try:
        with bar(f"composing {sample}", sum(numbers.values())) as progress:
            made = compose_data_set(folder, output, chosen, images=numbers, sample=sample, seed=seed, progress=progress)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    console.print(f"{output}: {len(made.shards)} shards; prove it: jetimg verify {output}", soft_wrap=True)


def _chosen(sample: str, objects: str, **settings: object) -> "Composition":
    from jetimg.composition.settings import Composition

    options.check_sample(sample)
    return options.chosen(Composition, {"objects": _range(objects)} | settings)


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition(":")
    if not (low.isdecimal() and (high or low).isdecimal()):
        raise typer.BadParameter(f"--objects {text}: a number, or a range like 12:20")
    return int(low), int(high or low)
