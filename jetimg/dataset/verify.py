"""Proof that a data set, or one event file, is complete: layout, invariants, checksums, accounting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetimg.common import checksums
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, parts
from jetimg.dataset.plan import SPLITS
from jetimg.event_file import invariants
from jetimg.event_file.store import Columns, Reader

# Events checked at once.
STEP = 2000

# Of many entries with the same fault, so many are named.
MOST_NAMED = 10


@dataclass
class Report:
    """What was checked and what is wrong.

    Attributes:
        n_files: event files checked.
        n_events: events in them.
        faults: one line each; none means that all is well.
    """

    n_files: int = 0
    n_events: int = 0
    faults: list[str] = field(default_factory=list)


def verify(path: str | Path, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Checks a data set's folder, or one event file.

    Args:
        path: the folder with a manifest, or an event file.
        progress: called with the number of events done since its last call.

    Raises:
        DataError: there is nothing to check.
    """
    report, path = Report(), Path(path)
    if path.is_dir():
        _verify_folder(path, report, progress)
    elif path.is_file():
        _verify_file(path, report, progress)
    else:
        raise DataError(f"{path}: no such file or folder")
    return report


@dataclass(frozen=True)
class _Seen:
    """Events of a shard: the numbers of their inputs in the manifest (-1 if not there) and their entries."""

    split: str
    file: NDArray[np.int64]
    entry: NDArray[np.int64]


def _verify_folder(folder: Path, report: Report, progress: Callable[[int], None]) -> None:
    """Checks a data set, a release, or one record of a release in several."""
    folders = parts.folders(folder)
    contents = manifest.read(folders[0])
    seen: list[_Seen] = []
    numbers: list[tuple[int, int]] = []
    for part in folders:
        record = parts.record(part, contents)
        numbers.append((record.number, record.of))
        report.faults += _record_faults(part, record, contents)
        for shard in contents.shards:
            if shard.name in record.shards:
                seen += _verify_shard(part, shard, contents, report, progress)
    if len(folders) > 1 and sorted(numbers) != [(number, len(folders)) for number in range(1, len(folders) + 1)]:
        found = ", ".join(f"{number} of {of}" for number, of in sorted(numbers))
        report.faults.append(f"{folder}: records {found}: not all parts of one release, once each")
    # Events of a bad shard are not counted: its inputs are not accused of having lost them.
    counted = len(seen) == sum(1 for shard in contents.shards if shard.n_events)
    _verify_accounting(contents, seen, report, complete=counted and len(folders) == numbers[0][1])


def _record_faults(folder: Path, record: parts.ReleaseRecord, contents: manifest.Manifest) -> Iterator[str]:
    """What is wrong with a folder as a whole: other shards than it should have, other checksums."""
    known = {shard.name: shard.sha256 for shard in contents.shards}
    if manifest.read(folder) != contents:
        yield f"{folder / manifest.NAME}: a record of another data set than its neighbour"
    for name in sorted(set(record.shards) - set(known)):
        yield f"{folder / parts.NAME}: names {name}, which is not in the manifest"
    for stray in sorted({path.name for path in folder.glob("*.h5")} - set(record.shards)):
        yield f"{folder / stray}: not in the manifest"
    yield from checksums.faults(folder, {name: known[name] for name in record.shards if name in known})


def _verify_shard(
    folder: Path, shard: manifest.Shard, contents: manifest.Manifest, report: Report, progress: Callable[[int], None]
) -> Iterator[_Seen]:
    path = folder / shard.name
    if not path.is_file():
        report.faults.append(f"{path}: missing")
        return
    if (size := path.stat().st_size) != shard.bytes:
        report.faults.append(f"{path}: {size} bytes, in the manifest {shard.bytes}")
        return
    if (found := sha256(path)) != shard.sha256:
        report.faults.append(f"{path}: its sha256 is {found}, in the manifest {shard.sha256}")
        return
    events = _verify_file(path, report, progress)
    if events is None:
        return
    with Reader(path) as reader:
        said = {"split": shard.split, "n_events": shard.n_events} | {
            key: getattr(contents, key) for key in ("class_names", "config", "detector_sha256")
        }
        report.faults += [
            f"{path}: its {key} is not the manifest's" for key in said if reader.attributes[key] != said[key]
        ]
        if fault := manifest.other_geometry(reader, contents):
            report.faults.append(fault)
        number = {row.sha256: k for k, row in enumerate(contents.inputs) if row.ok}
        inputs = np.array([number.get(row.sha256, -1) for row in reader.files], np.int64)
        report.faults += _sample_faults(path, reader, events, inputs, contents)
    yield _Seen(shard.split, inputs[events["file"]], events["entry"].astype(np.int64))


