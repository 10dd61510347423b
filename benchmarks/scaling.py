"""How conversion grows with processes and events, and a model of 500 cores from measured parts.

    python -m benchmarks.scaling --output docs/results/scaling.md [--folder /large/disk] [--simulated 200]

Real Delphes events, repeated; every run is the command that the pipeline calls, in a process of its own. Writes the
page itself.
"""

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import inputs, machine
from benchmarks.measure import Usage, command, finish, run, start
from detector.common.atomic import write_text

# 1x to 100x; that of the start.
EVENTS, FEW = (105, 1050, 10_500), 12

# Files that one process might make; of 1,000 events it makes 18.
SHARED = (1, 2, 6, 18)

# Simulated files by which the start of a process and of a file are told apart.
SEVERAL = 3

CORES = 500


@dataclass(frozen=True)
class Row:
    """Conversions side by side.

    Attributes:
        processes: so many at once.
        events: of each.
        processor, wall: seconds of the slowest.
        memory: MB of one, at most.
    """

    processes: int
    events: int
    processor: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Line:
    """Processor seconds of a process: to start, and for each event."""

    start: float
    each: float

    @classmethod
    def through(cls, few: tuple[int, float], many: tuple[int, float]) -> "Line":
        """The line through two measurements, (events, seconds) each."""
        each = (many[1] - few[1]) / (many[0] - few[0])
        return cls(few[1] - each * few[0], each)


@dataclass(frozen=True)
class Simulating:
    """Processor seconds of a job that simulates files: to start, for each file, and for each event."""

    start: float
    file: float
    each: float

    @classmethod
    def of(cls, few: int, one: float, several: float, many: tuple[int, float]) -> "Simulating":
        """From three jobs: of one file of few events, of several such files, and of one file, (events, seconds)."""
        line = Line.through((few, one), many)
        file = (several - one) / (SEVERAL - 1) - few * line.each
        return cls(line.start - file, file, line.each)


@dataclass(frozen=True)
class Parts:
    """What a campaign is made of."""

    simulate: Simulating
    convert: Line


@dataclass(frozen=True)
class Campaign:
    """Files, events in each, files that one conversion takes; those of workflow/config/paper.yaml."""

    files: int = 4500
    events: int = 1000
    files_per_job: int = 10


@dataclass(frozen=True)
class Model:
    """A campaign's two large stages: number of processes, seconds of work and of starting of each."""

    simulations: tuple[int, float, float]
    conversions: tuple[int, float, float]

    @property
    def core_hours(self) -> float:
        """Of all processes."""
        return sum(n * (work + begin) for n, work, begin in (self.simulations, self.conversions)) / 3600

    @property
    def start_share(self) -> float:
        """Of starting, in all processor time."""
        return sum(n * begin for n, _, begin in (self.simulations, self.conversions)) / 3600 / self.core_hours

    def minutes_on(self, cores: int) -> float:
        """Until the last process of each stage has ended, if no core waits for anything else."""
        stages = (self.simulations, self.conversions)
        return sum(math.ceil(n / cores) * (work + begin) for n, work, begin in stages) / 60


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="page to write, Markdown")
    parser.add_argument("--folder", type=Path, help="where the events go; a temporary folder if not given")
    parser.add_argument("--simulated", type=int, default=200, help="events to simulate")
    options = parser.parse_args()
    about = machine.describe()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = conversions(Path(folder))
        parts = measured(Path(folder), rows, options.simulated)
    text = page(rows, parts, about | {"load_at_end": machine.load()})
    write_text(options.output, text)
    print(text)


def conversions(folder: Path) -> list[Row]:
    """Each number of events, by one process and by two at once; one before them compiles."""
    side_by_side(folder, FEW, 1)
    return [side_by_side(folder, n, k) for n in (FEW, *EVENTS) for k in (1, 2)]


def side_by_side(folder: Path, n_events: int, processes: int) -> Row:
    """Some conversions, all at once, on the cores that the system gives them."""
    given = inputs.delphes_file(folder, n_events)
    lines = [command("jetimg", "convert", given, "--output", folder / f"{k}.h5") for k in range(processes)]
    running = [start(line) for line in lines]
    used = [finish(process, line) for process, line in zip(running, lines, strict=True)]
    slowest = (max(getattr(one, name) for one in used) for name in ("processor", "wall", "memory"))
    return Row(processes, n_events, *slowest)


