"""A campaign of many small files, some of them bad in every way: is each accounted for, and what does that take?

    python -m benchmarks.small_files FOLDER [--files 2000] [--bad 0.05] [--cores 2]

makes the files (two events of the embedded simulation each, no two alike), runs `snakemake dataset` with policy `skip`,
and once more when nothing is left to do. It compares every file's verdict in the manifest with what was done to it,
counts the events, and prints tables. Seconds are of the wall clock, processor seconds of all processes; the peak of
memory is Snakemake's own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import uproot
import yaml

from detector import Detector, load
from detector.common.progress import bar
from detector.simulation import seeds
from detector.simulation.fast import branches, root_writer
from detector.simulation.fast.crossing import SimulatedEvent, Simulation
from detector.simulation.pileup import Pool, make_pool
from detector.simulation.processes import settings
from detector.simulation.pythia import Generator
from jetimg.dataset import manifest

ROOT = Path(__file__).parents[1]
SHARES = {"tt": 0.5, "bb": 0.3, "tth": 0.2}
EVENTS, POOL, SEED = 2, 400, 1
POLICY = {"bad_files": "skip", "max_bad_share": 0.1}


class Fault(NamedTuple):
    """What is done to a file, and the verdicts that say so."""

    name: str
    verdicts: tuple[str, ...]


FAULTS = (
    Fault("no ROOT file", ("unreadable",)),
    Fault("no byte", ("unreadable",)),
    Fault("cut", ("truncated", "unreadable")),
    # The bytes may lie in branches that are not read: then the file is as good as before.
    Fault("bytes changed", ("unreadable", "bad-value", "truncated", "ok")),
    Fault("another tree", ("no-tree",)),
    Fault("no events", ("empty",)),
    Fault("an event less", ("short",)),
    Fault("no hard process", ("no-hard-process",)),
    Fault("pt is not a number", ("bad-value",)),
    Fault("missing", ("unreadable",)),
)


def main() -> None:
    """Makes the files where they are not there, runs, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--bad", type=float, default=0.05, help="share of bad files")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    folder = options.folder.resolve()
    made = make(folder, options.files, options.bad)
    runs = {name: _run(folder, options.cores) for name in ("first run", "nothing to do")}
    wrong = compare(folder, made)
    print(report(folder, made, runs))
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


def make(folder: Path, files: int, share: float) -> dict[str, Fault | None]:
    """The files and their configuration; what was done to each file, by its name.

    Args:
        folder: for all of it; what is there already stays.
        files: how many.
        share: of them that are bad, evenly spread.
    """
    noted = folder / "faults.json"
    if not noted.is_file():
        done: dict[str, str | None] = {}
        described = load()
        pool = make_pool(described.pileup, POOL, seeds.generator(SEED, "pool", 0))
        for sample, part in SHARES.items():
            done |= _sample(folder, sample, round(files * part), share, Maker(described, pool, sample))
        (folder / "mine.yaml").write_text(yaml.safe_dump(configuration(done)))
        noted.write_text(json.dumps(done, indent=1))
    by_name = {fault.name: fault for fault in FAULTS}
    return {name: by_name.get(said or "") for name, said in json.loads(noted.read_text()).items()}


def configuration(files: Sequence[str] | dict[str, Any]) -> dict[str, Any]:
    """A campaign of these files by name, so that a missing one counts."""
    samples: dict[str, Any] = {sample: {"files": [], "events_per_file": EVENTS} for sample in SHARES}
    for name in files:
        samples[name.split("/")[1]]["files"].append(name)
    samples["tth"]["test"] = True
    sharding = {"events_per_shard": 500}
    return {"results": "out", "samples": samples, "sharding": sharding, "policy": POLICY}


