"""Converting against bare uproot reading of the same branches, in one run, on one core.

    python tests/benchmarks/bench_convert.py [--events 10000] [--runs 3] [--output convert.json]

Whole processes are timed in turn, each pinned to one core, in processor seconds. Also: memory at a tenth
of the events, and bytes an event. The events are those of ../shared where it is there, else of tests/data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

BARE = """
import sys, uproot
tree = uproot.open(sys.argv[1])["Delphes"]
for arrays in tree.iterate(sys.argv[2].split(","), step_size=250):
    pass
"""


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = compare(Path(folder), options.events, options.runs)
    for name, value in figures.items():
        print(f"{name:<32} {value}")
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1) + "\n")


def compare(folder: Path, n_events: int, runs: int) -> dict[str, float | str]:
    """Times both, in turn, and measures memory and size."""
    from repeat import repeat

    sources = sorted((ROOT.parent / "shared" / "delphes").glob("*.root")) or [
        ROOT / "tests" / "data" / f"{name}.root" for name in ("bb", "tt", "hh", "WW", "qq", "tth")
    ]
    long, short, output = folder / "long.root", folder / "short.root", folder / "out.h5"
    repeat(sources, long, n_events)
    repeat(sources, short, n_events // 10)
    convert = [sys.executable, "-m", "jetimg", "convert", str(long), "--output", str(output)]
    bare = [sys.executable, "-c", BARE, str(long), ",".join(branches(long))]
    run(convert)  # compiles and fills caches
    pairs = [(run(convert), run(bare)) for _ in range(runs)]
    ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in pairs)
    small = run([*convert[:4], str(short), "--output", str(folder / "small.h5")])
    return {
        "source": str(sources[0].parent),
        "events": n_events,
        "convert, s (one core)": round(statistics.median(ours[0] for ours, _ in pairs), 2),
        "bare uproot read, s (one core)": round(statistics.median(theirs[0] for _, theirs in pairs), 2),
        "convert / bare read": round(ratio, 2),
        "events a second, one core": round(n_events / statistics.median(ours[0] for ours, _ in pairs)),
        "peak memory, MB": round(max(ours[1] for ours, _ in pairs)),
        "peak memory at a tenth, MB": round(small[1]),
        "kB an event": round(output.stat().st_size / n_events / 1000, 2),
    }


def branches(path: Path) -> list[str]:
    """The branches that the default conversion reads from this file."""
    from jetimg.delphes import DelphesFile, wanted
    from jetimg.settings import Images

    file = DelphesFile(path, wanted(Images()))
    names = list(file.head(1))
    file.close()
    return names


def run(command: list[str]) -> tuple[float, float]:
    """Processor seconds and peak memory (MB) of a command on one core.

    On a core of its own these are the wall seconds; on a busy machine they are not disturbed by others.
    """
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, preexec_fn=_pin)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def _pin() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
