"""The command that composes images."""

from typing import Annotated

import typer

from jetimg.cli import options, outputs
from jetimg.cli.options import Files, Output, console

app = typer.Typer()


@app.command()
def compose(
    files: Files,
    output: Output,
    images: Annotated[int, typer.Option(min=1, help="Images to compose.")],
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")],
    sample: Annotated[str, typer.Option(help="What the images are called.")] = "composed",
    objects: Annotated[str, typer.Option(help="Objects of an image: one number, or a range.")] = "12:20",
    background: Annotated[
        str | None, typer.Option(help="Sample whose events lie under the images, one under each; else nothing does.")
    ] = None,
    mask: Annotated[
        str | None, typer.Option(help="Of an object: its `ellipse` of second moments, or its `hits`.")
    ] = None,
    flip_eta: Annotated[
        float | None, typer.Option(min=0, max=1, help="Probability that an object is mirrored in eta.")
    ] = None,
    shift: Annotated[
        int | None, typer.Option(min=0, help="Most pixels that an object is shifted in eta, either way.")
    ] = None,
) -> None:
    """Images of many objects with a mask of each, from event files with one object an event."""
    from detector.common.progress import bar
    from jetimg.composition.settings import Composition
    from jetimg.composition.write import compose as write

    paths = options.expand(files)
    outputs.check_output(output, outputs.EVENTS, paths)
    options.check_sample(sample)
    settings = {"objects": _range(objects), "background": background, "mask": mask, "flip_eta": flip_eta}
    chosen = options.chosen(Composition, settings | {"shift": shift})
    with bar(f"composing {sample}", images) as progress:
        made = write(paths, output, chosen, n_images=images, sample=sample, seed=seed, progress=progress)
    grounds = f", {made.n_backgrounds} backgrounds" if background else ""
    console.print(
        f"{output}: {images} images of {made.n_objects} objects{grounds}; {made.left_out} events left out, without one "
        f"object; look: jetimg show {output} --output image.png",
        soft_wrap=True,
    )


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition(":")
    if not (low.isdecimal() and (high or low).isdecimal()):
        raise typer.BadParameter(f"--objects {text}: a number, or a range like 12:20")
    return int(low), int(high or low)
