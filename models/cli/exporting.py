"""Commands that export networks and time them."""

from pathlib import Path
from typing import Annotated

import typer

from models.cli import common

app = typer.Typer()


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
    common.say(
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
        common.named(models, lambda path: path.name),
        output,
        sorted({int(size) for size in sizes}),
        threads=threads,
        seconds=seconds,
        compiled=compiled,
    )
    for found in results:
        name, n, each = found["name"], found["batch_size"], found["images_per_second"]
        common.say(f"{name}, batches of {n}: median {found['median_ms']:.1f} ms, {each:.1f} images/s")
    common.say(f"{output}: latency.json, latency.md, latency.png")
