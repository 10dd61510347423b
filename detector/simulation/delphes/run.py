"""The Delphes backend: real Delphes with the rendered card, and its pile-up file.

Delphes and Pythia run as one program, `DelphesPythia8 CARD COMMANDS OUTPUT`, in a folder beside the target;
the result takes the target's name only when the program has ended well and all events are there.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from detector.common import subprocesses
from detector.common.atomic import atomic_write
from detector.common.errors import CallError, DataError
from detector.geometry.description import Detector
from detector.simulation import processes, pythia_commands, seeds
from detector.simulation.delphes import card

if TYPE_CHECKING:
    from detector.simulation.job import SimulationJob

SIMULATOR, CONVERTER = "DelphesPythia8", "root2pileup"
TREE = "Delphes"
# Seconds: measured 13 to start and 0.19 an event (0.004 a soft collision); five times that, and some.
START_LIMIT, EVENT_LIMIT = 300.0, 1.0


def simulate(
    job: "SimulationJob",
    detector: Detector,
    target: Path,
    log: Path | None = None,
    limit: float | None = None,
    tower: bool = False,
) -> None:
    """Makes one file with real Delphes.

    Args:
        job: what to make; its pool is a pile-up file made by `make_pileup`.
        detector: the description, from which the card is rendered.
        target: the file; it appears complete or not at all.
        log: what Delphes says; beside the target if None.
        limit: s; by the number of events if None.
        tower: write the branch `Tower` too.

    Raises:
        CallError: Delphes is not installed.
        DataError: no pile-up file, or Delphes failed, hung, was killed, or made too few events.
    """
    simulator = find(SIMULATOR)
    if job.pool is None or not job.pool.is_file():
        raise DataError(f"{job.pool}: no pile-up file; make one: jetimg detector pool --backend delphes")
    pythia_seed = seeds.generator(job.seed, job.sample, job.index)
    rendered = card.render(
        detector, str(job.pool.resolve()), tower, seed=seeds.delphes(job.seed, job.sample, job.index)
    )
    commands = pythia_commands.command_file(job.settings, pythia_seed, job.events)
    with atomic_write(target) as partial, _workplace(target) as folder:
        _generate(simulator, folder, rendered, commands, _fresh(target, log), limit or _limit(job.events))
        _check_events(folder / "output.root", target, job.events)
        (folder / "output.root").replace(partial)


def make_pileup(
    detector: Detector, n_events: int, seed: int, target: Path, log: Path | None = None, limit: float | None = None
) -> None:
    """Makes a pile-up file for real Delphes: soft collisions in ROOT, then converted.

    Args:
        detector: the description.
        n_events: soft collisions.
        seed: Pythia's, 1 to 900,000,000.
        target, log, limit: as for `simulate`; the limit is that of each of the two programs.

    Raises:
        CallError: Delphes is not installed.
        DataError: a program failed, hung, was killed, or made too few events.
    """
    simulator, converter = find(SIMULATOR), find(CONVERTER)
    commands = pythia_commands.command_file(processes.soft_settings(detector.pileup.undecayed_above), seed, n_events)
    limit = limit or _limit(n_events)
    with atomic_write(target) as partial, _workplace(target) as folder:
        words = _fresh(target, log)
        _generate(simulator, folder, card.render_converter(), commands, words, limit)
        _check_events(folder / "output.root", target, n_events)
        subprocesses.run([converter, "output.pileup", "output.root"], folder, words, limit)
        made = folder / "output.pileup"
        if not made.is_file() or made.stat().st_size == 0:
            raise DataError(f"{target}: {CONVERTER} ended well but made no file; log: {words}")
        made.replace(partial)


def find(program: str) -> str:
    """The path of a program of Delphes.

    Raises:
        CallError: it is not on PATH.
    """
    path = shutil.which(program)
    if path is None:
        raise CallError(
            f"{program} is not on PATH: it comes with Delphes, conda-forge's package `delphes` "
            "(conda install -c conda-forge delphes); without it, use --backend embedded"
        )
    return path


def _limit(n_events: int) -> float:
    return START_LIMIT + EVENT_LIMIT * n_events


def _fresh(target: Path, log: Path | None) -> Path:
    """The log, emptied; absolute, because the programs run elsewhere."""
    words = (log or target.with_name(f"{target.name}.log")).resolve()
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_bytes(b"")
    return words


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """An empty folder on the target's disk; its name is fixed, so that a killed run's remains go too."""
    folder = target.resolve().with_name(f".{target.name}.delphes")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _generate(simulator: str, folder: Path, rendered: str, commands: str, log: Path, limit: float) -> None:
    (folder / "card.tcl").write_text(rendered)
    (folder / "pythia.cmnd").write_text(commands)
    subprocesses.run([simulator, "card.tcl", "pythia.cmnd", "output.root"], folder, log, limit)


def _check_events(made: Path, target: Path, n_events: int) -> None:
    """Delphes ends well on an interrupt, and after Pythia's last allowed error, with what it has by then."""
    import uproot

    try:
        with uproot.open(made) as file:
            present = file[TREE].num_entries
    except (OSError, ValueError, KeyError, uproot.DeserializationError) as error:
        raise DataError(f"{target}: {SIMULATOR} ended well but made no file with a tree {TREE}: {error}") from error
    if present != n_events:
        raise DataError(f"{target}: {SIMULATOR} made {present} of {n_events} events")
