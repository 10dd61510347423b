"""Memory and time of each step as the number of events grows, and what 4.4 million events would take.

    python -m benchmarks.scale --output scale.json [--folder /large/disk] [--files 96]

Every step is the command that the pipeline calls, in a process of its own. Event files of the large set are one
converted file under other names: what is planned, gathered and verified is of full size, only the events repeat.
Wall time is that of the machine as it is; processor time is less disturbed by other programs. Needs some 5 GB.
"""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import inputs, machine
from benchmarks.measure import Usage, command, run
from detector.common.atomic import write_text

# The published data set: 4,380,973 events.
EVENTS = 4_380_973
EVENTS_A_FILE = 1000

# Events of a Delphes file: 1x, and 10x; ten of the latter are 100x.
SHORT, LONG = 1050, 10_500


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--folder", type=Path, help="where the events go; a temporary folder if not given")
    parser.add_argument("--files", type=int, default=96, help=f"event files of {SHORT} events in the large set")
    parser.add_argument("--events", type=int, default=300, help="events to simulate")
    options = parser.parse_args()
    begun = machine.describe()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        steps = measure(Path(folder), options.files, options.events)
    found = {"machine": begun | {"load_at_end": machine.load()}, "steps": steps, "full_size": extrapolate(steps)}
    write_text(options.output, json.dumps(found, indent=1) + "\n")
    for part in ("steps", "full_size"):
        for row in found[part]:
            print(*(f"{name} {value}" for name, value in row.items()), sep="; ")


def measure(folder: Path, n_files: int, n_simulated: int) -> list[dict[str, Any]]:
    """All steps: what they were given, what they used."""
    steps = simulations(folder, n_simulated)
    steps += conversions(folder)
    few = inputs.event_files(folder / "convert-1050.h5", folder / "few", n_files // 10 or 1)
    many = inputs.event_files(folder / "convert-1050.h5", folder / "many", n_files)
    for files in (few, many):
        for per_shard in (1000, 10_000):
            steps += shards(files, per_shard, all_of_them=files is many and per_shard == 10_000)
    return steps


def simulations(folder: Path, n_events: int) -> list[dict[str, Any]]:
    """The embedded simulation, with few events and with many, so that the start falls out."""
    pool = folder / "pool.npz"
    rows = [_row("pool", 1000, run(command("detector", "pool", "--seed", 1, "--events", 1000, "--output", pool)), pool)]
    for n in (1, n_events // 10, n_events):
        output = folder / f"simulated-{n}.root"
        given = ["simulate", "--sample", "tt", "--events", n, "--seed", 1, "--pool", pool, "--output", output]
        rows.append(_row("simulate", n, run(command("detector", *given)), output))
    return [row for row in rows if row["events"] > 1]  # the run of one event compiles, once for a machine


def conversions(folder: Path) -> list[dict[str, Any]]:
    """1x, 10x, 100x; the last from one file under ten names."""
    rows = []
    for n, number in ((SHORT, 1), (LONG, 1), (LONG, 10)):
        given = inputs.delphes_file(folder, n)
        files, output = inputs.links(given, number) if number > 1 else [given], folder / f"convert-{n * number}.h5"
        rows.append(_row("convert", n * number, run(command("jetimg", "convert", *files, "-o", output)), output))
    return [*rows, _row("check", LONG, run(command("jetimg", "check", given)), given)]


def shards(files: list[Path], per_shard: int, all_of_them: bool) -> list[dict[str, Any]]:
    """Plan and one shard; if all of them, manifest and verify too."""
    folder = files[0].parent / f"shards-{per_shard}"
    folder.mkdir()
    total = SHORT * len(files)
    listed, plan = folder / "files.txt", folder / "plan.json"
    listed.write_text("\n".join(map(str, files)))
    given = ["plan", f"@{listed}", "--events-per-shard", per_shard, "-o", plan]
    rows = [_row("plan", total, run(command("jetimg", *given)), plan, set=total, shard=per_shard)]
    names = shard_names(plan) if all_of_them else ["train-00000.h5"]
    used = [run(command("jetimg", "shard", plan, "-o", folder / name)) for name in names]
    n_events = total if all_of_them else min(per_shard, total)
    one = [_row("shard", n_events, together(used), folder / names[0], set=total, shard=per_shard)]
    if not all_of_them:
        return rows + one
    steps = [["manifest", plan, folder], ["verify", folder]]
    one += [_row(step[0], total, run(command("jetimg", *step)), plan, set=total, shard=per_shard) for step in steps]
    return rows + one


def shard_names(plan: Path) -> list[str]:
    """The shards of a plan."""
    from jetimg.dataset import plan as planning

    return list(planning.read(plan).shards())


def together(used: list[Usage]) -> Usage:
    """Several processes, one after the other: times add up, the largest peak counts."""
    return Usage(sum(u.processor for u in used), sum(u.wall for u in used), max(u.memory for u in used))


def extrapolate(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Core hours and disk of the full set: for each step, the time of an event in the largest run of it.

    Simulation has its start apart, once a file. Days on two cores and hours on 500, as if no core ever waited.
    """
    few, many = [step for step in steps if step["step"] == "simulate"]
    each = (many["processor"] - few["processor"]) / (many["events"] - few["events"])
    begin = max(few["processor"] - each * few["events"], 0.0)
    hours = {"simulate": EVENTS * (each + begin / EVENTS_A_FILE) / 3600}
    disk = {"simulate": many["bytes"] / many["events"] * EVENTS / 1e9}
    for name in ("check", "convert", "plan", "shard", "manifest", "verify"):
        largest = max((step for step in steps if step["step"] == name), key=lambda step: step["events"])
        hours[name] = EVENTS * largest["processor"] / largest["events"] / 3600
        # A shard of repeated events packs better than one of real ones: it is counted like the event files.
        if name in ("convert", "shard"):
            disk[name] = bytes_an_event(steps) * EVENTS / 1e9
    rows = [{"step": name, "core_hours": value, "disk_gb": disk.get(name, 0.0)} for name, value in hours.items()]
    rows.append({"step": "all", "core_hours": sum(hours.values()), "disk_gb": sum(disk.values())})
    return [
        {name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()}
        | {"days_on_2": round(row["core_hours"] / 48, 2), "hours_on_500": round(row["core_hours"] / 500, 3)}
        for row in rows
    ]


def bytes_an_event(steps: list[dict[str, Any]]) -> float:
    """Bytes an event of the longest event file."""
    step = max((step for step in steps if step["step"] == "convert"), key=lambda step: step["events"])
    return float(step["bytes"] / step["events"])


def _row(step: str, n_events: int, used: Usage, output: Path, **more: int) -> dict[str, Any]:
    figures = {name: round(value, 2) for name, value in asdict(used).items()}
    print(step, n_events, figures, flush=True)
    return {"step": step, "events": n_events} | more | figures | {"bytes": output.stat().st_size}


if __name__ == "__main__":
    main()