class Maker:
    """Makes files of a sample, one event after the other out of one Pythia."""

    def __init__(self, described: Detector, pool: Pool, sample: str) -> None:
        self.described, self.sample = described, sample
        self._generator = Generator(settings(sample, 1500.0), seeds.generator(SEED, sample, 0))
        self._simulation = Simulation(described, pool, seeds.detector(SEED, sample, 0))

    def file(self, path: Path, fault: Fault | None) -> None:
        """A file of two events, or what a fault makes of it."""
        (records,) = self._generator.batches(EVENTS, EVENTS)
        if fault and fault.name == "no hard process":
            records = [each._replace(status=np.where(each.status // 10 == 2, 44, each.status)) for each in records]
        events = [self._simulation.event(record) for record in records]
        if fault and fault.name in CHANGES:
            events = CHANGES[fault.name](events)
        groups, flat = branches.groups(self.described), branches.flat(self.described)
        with root_writer.create(path, {"sample": self.sample}, groups, flat) as file:
            if events:
                branches.write(file, events, 0, self.described)
        if fault and fault.name in DAMAGES:
            DAMAGES[fault.name](path)


def _without_number(events: list[SimulatedEvent]) -> list[SimulatedEvent]:
    first, *others = events
    tracks = first.flow.tracks
    pt = np.where(np.arange(len(tracks.pt)) == 0, np.nan, tracks.pt)
    return [first._replace(flow=first.flow._replace(tracks=tracks._replace(pt=pt))), *others]


CHANGES: dict[str, Callable[[list[SimulatedEvent]], list[SimulatedEvent]]] = {
    "no events": lambda events: [],
    "an event less": lambda events: events[:-1],
    "pt is not a number": _without_number,
}


def _other_tree(path: Path) -> None:
    with uproot.recreate(path) as file:
        file["Other"] = {"x": np.arange(3.0)}


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 2000] = bytes(byte ^ 0x5A for byte in content[middle : middle + 2000])
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "no ROOT file": lambda path: path.write_text(f"{path}\n"),
    "no byte": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "bytes changed": _changed,
    "another tree": _other_tree,
    "missing": Path.unlink,
}


def _sample(folder: Path, sample: str, files: int, share: float, maker: Maker) -> dict[str, str | None]:
    """The files of a sample; of the bad ones, the faults in turn."""
    (folder / "delphes" / sample).mkdir(parents=True, exist_ok=True)
    done: dict[str, str | None] = {}
    with bar(sample, files) as progress:
        for number in range(files):
            bad = int((number + 1) * share) - int(number * share)  # evenly spread
            fault = FAULTS[int(number * share) % len(FAULTS)] if bad else None
            name = f"delphes/{sample}/{number:05d}.root"
            maker.file(folder / name, fault)
            done[name] = fault and fault.name
            progress(1)
    return done


def _run(folder: Path, cores: int) -> dict[str, float]:
    """Snakemake to the data set: seconds, processor seconds, and the peak of its own memory."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores)]
    command += ["--configfile", "mine.yaml", "--", "dataset"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = 0
    with (folder / "snakemake.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PATH": path}, stdout=log, stderr=log)
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{folder}/snakemake.log: exit code {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.monotonic() - begun, "processor": processor, "MB": peak / 1024}


def _peak(pid: int) -> int:
    """The most memory that a process has had, kB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def compare(folder: Path, made: dict[str, Fault | None]) -> list[str]:
    """What is wrong: a file that the manifest does not have, another verdict than its fault asks for, other counts."""
    found = manifest.read(folder / "out" / "dataset")
    inputs = {
        str(Path(each.name).relative_to(folder) if Path(each.name).is_absolute() else each.name): each
        for each in found.inputs
    }
    wrong = [f"{name}: not in the manifest" for name in made if name not in inputs]
    wrong += [f"{name}: nobody asked for it" for name in inputs if name not in made]
    for name, fault in made.items():
        expected = fault.verdicts if fault else ("ok",)
        if name in inputs and inputs[name].verdict not in expected:
            wrong.append(f"{name}: {inputs[name].verdict}, {fault.name if fault else 'a good file'}")
    good = EVENTS * sum(each.verdict == "ok" for each in inputs.values())
    there = sum(shard.n_events for shard in found.shards)
    return wrong + ([f"{there} events in shards, {good} in good files"] if there != good else [])


def report(folder: Path, made: dict[str, Fault | None], runs: dict[str, dict[str, float]]) -> str:
    """Two tables: verdicts by what was done, and what the runs took."""
    inputs = {Path(each.name).as_posix(): each for each in manifest.read(folder / "out" / "dataset").inputs}
    lines = ["| done to it | files | verdicts |", "|---|--:|---|"]
    for fault in (None, *FAULTS):
        names = [name for name, each in made.items() if each == fault]
        verdicts = Counter(each.verdict for key, each in inputs.items() if any(key.endswith(name) for name in names))
        said = ", ".join(f"{verdict} {number:,}" for verdict, number in verdicts.most_common())
        lines.append(f"| {fault.name if fault else 'nothing'} | {len(names):,} | {said} |")
    lines += ["", "| run | seconds | processor seconds | Snakemake's peak, MB |", "|---|--:|--:|--:|"]
    lines += [
        f"| {name} | {run['seconds']:.0f} | {run['processor']:.0f} | {run['MB']:.0f} |" for name, run in runs.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
