"""The command that finds jets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jetimg.cli import options, outputs
from models.cli import common
from models.cli.common import Device

app = typer.Typer()

# How to look at a file of detections, by its suffix.
LOOK = {
    ".parquet": "python -c \"import pandas; print(pandas.read_parquet('{output}'))\"",
    ".root": "python -c \"import uproot; uproot.open('{output}:detections').show()\"",
}
LOOK_HDF5 = "jetimg inspect {output}"


@app.command()
def detect(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A checkpoint, an .onnx file of `export`, or a name of the zoo.")
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Delphes files, event files, shards, a data set's folder, or @LIST."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file: .h5, .parquet or .root; it appears complete.")
    ],
    split: Annotated[
        list[str] | None, typer.Option(help="Of data sets: test (default), heldout, validation, train; repeatable.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Exit with 0 although files are bad; they stand in the output.")
    ] = False,
    score_threshold: Annotated[float, typer.Option(min=0, max=1, help="Minimum score of a jet.")] = 0.01,
    nms_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Maximum IoU of two jets of one class in an event.")
    ] = 0.3,
    max_detections: Annotated[int, typer.Option(min=1, help="Maximum number of jets in an event.")] = 100,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images that the network sees at once; 4, or 32 on a GPU, if not given.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Of the processor; 0: one for each core.")] = 0,
    device: Device = "auto",
    settings: Annotated[
        Path | None,
        typer.Option(help="Image settings for Delphes files, instead of those of the training.", dir_okay=False),
    ] = None,
    detector: options.DetectorFile = None,
) -> None:
    """Finds the jets in events: class, score, pt, eta, phi and box of each, into one file."""
    from detector.common.progress import bar
    from jetimg.dataset.plan import SPLITS
    from models.inference import detect as detecting
    from models.inference import sources
    from models.inference.detector import Detector

    common.check_device(device)
    if unknown := set(split or []) - set(SPLITS):
        raise typer.BadParameter(f"--split {unknown.pop()}: {', '.join(SPLITS)}")
    named = options.expand(inputs)
    outputs.check_output(output, outputs.DETECTIONS, named)
    chosen: dict[str, Any] = {"device": device, "batch_size": batch_size, "threads": threads}
    chosen |= {"score_threshold": score_threshold, "nms_threshold": nms_threshold, "max_detections": max_detections}
    chosen["settings"] = options.image_settings(settings) if settings else None
    opened = Detector(network, **chosen, description=options.description(detector))
    paths = sources.files(named, split or ["test"])
    with bar(f"{opened.name}: events", lambda: sources.n_events(paths)) as progress:
        made = detecting.detect(opened, paths, output, progress)
    _tell(made, output, keep_going)


def _tell(made: Any, output: Path, keep_going: bool) -> None:
    good = len(made.inputs) - len(made.bad)
    rate = made.n_events / made.seconds
    speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
    look = LOOK.get(output.suffix.lower(), LOOK_HDF5).format(output=output)
    common.say(
        f"{output}: {made.n_jets:,} jets in {made.n_events:,} events of {good} files, {len(made.bad)} bad files; "
        f"{made.seconds:.1f} s, {speed} events/s; look: {look}"
    )
    for row in made.bad:
        common.say(f"{row.name}: {row.verdict}: {row.reason}")
    if made.bad and not keep_going:
        raise typer.Exit(1)