def _sample_faults(
    path: Path, reader: Reader, events: Columns, inputs: NDArray[np.int64], contents: manifest.Manifest
) -> Iterator[str]:
    """Each event is of its input's sample."""
    names = reader.attributes["sample_names"]
    for file, sample in np.unique(np.stack([events["file"], events["sample"]]), axis=1).T:
        if inputs[file] >= 0 and contents.inputs[inputs[file]].sample != names[sample]:
            yield f"{path}: events of {contents.inputs[inputs[file]].name} stand there as sample {names[sample]}"


def _verify_file(path: Path, report: Report, progress: Callable[[int], None]) -> Columns | None:
    """Checks one event file; returns its table of events, or None if that cannot be trusted."""
    wrong: list[str] = []
    events: Columns = {}
    try:
        with Reader(path) as reader:
            wrong += [f"{path}: `{name}` is not in the layout" for name in reader.unknown()]
            found = []
            for start, stop in reader.steps(STEP):
                batch = reader.read(start, stop)
                wrong += [f"{path}: from event {start}: {fault}" for fault in invariants.faults(batch, reader)]
                found.append({name: batch.tables["events"][name] for name in ("file", "entry", "sample")})
                progress(len(batch))
            events = {name: np.concatenate([part[name] for part in found]) for name in found[0]} if found else {}
            if events and not wrong:
                wrong += [f"{path}: {fault}" for fault in _entry_faults(events, reader)]
            report.n_files += 1
            report.n_events += reader.n_events
    except DataError as error:
        wrong.append(str(error))
    report.faults += wrong
    return None if wrong or not events else events


def _entry_faults(events: Columns, reader: Reader) -> Iterator[str]:
    """No entry of an input stands twice in a file; in an event file that is not a shard, each stands there once."""
    order = np.lexsort((events["entry"], events["file"]))
    file, entry = events["file"][order], events["entry"][order]
    twice = np.flatnonzero((file[1:] == file[:-1]) & (entry[1:] == entry[:-1]))
    for row in twice[:MOST_NAMED]:
        yield f"entry {entry[row]} of {reader.files[file[row]].name} stands there more than once"
    if reader.attributes["kind"] != "shard" and len(twice) == 0:
        counts = np.bincount(file, minlength=len(reader.files)).tolist()
        for row, count in zip(reader.files, counts, strict=True):
            if count != (row.entries if row.verdict == "ok" else 0):
                yield f"{count} events of {row.name}, which has {row.entries} and the verdict {row.verdict}"


def _verify_accounting(contents: manifest.Manifest, seen: list[_Seen], report: Report, complete: bool) -> None:
    """Every event of every good input stands in exactly one split, exactly once.

    For one record of several, it only checks that no event occurs twice or in a wrong split.
    """
    file = np.concatenate([part.file for part in seen] or [np.empty(0, np.int64)])
    entry = np.concatenate([part.entry for part in seen] or [np.empty(0, np.int64)])
    numbers = np.array([SPLITS.index(part.split) for part in seen], np.int64)
    split = np.repeat(numbers, [len(part.file) for part in seen])
    if np.any(file < 0):
        report.faults.append(f"{np.sum(file < 0)} events of inputs that the manifest does not list as good")
        file, entry, split = (column[file >= 0] for column in (file, entry, split))
    order = np.lexsort((entry, file))
    twice = order[1:][(np.diff(file[order]) == 0) & (np.diff(entry[order]) == 0)]
    for event in twice[:MOST_NAMED]:
        name = contents.inputs[file[event]].name
        report.faults.append(f"{name}: entry {entry[event]} stands in the data set more than once")
    cells = np.bincount(file * len(SPLITS) + split, minlength=len(contents.inputs) * len(SPLITS))
    for row, counts in zip(contents.inputs, cells.reshape(-1, len(SPLITS)).tolist(), strict=True):
        report.faults += _input_faults(row, dict(zip(SPLITS, counts, strict=True)), contents, complete)


def _input_faults(
    row: manifest.InputEvents, counts: dict[str, int], contents: manifest.Manifest, complete: bool
) -> Iterator[str]:
    # Manifests of format 1.0 name no split that came later.
    listed = {split: row.events.get(split, 0) for split in counts}
    if counts != listed if complete else any(n > listed[split] for split, n in counts.items()):
        yield f"{row.name}: events {counts} in the shards, {listed} in the manifest"
    if complete and row.ok and sum(counts.values()) != row.entries:
        yield f"{row.name}: {row.entries} events in, {sum(counts.values())} out"
    if row.sample not in contents.samples:
        yield f"{row.name}: of sample {row.sample}, which the manifest does not know"
        return
    test = contents.samples[row.sample].test
    if wrong := [split for split, n in counts.items() if n and test != (split == "test")]:
        yield f"{row.name}: events of sample {row.sample} in {', '.join(wrong)}"
