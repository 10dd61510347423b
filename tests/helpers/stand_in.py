"""A stand-in for `detector simulate` that makes small files at once, and fails as it is told.

Every file has events of its own: tests/data/two_events.root, which `tests.helpers.handmade` wrote, holds the pt of
its two tracks uncompressed, and they are replaced.

FAULTS is a JSON file: {"tt/0": "exit"} makes file 0 of tt fail; faults are exit, kill, truncate, short and hang.
It needs the standard library alone, so that `python -IS` starts it in hundredths of a second.
"""

import argparse
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
TRACK_PT = (4321.0625, 4322.0625)  # of the two events, GeV
SAMPLES = ("bb", "tt", "hh", "WW", "qq", "tth", "tthBoosted")


def main() -> None:
    """Makes file `index` of a sample."""
    options = _options()
    fault = _fault(f"{options.sample}/{options.index}")
    made = f"{options.events} events, {options.mass} GeV, seed {options.seed}, pool {options.pool}, {options.backend}"
    print(f"{made}: {fault or 'well'}", flush=True)
    if fault == "exit":
        sys.exit(1)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        time.sleep(600)
    content = (DATA / "no_hard_process_tt.root").read_bytes() if fault == "short" else _content(options)
    options.output.write_bytes(content[: len(content) // 2] if fault == "truncate" else content)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name, kind in {"sample": str, "index": int, "output": Path, "events": int, "mass": float, "seed": int}.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    for name in ("pool", "backend"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--process")
    parser.add_argument("--pythia", action="append")
    return parser.parse_args()


def _fault(file: str) -> str | None:
    faults = Path(os.environ.get("FAULTS", "/nonexistent"))
    fault: str | None = json.loads(faults.read_text()).get(file) if faults.is_file() else None
    return fault


def _content(options: argparse.Namespace) -> bytes:
    """Two events that no other file of any sample has."""
    content = (DATA / "two_events.root").read_bytes()
    for event, pt in enumerate(TRACK_PT):
        own = 10_000.0 * (1 + SAMPLES.index(options.sample)) + 2 * options.index + event
        content = content.replace(struct.pack(">f", pt), struct.pack(">f", own))
    return content


if __name__ == "__main__":
    main()
