"""The embedded simulation, stage by stage and as a whole process, in processor time.

Stages are timed in this process on tt events, the median of the rounds; the whole chain is `python -m detector
simulate` with few and with many events, so that the start (imports, compiled functions, pool) falls out. Real
Delphes' 190 ms an event were measured elsewhere: they are not measured here.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, command, run

DELPHES_MS, AIM_MS = 190.0, 10.0
SAMPLE, SEED = "tt", 5


def figures(folder: Path, n_events: int, rounds: int, pool: Path | None) -> list[Figure]:
    """The detector's time an event, with all stages beside it; the whole chain if there are several rounds.

    Args:
        folder: for files.
        n_events: events a round.
        rounds: the median of so many is taken.
        pool: pile-up pool; one of 1,000 events is made if None.
    """
    if pool is None:
        pool = folder / "pool.npz"
        n_pool = 1000 if rounds > 1 else 60
        run(command("detector", "pool", "--seed", SEED, "--events", n_pool, "--output", pool))
    also = stages(pool, n_events, rounds)
    if rounds > 1:
        also |= whole(pool, n_events, rounds, folder)
        also["whole chain / Pythia"] = also["whole chain"] / also["Pythia"]
    ours = also["detector"]
    text = "detector simulation with 50 pile-up collisions"
    return [
        Figure(
            "simulation",
            text,
            "ms an event",
            ours,
            DELPHES_MS,
            "real Delphes",
            ours / DELPHES_MS,
            AIM_MS,
            rival_elsewhere=True,
            also=also,
        )
    ]


class Stopwatch:
    """Processor milliseconds an event of named pieces of work."""

    def __init__(self, n_events: int) -> None:
        self._n_events = n_events
        self._taken: dict[str, list[float]] = {}

    def timed(self, name: str, work: Callable[..., Any], *given: Any) -> Any:
        """What the work returns."""
        start = time.process_time()
        result = work(*given)
        self._taken.setdefault(name, []).append((time.process_time() - start) * 1000 / self._n_events)
        return result

    def ratio(self, parts: tuple[str, ...], whole: str) -> float:
        """The median over the rounds of the sum of some pieces over another, each of one round."""
        rounds = zip(*(self._taken[name] for name in (whole, *parts)), strict=True)
        return statistics.median(sum(times[1:]) / times[0] for times in rounds)

    def medians(self) -> dict[str, float]:
        """By name."""
        return {name: statistics.median(values) for name, values in self._taken.items()}


def stages(pool_file: Path, n: int, rounds: int) -> dict[str, float]:
    """Milliseconds an event of each stage."""
    import numpy as np

    from detector import load
    from detector.simulation import pileup, processes
    from detector.simulation.fast import branches, root_writer
    from detector.simulation.fast.crossing import Simulation
    from detector.simulation.fast.parameters import tables
    from detector.simulation.fast.passage import Passage
    from detector.simulation.pythia import Generator

    described, pool, rng = load(), pileup.load_pool(pool_file), np.random.default_rng(SEED)
    simulation, detect = Simulation(described, pool, rng), Passage(tables(described), rng)
    generator, watch = Generator(processes.settings(SAMPLE, 1500.0), SEED), Stopwatch(n)
    find_all([simulation.event(next(iter(generator.batches(1, 1)))[0])], described)  # compiles

    def cross(records: Any) -> Any:
        return [pileup.crossing(record, pool, described.pileup, rng) for record in records]

    def flow(crossings: Any) -> Any:
        return [detect(particles) for particles, _ in crossings]

    with tempfile.TemporaryDirectory() as folder:
        for k in range(rounds):
            records = watch.timed("Pythia", next, iter(generator.batches(n, n)))
            watch.timed("flow", flow, watch.timed("pile-up", cross, records))
            events = watch.timed("event", lambda given: [simulation.event(record) for record in given], records)
            watch.timed("jets", find_all, events, described)
            path = Path(folder) / f"{k}.root"
            with root_writer.create(path, {}, branches.groups(described), branches.flat(described)) as file:
                watch.timed("output", branches.write, file, events, 0, described)
    ratio = watch.ratio(("Pythia", "event", "output"), "Pythia")
    return _shares(watch.medians()) | {"all stages / Pythia": ratio}


def find_all(events: Any, described: Any) -> None:
    """All jets of some events."""
    from detector.simulation.fast import jet_finding

    for collection in described.jets.generator:
        jet_finding.find([event.visible for event in events], collection)
    candidates, baseline = [event.candidates for event in events], described.jets.baseline
    jet_finding.inside(candidates, jet_finding.find(candidates, baseline, members=True), baseline)


def _shares(ms: dict[str, float]) -> dict[str, float]:
    detector = ms["pile-up"] + ms["flow"]
    return {
        "Pythia": ms["Pythia"],
        "detector": detector,
        "of it pile-up": ms["pile-up"],
        "of it tracker, calorimeters, energy flow": ms["flow"],
        "PUPPI": ms["event"] - detector,
        "jets": ms["jets"],
        "writing": ms["output"] - ms["jets"],
    }


def whole(pool: Path, n: int, rounds: int, folder: Path) -> dict[str, float]:
    """The whole chain as a process: milliseconds an event, seconds to start, MB at most."""
    short, long = n, n * (rounds + 1)
    given = ["simulate", "--sample", SAMPLE, "--seed", SEED, "--pool", pool.absolute(), "--output", folder / "x.root"]
    few, many = (run(command("detector", *given, "--events", events)) for events in (short, long))
    each = (many.processor - few.processor) / (long - short)
    return {
        "whole chain": each * 1000,
        "start, s": few.processor - short * each,
        "peak memory, MB": max(few.memory, many.memory),
    }
