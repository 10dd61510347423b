"""Every figure of docs/benchmarks.md in one run, each beside its rival.

    python -m benchmarks --output results/benchmarks [--events 10000] [--rounds 5] [--pool pool.npz]

Real Delphes events (a larger set beside the checkout, else tests/data), repeated.
Processor time unless a figure says wall: on a core of
its own they are the same. Ours and its rival run in turn; medians are printed. Writes benchmarks.json and
benchmarks.png. What was measured elsewhere is marked. Other programs are run if they are there (benchmarks/rivals.py).
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import convert, images, loader, machine, network, rivals, simulation
from benchmarks.measure import Figure
from benchmarks.plot import draw
from detector.common.atomic import write_text

SECTIONS = ("convert", "rivals", "cores", "images", "loader", "simulation")


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints, writes."""
    options = _options(arguments)
    begun = machine.describe()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for figure in figures(Path(folder), options):
            rows.append(figure.as_dict())
            print(line(rows[-1]), flush=True)
        networks = network.latency(Path(folder), options.network)
    print(machine.quiet(begun["load"]))
    print(f"network: {networks.get('skipped', 'measured by `jetimg models benchmark`, in the JSON')}")
    found = {"machine": begun | {"load_at_end": machine.load()}, "quick": options.quick}
    found |= {"figures": rows, "network": networks}
    options.output.mkdir(parents=True, exist_ok=True)
    note = f"{begun['processor']}, {begun['cores']} cores, load {begun['load'][0]:g}, commit {begun['commit']}"
    draw(rows, options.output / "benchmarks.png", note)
    write_text(options.output / "benchmarks.json", json.dumps(found, indent=1) + "\n")


def figures(folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    """The figures of the chosen sections."""
    quick = options.quick
    n_events, rounds = (24, 1) if quick else (options.events, options.rounds)
    if "convert" in options.only:
        yield from convert.figures(folder, n_events, rounds)
    if "rivals" in options.only:
        yield from rivals.figures(folder, n_events, rounds, options.coffea, options.published)
    if "cores" in options.only:
        yield convert.two_cores(folder, n_events, rounds)
    if "images" in options.only:
        yield from images.figures(folder, min(n_events, 1050), rounds)
    if "loader" in options.only:
        yield from loader.figures(folder, 64 if quick else min(n_events, 4200), rounds)
    if "simulation" in options.only:
        yield from simulation.figures(folder, 2 if quick else 50, rounds, options.pool)


def line(row: dict[str, Any]) -> str:
    """One figure for the terminal."""
    text = f"{row['key']:<18} {row['ours']:>8g} {row['unit']:<15}"
    if row["rival"] is not None:
        elsewhere = " (measured elsewhere)" if row["rival_elsewhere"] else ""
        text += f" {row['ratio']:.3g} x {row['rival_text']}, {row['rival']:g}{elsewhere}"
    if row["target"] is not None:
        text += f"; aim {row['target']:g}: {'met' if row['met'] else 'missed'}"
    return "\n".join([f"{text}; {row['text']}", *(f"{'':<19}{name}: {value}" for name, value in row["also"].items())])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for benchmarks.json and benchmarks.png")
    parser.add_argument("--folder", type=Path, help="where the events go; a temporary folder if not given")
    parser.add_argument("--events", type=int, default=10_000, help="events to convert")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is measured")
    parser.add_argument("--pool", type=Path, help="pile-up pool; a small one is made if not given")
    parser.add_argument("--network", nargs="+", metavar="NAME=PATH", help="networks for `jetimg models benchmark`")
    parser.add_argument("--coffea", metavar="PYTHON", help="a Python that has coffea, to compare with")
    parser.add_argument("--published", metavar="COMMAND", help="a conversion to compare with, of {input} to {output}")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="some sections")
    parser.add_argument(
        "--quick", action="store_true", help="tiny inputs: proves that the suite runs, measures nothing"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
