"""Converting: whole processes against bare uproot reading of the same branches, and on two cores; bytes an event."""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import Figure, command, finish, first_core, in_turn, run, start
from detector import load
from jetimg.event_file.store import Reader
from jetimg.imaging import convert as converting
from jetimg.imaging.channels import Setup
from jetimg.imaging.delphes_reader import DelphesFile, wanted
from jetimg.imaging.settings import ImageSettings

BARE = """
import sys, uproot
tree = uproot.open(sys.argv[1])["Delphes"]
for arrays in tree.iterate(sys.argv[2].split(","), step_size=250):
    pass
"""

# The published code's events a second, and bytes an event; measured there.
REFERENCE_RATE, REFERENCE_BYTES = 105.0, 20_100.0
AIM_OF_BARE, AIM_OF_REFERENCE = 1.2, 15.0
AIM_LOSSLESS, AIM_ROUNDED, ROUNDED_BITS = 11_400.0, 7_500.0, 10


def figures(folder: Path, n_events: int, rounds: int) -> Iterator[Figure]:
    """Time on one core, memory, sizes."""
    long, output = inputs.delphes_file(folder, n_events), folder / "out.h5"
    convert = command("jetimg", "convert", long, "--output", output)
    yield one_core(convert, long, n_events, rounds)
    yield size(output, n_events)
    yield size_rounded(folder, long, n_events)


def one_core(convert: list[str], long: Path, n_events: int, rounds: int) -> Figure:
    """One process, its start included."""
    bare = [sys.executable, "-c", BARE, str(long), ",".join(branches(long))]
    core, memory = first_core(), [0.0]

    def ours() -> float:
        used = run(convert, core)
        memory.append(used.memory)
        return used.processor

    if rounds > 1:
        ours()  # compiles and fills caches
    pairs = in_turn(ours, lambda: run(bare, core).processor, rounds)
    few, output = inputs.delphes_file(long.parent, inputs.FEW), long.with_name("few.h5")
    ours_few, bare_few = command("jetimg", "convert", few, "--output", output), [*bare[:3], str(few), bare[4]]
    starts = in_turn(lambda: run(ours_few, core).processor, lambda: run(bare_few, core).processor, rounds)
    start, bare_start = statistics.median(starts.ours), statistics.median(starts.rival)
    each, bare_each = statistics.median(pairs.ours) - start, statistics.median(pairs.rival) - bare_start
    text = f"convert {n_events} events, one process on one core, start included"
    target = AIM_OF_BARE * statistics.median(pairs.rival)
    also = {
        "events": n_events,
        "peak memory, MB": max(memory),
        f"{inputs.FEW} events, s": start,
        "the same, bare reading, s": bare_start,
        "ours / bare, per event after that": each / bare_each if n_events > inputs.FEW else None,
    }
    return pairs.figure("convert", text, "s", "uproot reads the same branches", target=target, also=also)


def two_cores(folder: Path, n_events: int, rounds: int) -> Figure:
    """A process on each of two cores (one if there is only one), both with the same events."""
    long = inputs.delphes_file(folder, n_events)
    cores = sorted(os.sched_getaffinity(0))[:2]
    commands = [command("jetimg", "convert", long, "--output", folder / f"core-{core}.h5") for core in cores]
    walls, processor = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        running = [start(line, core) for line, core in zip(commands, cores, strict=True)]
        used = [finish(process, line) for process, line in zip(running, commands, strict=True)]
        walls.append(time.perf_counter() - begun)
        processor.append(max(part.processor for part in used))
    total = n_events * len(cores)
    wall = statistics.median(walls)
    free = total / statistics.median(processor)
    return Figure(
        "convert_two_cores",
        f"convert on {len(cores)} cores, wall time, start included",
        "ms an event",
        wall / total * 1000,
        1000 / REFERENCE_RATE,
        f"the published code, {REFERENCE_RATE:g} events a second",
        wall / total * REFERENCE_RATE,
        1000 / REFERENCE_RATE / AIM_OF_REFERENCE,
        rival_elsewhere=True,
        also={"events a second": total / wall, "events a second, by processor time": free},
    )


def size(output: Path, n_events: int) -> Figure:
    """Bytes an event, lossless."""
    found = output.stat().st_size / n_events
    return Figure(
        "bytes_lossless",
        "event file, lossless",
        "bytes an event",
        found,
        REFERENCE_BYTES,
        "the published layout",
        found / REFERENCE_BYTES,
        AIM_LOSSLESS,
        rival_elsewhere=True,
    )


def size_rounded(folder: Path, long: Path, n_events: int) -> Figure:
    """Bytes an event with values of 10 bits, and the largest relative error."""
    output = folder / "rounded.h5"
    converting.convert(converting.DelphesInputs([long]), output, Setup(load(), ImageSettings(value_bits=ROUNDED_BITS)))
    with Reader(output) as reader:
        error = reader.attributes["largest_relative_error"]
    lossless, rounded = (folder / "out.h5").stat().st_size / n_events, output.stat().st_size / n_events
    return Figure(
        "bytes_rounded",
        f"event file, values of {ROUNDED_BITS} bits",
        "bytes an event",
        rounded,
        lossless,
        "our lossless file",
        rounded / lossless,
        AIM_ROUNDED,
        also={"largest relative error": error},
    )


def branches(path: Path) -> list[str]:
    """The branches that the default conversion reads from this file."""
    file = DelphesFile(path, wanted(ImageSettings()))
    names = list(file.head(1))
    file.close()
    return names
