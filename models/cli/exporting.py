"""Commands that export networks and time them."""

from pathlib import Path
from typing import Annotated

import typer

from jetimg.cli import outputs
from models.cli import common

app = typer.Typer()


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help=common.NETWORK, dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file; triton, hls4ml: a folder.")],
    form: Annotated[str, typer.Option("--format", help="onnx; triton; hls4ml: `architecture: trigger`.")] = "onnx",
    images: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Check with its first images, not made-up ones.", file_okay=False),
    ] = None,
    part: Annotated[str, typer.Option(help="hls4ml: the FPGA.")] = "xcvu13p-flga2577-2-e",
    clock_ns: Annotated[float, typer.Option(min=0.1, help="hls4ml: period of its clock, ns.")] = 5.0,
    reuse: Annotated[int, typer.Option(min=1, help="hls4ml: multiplications of a multiplier for a cell.")] = 1,
    checked: Annotated[int, typer.Option(min=1, help="hls4ml: images that are emulated.")] = 3,
    name: Annotated[str, typer.Option(help="triton: of the model, a folder in the repository.")] = "jetimg",
) -> None:
    """Writes a detector for other programs, checked against PyTorch."""
    path = common.network(checkpoint)
    if form == "hls4ml":
        from models.export import hls_project

        target = hls_project.Target(part=part, clock_ns=clock_ns, reuse=reuse)
        report = hls_project.export(path, output, target, dataset=images, n_images=checked)
        time, count = report["estimate"]["latency_us"], report["estimate"]["multipliers"]
        common.say(
            f"{output}: {report['equal']} of {report['outputs']} emulated outputs of {report['images']} images are "
            f"PyTorch's; estimated {time} us, {count:,} multipliers (report.md)"
        )
        return
    if form == "triton":
        from models.export.triton import export as write_repository

        agreement = write_repository(path, output, name=name, dataset=images)
        use = f"jetimg models serve {output}"
    elif form == "onnx":
        from models.export.onnx_writer import export as write

        outputs.check_output(output, outputs.ONNX, [path])
        agreement = write(path, output, dataset=images)
        use = f"jetimg models detect {output} FILE... --output found.h5"
    else:
        raise typer.BadParameter(f"--format {form}: onnx, triton or hls4ml")
    common.say(
        f"{output}: of {agreement.n_jets} jets that PyTorch finds, {agreement.jets:.1%} differ; scores by at most "
        f"{agreement.score:.2g}; predictions by {agreement.prediction:.2g} of their spread; use it: {use}"
    )


@app.command()
def benchmark(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Checkpoints, .onnx files, names of the zoo; PATH or NAME=PATH."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.", file_okay=False)],
    batch_sizes: Annotated[str, typer.Option(help="Images at once, with commas; for a GPU more, 1,16,256.")] = "1,4,16",
    threads: Annotated[int, typer.Option(min=0, help="Of the processor; 0: one for each core.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="For each model and batch size.")] = 5.0,
    compiled: Annotated[bool, typer.Option("--compile", help="Checkpoints by torch.compile too.")] = False,
    remote: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A server too: http://HOST:PORT, or http://HOST:PORT/v2/models/NAME."),
    ] = None,
) -> None:
    """Measures how long detectors take, side by side."""
    from models.export.latency import benchmark as measure

    sizes = [size.strip() for size in batch_sizes.split(",")]
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise typer.BadParameter(f"--batch-sizes {batch_sizes}: whole numbers above zero, with commas between them")
    results = measure(
        common.networks(models, lambda path: path.name),
        output,
        sorted({int(size) for size in sizes}),
        threads=threads,
        seconds=seconds,
        compiled=compiled,
        remotes=remote or (),
    )
    for found in results:
        name, n, each = found["name"], found["batch_size"], found["images_per_second"]
        common.say(f"{name}, batches of {n}: median {found['median_ms']:.1f} ms, {each:.1f} images/s")
    common.say(f"{output}: latency.json, latency.md, latency.png; begin with {output / 'latency.md'}")


@app.command()
def serve(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Folder of `export --format triton`, a checkpoint, or a name of the zoo."),
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of HTTP.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen at; there are no passwords.")] = "127.0.0.1",
    mlserver: Annotated[str, typer.Option(envvar="JETIMG_MLSERVER", help="MLServer's program.")] = "mlserver",
    threads: Annotated[int, typer.Option(min=0, help="Of the processor, for a model; 0: as ONNX Runtime likes.")] = 0,
) -> None:
    """Serves detectors in the KServe v2 protocol, by MLServer."""
    from models.export.serve import serve as run

    run(model if model.is_dir() else common.network(model), port, host=host, mlserver=mlserver, threads=threads)