def measured(folder: Path, rows: list[Row], n_simulated: int) -> Parts:
    """The parts of the model: conversion from the table's runs of one process, the others measured here."""
    alone = {row.events: row.processor for row in rows if row.processes == 1}
    longest = max(alone)
    pool, few = folder / "pool.npz", max(n_simulated // 10, 1)
    run(command("detector", "pool", "--seed", 1, "--events", 1000, "--output", pool))
    simulate(folder / "first", pool, 1, 1)  # compiles
    calls = {"one": (few, 1), "several": (few, SEVERAL), "many": (n_simulated, 1)}
    used = {name: simulate(folder / name, pool, *call).processor for name, call in calls.items()}
    return Parts(
        simulate=Simulating.of(few, used["one"], used["several"], (n_simulated, used["many"])),
        convert=Line.through((FEW, alone[FEW]), (longest, alone[longest])),
    )


def simulate(folder: Path, pool: Path, n_events: int, n_files: int) -> Usage:
    """One job of a campaign, that makes some files."""
    files = [f"--file={number:05d} --pool {pool}" for number in range(n_files)]
    where = ["--folder", folder, "--logs", folder, "--events", n_events, "--output", folder / "job.tsv"]
    given = ["--sample", "tt", "--events", n_events, "--seed", 1]
    return run(command("jetimg", "campaign", "simulate", *files, *where, "--", *given))


def model(parts: Parts, campaign: Campaign, shared: int) -> Model:
    """A campaign whose simulating processes make some files each."""
    jobs = math.ceil(campaign.files / campaign.files_per_job)
    events, converted = campaign.events * shared, campaign.events * campaign.files_per_job
    begin = parts.simulate.start + shared * parts.simulate.file
    return Model(
        (math.ceil(campaign.files / shared), parts.simulate.each * events, begin),
        (jobs, parts.convert.each * converted, parts.convert.start),
    )


def page(rows: list[Row], parts: Parts, about: dict[str, Any]) -> str:
    """The page, Markdown."""
    table = "\n".join(map(_line, rows))
    models = [(shared, model(parts, Campaign(), shared)) for shared in SHARED]
    shares = "\n".join(
        f"| {shared} | {one.core_hours:.1f} | {100 * one.start_share:.1f} % | {one.minutes_on(CORES):.1f} |"
        for shared, one in models
    )
    loads = f"load {about['load'][0]:g} at the start, {about['load_at_end'][0]:g} at the end"
    return PAGE.format(
        table=table, shares=shares, loads=loads, about=about, cores=CORES, campaign=Campaign(),
        simulate=parts.simulate, convert=parts.convert,
        simulate_ms=1000 * parts.simulate.each, convert_ms=1000 * parts.convert.each,
    )  # fmt: skip


def _line(row: Row) -> str:
    each, rate = 1000 * row.processor / row.events, row.processes * row.events / row.processor
    times = f"{row.processor:.2f} | {row.wall:.2f} | {each:.2f} | {rate:,.0f}"
    return f"| {row.processes} | {row.events:,} | {times} | {row.memory:.0f} |"


PAGE = """# Scaling: processes, events, and a model of {cores} cores

Written by `python -m benchmarks.scaling --output docs/results/scaling.md`. {about[processor]}, {about[cores]} cores,
commit {about[commit]}, **{loads}**. Real Delphes events, repeated. Processor seconds are user and system time of the
slowest process; wall seconds are those of the machine as it was.

| processes | events each | processor s | wall s | ms an event | events a second, by processor time | peak MB |
| --: | --: | --: | --: | --: | --: | --: |
{table}

Processes share nothing but memory and disk: two of them take more processor time than one only as far as these are
shared.

## Model of {cores} cores

From parts measured in the same run:

- a job that simulates (tt, 50 pile-up collisions): {simulate.start:.2f} s to start, {simulate.file:.2f} s for each file
  (Pythia's start, the check, the record), {simulate_ms:.1f} ms an event
- a conversion: {convert.start:.2f} s to start, {convert_ms:.2f} ms an event

The campaign is that of `workflow/config/paper.yaml`: {campaign.files:,} files of {campaign.events:,} events,
{campaign.files_per_job} to a conversion. No core waits for a disk or for the scheduler.

A job makes as many files as take four minutes, 18 of 1,000 events. The other lines say what is won by that
(`simulation: {{files_per_job: ...}}`).

| files a simulating job | core hours | of it starting | minutes on {cores} cores |
| --: | --: | --: | --: |
{shares}
"""


if __name__ == "__main__":
    main()
