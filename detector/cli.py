"""The command line: `jetimg detector COMMAND`, or `python -m detector COMMAND`.

Exit codes: 0 done, 1 the data are at fault, 2 the call is at fault. What a command needs is imported when it
runs, so that each starts at once.
"""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.common import extras, logs, outputs
from detector.common.errors import CallError, DataError
from detector.common.outputs import OutputKind, check_output
from detector.geometry.description import Detector, load

if TYPE_CHECKING:
    from detector.simulation.gun import Gun
    from detector.simulation.job import SimulationJob

logger = logging.getLogger(__name__)

BACKENDS = ("embedded", "delphes")

# Soft collisions of a pool that is made because none was given.
POOL_EVENTS = 4000


def _is_delphes(path: Path) -> bool:
    """Whether a ROOT file has the tree `Delphes`; no, where it cannot be read."""
    import uproot

    try:
        with uproot.open(path) as file:
            return "Delphes" in file.keys(recursive=False, cycle=False)
    except Exception:  # damaged bytes make uproot raise almost anything
        return False


_is_data = outputs.begins_with(b"root", b"\x89HDF")

DELPHES = OutputKind("Delphes files", (".root",), _is_delphes)
# Those for Delphes itself have no signature.
POOLS = OutputKind("pile-up pools", is_one=lambda path: not _is_data(path))
CARDS = OutputKind("Delphes cards", is_one=outputs.begins_with(b"# Delphes card", b"set "))
COMMANDS = OutputKind("commands of Pythia", is_one=outputs.begins_with(b"! Made by"))

app = typer.Typer(
    help="Simulated collisions in the described detector.",
    callback=logs.options,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Output = Annotated[Path, typer.Option("--output", "-o", help="File to make; it appears complete or not at all.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the campaign.")]
Description = Annotated[
    Path | None, typer.Option("--detector", help="Detector description; the CMS-like one if not given.", dir_okay=False)
]
Backend = Annotated[str, typer.Option(help="embedded, or delphes: real Delphes, if it is on PATH.")]
Log = Annotated[Path | None, typer.Option(help="What Delphes says; OUTPUT.log if not given.", dir_okay=False)]
Limit = Annotated[
    float | None, typer.Option("--time-limit", min=1, help="Seconds for Delphes; by the number of events if not given.")
]
Tower = Annotated[bool, typer.Option("--tower", help="Write the branch Tower too (Delphes only).")]
Sample = Annotated[str, typer.Option(help="Name of the sample; the seeds follow from it.")]
Process = Annotated[
    str | None, typer.Option(help="bb, tt, hh, WW, qq, ZZ, gg or tth; what the sample is called if not given.")
]
Mass = Annotated[
    list[float] | None,
    typer.Option(help="Graviton mass, GeV, 1500 if not given; of several, file i takes the i-th."),
]
Index = Annotated[int, typer.Option(min=0, help="Number of the file in its sample.")]
More = Annotated[list[str] | None, typer.Option(help="One more Pythia setting, e.g. '25:onIfAny = 5'.")]


@app.command()
def simulate(
    sample: Sample,
    events: Annotated[int, typer.Option(min=1, help="Events to make.")],
    seed: Seed,
    output: Output,
    pool: Annotated[
        Path | None,
        typer.Option(
            help="Pile-up pool made by `pool`, for the same backend. If not given, the one beside the output of "
            f"{POOL_EVENTS} collisions and the same seed; it is made if it is not there.",
            dir_okay=False,
        ),
    ] = None,
    index: Index = 0,
    mass: Mass = None,
    process: Process = None,
    pythia: More = None,
    backend: Backend = "embedded",
    detector: Description = None,
    log: Log = None,
    time_limit: Limit = None,
    tower: Tower = False,
) -> None:
    """Simulates one file of a sample: Pythia, pile-up, detector, jets."""
    _check_backend(backend)
    described = _described(detector)
    path = pool or _pool_beside(output, seed, backend, described)
    check_output(output, DELPHES, [path, detector])
    job = _job(sample, process, events, seed, index, mass, path, pythia)
    if pool is None and not path.is_file():
        _make_pool_beside(path, seed, backend, described, time_limit)
    if backend == "delphes":
        from detector.simulation.delphes import run

        run.simulate(job, described, output, log, time_limit, tower)
    else:
        _simulate_embedded(job, described, output)
    print(f"{output}: {events} events of {sample}; look: jetimg inspect {output}")


def _simulate_embedded(job: "SimulationJob", described: Detector, output: Path) -> None:
    from detector.common.memory import keep_freed
    from detector.common.progress import bar
    from detector.simulation.fast.run import simulate as embedded

    keep_freed()
    with bar(f"simulating {job.sample}", job.events) as progress:
        embedded(job, described, output, progress)


def _pool_beside(output: Path, seed: int, backend: str, described: Detector) -> Path:
    """Its name tells all that it depends on, so that one made for something else is not taken."""
    suffix = "npz" if backend == "embedded" else "pileup"
    return output.with_name(f"pool-seed{seed}-{POOL_EVENTS}-{described.digest[:8]}.{suffix}")


def _make_pool_beside(path: Path, seed: int, backend: str, described: Detector, limit: float | None) -> None:
    """Several processes may do this at once: each makes the same bytes, in a folder of its own."""
    from tempfile import TemporaryDirectory

    logger.info(f"{path}: making a pile-up pool of {POOL_EVENTS} soft collisions")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".pool-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            _make_pool(POOL_EVENTS, seed, made, backend, described, path.with_name(f"{path.name}.log"), limit)
            made.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}; or give a pool with --pool") from error


