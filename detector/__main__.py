"""The command line: `python -m detector COMMAND`.

Exit codes: 0 done, 1 the data are at fault, 2 the call is at fault. What a command needs is imported when it
runs, so that each starts at once.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.description import Detector, load
from detector.errors import CallError, DataError

BACKENDS = ("embedded", "delphes")

app = typer.Typer(
    help="Simulated collisions in the described detector.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Output = Annotated[Path, typer.Option("--output", "-o", help="File to make; it appears whole or not at all.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the campaign.")]
Description = Annotated[
    Path | None, typer.Option("--detector", help="Detector description; the CMS-like one if not given.", dir_okay=False)
]


@app.command()
def simulate(
    sample: Annotated[str, typer.Option(help="bb, tt, hh, WW, qq, ZZ, gg or tth.")],
    events: Annotated[int, typer.Option(min=1, help="Events to make.")],
    seed: Seed,
    output: Output,
    pool: Annotated[Path, typer.Option(help="Pile-up pool made by `pool`.", dir_okay=False)],
    index: Annotated[int, typer.Option(min=0, help="Number of the file in its sample.")] = 0,
    mass: Annotated[
        list[float] | None,
        typer.Option(help="Graviton mass, GeV, 1500 if not given; of several, file i takes the i-th."),
    ] = None,
    pythia: Annotated[list[str] | None, typer.Option(help="One more Pythia setting, e.g. '25:onIfAny = 5'.")] = None,
    backend: Annotated[str, typer.Option(help="embedded or delphes.")] = "embedded",
    detector: Description = None,
) -> None:
    """Simulates one file of a sample: Pythia, pile-up, detector, jets."""
    from detector.embedded import Job
    from detector.samples import SAMPLES

    if sample not in SAMPLES:
        raise typer.BadParameter(f"--sample {sample}: one of {', '.join(SAMPLES)}")
    if backend not in BACKENDS:
        raise typer.BadParameter(f"--backend {backend}: one of {', '.join(BACKENDS)}")
    if any(value <= 0 for value in mass or ()):
        raise typer.BadParameter(f"--mass {mass}: must be positive")
    job = Job(sample, events, seed, index, tuple(mass or (1500.0,)), pool, tuple(pythia or ()))
    _run(job, backend, _described(detector), output)


def _run(job: "Job", backend: str, detector: Detector, output: Path) -> None:  # type: ignore[name-defined]  # noqa: F821
    from detector.embedded import simulate as embedded
    from detector.progress import bar

    if backend == "delphes":
        raise typer.BadParameter("--backend delphes: not built in yet; use embedded")
    with bar(f"simulating {job.sample}", job.events) as advance:
        embedded(job, detector, output, advance)


@app.command()
def pool(
    seed: Seed,
    output: Output,
    events: Annotated[int, typer.Option(min=1, help="Soft collisions to make.")] = 4000,
    detector: Description = None,
) -> None:
    """Makes the pool of soft collisions that pile-up is drawn from."""
    from detector import seeds
    from detector.pileup import make_pool, save_pool
    from detector.progress import bar

    described = _described(detector)
    with bar("soft collisions", events) as advance:
        made = make_pool(described.pileup, events, seeds.generator(seed, "pool", 0), advance)
        save_pool(output, made)


@app.command()
def describe(detector: Description = None) -> None:
    """Prints the detector: its name, its digest, its cells, and its description as JSON."""
    from detector.cells import build

    described = _described(detector)
    for name, lists in (("ECAL", described.calorimeters.ecal), ("HCAL", described.calorimeters.hcal)):
        cells = build(lists)
        print(
            f"{name}: {cells.n_phi.sum()} cells in {len(cells.n_phi)} rings, |eta| < {cells.eta_edges[-1]:g}",
            file=sys.stderr,
        )
    print(described.model_dump_json(indent=1))


def _described(path: Path | None) -> Detector:
    try:
        return load(path)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from error


def main() -> None:
    """Runs a command; faults of the data end it with exit code 1 and of the call with 2, with one message."""
    try:
        app()
    except (DataError, CallError) as error:
        print(error, file=sys.stderr)
        sys.exit(1 if isinstance(error, DataError) else 2)


if __name__ == "__main__":
    main()
