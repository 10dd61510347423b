"""The embedded simulation, stage by stage and as a whole process, in processor seconds.

    python tests/benchmarks/bench_simulation.py --pool pool.npz [--events 50] [--repeats 5] [--output simulation.json]

Stages are timed in this process on tt events, the median of the repeats; the whole chain is `python -m detector
simulate` with few and with many events, so that the start (imports, compiled functions, pool) falls out. Real
Delphes' 190 ms an event were measured elsewhere (design.md, section 5): they are not measured here.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

DELPHES_MS = 190.0
SAMPLE, SEED = "tt", 5


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True, help="made by `python -m detector pool`")
    parser.add_argument("--events", type=int, default=50, help="events a repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    figures = stages(options.pool, options.events, options.repeats)
    figures |= whole(options.pool, options.events, options.repeats)
    ratios = {f"{DELPHES_MS:g} ms / {name}": DELPHES_MS / figures[name] for name in ("detector, ms", "whole chain, ms")}
    for name, value in (figures | ratios).items():
        print(f"{name:<44} {value:.2f}")
    print(f"({DELPHES_MS:g} ms an event: real Delphes, measured elsewhere, not in this run)")
    if options.output:
        rounded = {name: round(value, 3) for name, value in (figures | ratios).items()}
        options.output.write_text(json.dumps({"events": options.events} | rounded, indent=1) + "\n")


def stages(pool_file: Path, n: int, repeats: int) -> dict[str, float]:
    """Milliseconds an event of each stage.

    Args:
        pool_file: the pile-up pool.
        n: events a repeat.
        repeats: the median of so many is taken.
    """
    import numpy as np

    from detector import jets, load, output, pileup, rootfile, samples
    from detector.generator import Generator
    from detector.simulation import Simulation, simulate
    from detector.tables import tables

    described, pool, rng = load(), pileup.load_pool(pool_file), np.random.default_rng(SEED)
    simulation, numbers = Simulation(described, pool, rng), tables(described)
    generator = Generator(samples.settings(SAMPLE, 1500.0), SEED)
    baseline = described.jets.baseline
    simulation.event(next(iter(generator.batches(1, 1)))[0])  # compiles
    taken: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[..., Any], *given: Any) -> Any:
        start = time.process_time()
        result = work(*given)
        taken.setdefault(name, []).append((time.process_time() - start) * 1000 / n)
        return result

    def cross(records: Any) -> Any:
        return [pileup.crossing(record, pool, described.pileup, rng) for record in records]

    def flow(crossings: Any) -> Any:
        return [simulate(particles, numbers, rng) for particles, _ in crossings]

    def find_all(events: Any) -> None:
        for collection in described.jets.generator:
            jets.find([event.visible for event in events], collection)
        candidates = [event.candidates for event in events]
        jets.inside(candidates, jets.find(candidates, baseline, members=True), baseline)

    with tempfile.TemporaryDirectory() as folder:
        for k in range(repeats):
            records = timed("Pythia, ms", next, iter(generator.batches(n, n)))
            timed("flow", flow, timed("pile-up", cross, records))
            events = timed("event", lambda given: [simulation.event(record) for record in given], records)
            timed("jets", find_all, events)
            path = Path(folder) / f"{k}.root"
            with rootfile.create(path, {}, output.groups(described), output.flat(described)) as file:
                timed("output", output.write, file, events, 0, described)
    ms = {name: statistics.median(values) for name, values in taken.items()}
    detector = ms["pile-up"] + ms["flow"]
    return {
        "Pythia, ms": ms["Pythia, ms"],
        "detector, ms": detector,
        "of it pile-up, ms": ms["pile-up"],
        "of it tracker, calorimeters, energy flow, ms": ms["flow"],
        "PUPPI, ms": ms["event"] - detector,
        "jets, ms": ms["jets"],
        "writing, ms": ms["output"] - ms["jets"],
    }


def whole(pool_file: Path, n: int, repeats: int) -> dict[str, float]:
    """The whole chain as a process: milliseconds an event, seconds to start, MB at most."""
    short, long = n, n * (repeats + 1)
    with tempfile.TemporaryDirectory() as folder:
        runs = [_process(pool_file, events, Path(folder) / "x.root") for events in (short, long)]
    each = (runs[1][0] - runs[0][0]) / (long - short)
    return {
        "whole chain, ms": each * 1000,
        "start, s": runs[0][0] - short * each,
        "peak memory, MB": max(memory for _, memory in runs),
    }


def _process(pool_file: Path, events: int, path: Path) -> tuple[float, float]:
    """Processor seconds and peak memory (MB) of one simulation."""
    command = [sys.executable, "-m", "detector", "simulate", "--sample", SAMPLE, "--events", str(events)]
    command += ["--seed", str(SEED), "--pool", str(pool_file.absolute()), "--output", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