def _check_backend(backend: str) -> None:
    if backend not in BACKENDS:
        raise typer.BadParameter(f"--backend {backend}: one of {', '.join(BACKENDS)}")


def _job(
    sample: str,
    process: str | None,
    events: int,
    seed: int,
    index: int,
    mass: list[float] | None,
    pool: Path,
    pythia: list[str] | None,
) -> "SimulationJob":
    from detector.simulation.job import SimulationJob
    from detector.simulation.processes import PROCESSES, process_of

    if (process or process_of(sample)) not in PROCESSES:
        known = ", ".join(PROCESSES)
        wrong = f"--process {process}: " if process else f"--sample {sample}: give its --process, "
        raise typer.BadParameter(f"{wrong}one of {known}")
    if any(value <= 0 for value in mass or ()):
        raise typer.BadParameter(f"--mass {mass}: must be positive")
    masses, more = tuple(mass or (1500.0,)), tuple(pythia or ())
    return SimulationJob(sample, events, seed, index, masses, pool, more, process or process_of(sample))


@app.command()
def gun(
    sample: Sample,
    events: Annotated[int, typer.Option(min=1, help="Events to make, one particle each.")],
    seed: Seed,
    output: Output,
    particle: Annotated[
        list[str],
        typer.Option(help="gamma, pi0, e, pi (e and pi of either charge) or K0L; of several, any one."),
    ],
    energy: Annotated[str, typer.Option(help="GeV: one number, or a range that is drawn from evenly: 2:50.")] = "2:50",
    eta: Annotated[str, typer.Option(help="Pseudorapidity, in the same way.")] = "-1.4:1.4",
    phi: Annotated[str | None, typer.Option(help="Azimuth, radians, in the same way; all if not given.")] = None,
    pileup: Annotated[float, typer.Option(min=0, help="Mean number of soft collisions in the same crossing.")] = 0.0,
    pool: Annotated[
        Path | None,
        typer.Option(help="Pile-up pool made by `pool`; as for `simulate` if not given.", dir_okay=False),
    ] = None,
    index: Index = 0,
    detector: Description = None,
) -> None:
    """Simulates one file of single particles: a particle gun in the place of Pythia, embedded detector."""
    from detector.simulation.job import SimulationJob

    shot = _gun(particle, {"energy": energy, "eta": eta, "phi": phi}, pileup)
    described = _described(detector)
    path = (pool or _pool_beside(output, seed, "embedded", described)) if pileup else None
    check_output(output, DELPHES, [path, detector])
    if path is not None and pool is None and not path.is_file():
        _make_pool_beside(path, seed, "embedded", described, None)
    job = SimulationJob(sample, events, seed, index, (), path, gun=shot)
    _simulate_embedded(job, described, output)
    print(f"{output}: {events} events of {sample}; look: jetimg inspect {output}")


def _gun(particles: list[str], ranges: dict[str, str | None], pileup: float) -> "Gun":
    from detector.common import settings_file
    from detector.simulation.gun import Gun

    given = {name: _range(name, text) for name, text in ranges.items() if text is not None}
    try:
        return settings_file.validate(Gun, {"particles": particles, "pileup": pileup} | given, "gun")
    except settings_file.SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def _range(name: str, text: str) -> tuple[float, float]:
    """A number, or two with a colon between them."""
    low, _, high = text.partition(":")
    try:
        return float(low), float(high or low)
    except ValueError as error:
        raise typer.BadParameter(f"--{name} {text}: a number, or a range like 2:50") from error


