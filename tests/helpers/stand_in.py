"""A stand-in for `detector simulate` that makes small files at once, and fails as it is told.

Every file has events of its own: tests/data/two_events.root, which `tests.helpers.handmade` wrote, holds the pt of
its two tracks uncompressed, and they are replaced.

FAULTS is a JSON file: {"tt/0": "exit"} makes file 0 of tt fail; faults are exit, kill, truncate, short and hang.
"""

import json
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

DATA = Path(__file__).parents[1] / "data"
TRACK_PT = (4321.0625, 4322.0625)  # of the two events, GeV
SAMPLES = ("bb", "tt", "hh", "WW", "qq", "tth")


def main(
    sample: Annotated[str, typer.Option()],
    index: Annotated[int, typer.Option()],
    output: Annotated[Path, typer.Option()],
    events: Annotated[int, typer.Option()],
    mass: Annotated[float, typer.Option()],
    seed: Annotated[int, typer.Option()],
    pool: Annotated[Path, typer.Option()],
    backend: Annotated[str, typer.Option()],
) -> None:
    """Makes file `index` of a sample."""
    faults = Path(os.environ.get("FAULTS", "/nonexistent"))
    fault = json.loads(faults.read_text()).get(f"{sample}/{index}") if faults.is_file() else None
    print(f"{events} events, {mass} GeV, seed {seed}, pool {pool}, {backend}: {fault or 'well'}", flush=True)
    if fault == "exit":
        sys.exit(1)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        time.sleep(600)
    if fault == "short":
        content = (DATA / "no_hard_process_tt.root").read_bytes()
    else:
        content = (DATA / "two_events.root").read_bytes()
        for event, pt in enumerate(TRACK_PT):
            own = 1000.0 * (1 + SAMPLES.index(sample)) + 2 * index + event
            content = content.replace(struct.pack(">f", pt), struct.pack(">f", own))
    output.write_bytes(content[: len(content) // 2] if fault == "truncate" else content)


if __name__ == "__main__":
    typer.run(main)
