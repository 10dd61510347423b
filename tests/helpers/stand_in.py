"""A stand-in for `detector simulate` that takes a real file of tests/data, and fails as it is told.

FAULTS is a JSON file: {"tt/0": "exit"} makes file 0 of tt fail; faults are exit, kill, truncate, short and hang.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

DATA = Path(__file__).parents[1] / "data"


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
    source = DATA / ("no_hard_process_tt.root" if fault == "short" else f"{sample}.root")
    shutil.copy(source, output)
    with output.open("rb+") as file:
        if fault == "truncate":
            file.truncate(source.stat().st_size // 2)
        else:  # another file of the same events: what is behind the end that the header names is not read
            file.seek(0, os.SEEK_END)
            file.write(f"file {index}, seed {seed}".encode())


if __name__ == "__main__":
    typer.run(main)