@app.command()
def pool(
    seed: Seed,
    output: Output,
    events: Annotated[int, typer.Option(min=1, help="Soft collisions to make.")] = POOL_EVENTS,
    index: Annotated[int, typer.Option(min=0, help="Number of the pool: each has soft collisions of its own.")] = 0,
    backend: Backend = "embedded",
    detector: Description = None,
    log: Log = None,
    time_limit: Limit = None,
) -> None:
    """Makes the pool of soft collisions that pile-up is drawn from: for real Delphes, its pile-up file."""
    _check_backend(backend)
    check_output(output, POOLS, [detector])
    _make_pool(events, seed, output, backend, _described(detector), log, time_limit, index)
    print(f"{output}: {events} soft collisions; use it: jetimg detector simulate --pool {output} ...")


def _make_pool(
    events: int,
    seed: int,
    output: Path,
    backend: str,
    described: Detector,
    log: Path | None,
    limit: float | None,
    index: int = 0,
) -> None:
    from detector.simulation import seeds

    pythia_seed = seeds.generator(seed, "pool", index)
    if backend == "delphes":
        from detector.simulation.delphes import run

        run.make_pileup(described, events, pythia_seed, output, log, limit)
        return
    from detector.common.progress import bar
    from detector.simulation.pileup import make_pool, save_pool

    with bar("soft collisions", events) as progress:
        made = make_pool(described.pileup, events, pythia_seed, progress)
        save_pool(output, made)


@app.command()
def card(
    output: Output,
    pileup: Annotated[str, typer.Option(help="Pile-up file, seen from where Delphes runs.")] = "pileup.pileup",
    tower: Tower = False,
    seed: Annotated[int, typer.Option(min=0, help="Delphes' RandomSeed; 0: another in each run.")] = 1,
    soft: Annotated[bool, typer.Option("--soft", help="The card for soft collisions, to make a pile-up file.")] = False,
    detector: Description = None,
) -> None:
    """Renders the Delphes card of the detector."""
    from detector.common.atomic import atomic_write
    from detector.simulation.delphes.card import render, render_converter

    check_output(output, CARDS, [detector])
    text = render_converter() if soft else render(_described(detector), pileup, tower, seed)
    with atomic_write(output) as partial:
        partial.write_text(text)
    print(f"{output}: Delphes card; run it: DelphesPythia8 {output} COMMANDS OUTPUT.root")


@app.command()
def commands(
    sample: Annotated[str, typer.Option(help="A sample, or `pool` for soft collisions.")],
    events: Annotated[int, typer.Option(min=1, help="Events to make.")],
    seed: Seed,
    output: Output,
    index: Index = 0,
    mass: Mass = None,
    process: Process = None,
    pythia: More = None,
    detector: Description = None,
) -> None:
    """Renders the command file with which DelphesPythia8 makes what `simulate` or `pool` make."""
    from detector.common.atomic import atomic_write
    from detector.simulation import processes, seeds
    from detector.simulation.pythia_commands import command_file

    check_output(output, COMMANDS, [detector])
    if sample == "pool":
        settings = processes.soft_settings(_described(detector).pileup.undecayed_above)
    else:
        settings = _job(sample, process, events, seed, index, mass, Path(), pythia).settings
    with atomic_write(output) as partial:
        partial.write_text(command_file(settings, seeds.generator(seed, sample, index), events))
    print(f"{output}: Pythia commands for {events} events; run them: DelphesPythia8 CARD {output} OUTPUT.root")


@app.command()
def describe(detector: Description = None) -> None:
    """Prints the description as JSON, and its pixels and cells; refuses cells that do not fit the pixels."""
    from detector.geometry.cells import build
    from detector.geometry.tower_map import ecal_map, hcal_map

    described = _described(detector)
    try:
        ecal_map(described), hcal_map(described)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    print(described.model_dump_json(indent=1), flush=True)
    logger.info(f"image: {described.crystals.n_eta} x {described.crystals.n_phi} pixels (eta, phi)")
    for name, lists in (("ECAL", described.calorimeters.ecal), ("HCAL", described.calorimeters.hcal)):
        cells = build(lists)
        logger.info(f"{name}: {cells.n_phi.sum()} cells in {len(cells.n_phi)} rings, |eta| < {cells.eta_edges[-1]:g}")


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
    except ModuleNotFoundError as error:
        if (advice := extras.advice(error)) is None:
            raise
        print(advice, file=sys.stderr)
        sys.exit(2)
