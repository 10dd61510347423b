"""What is in a file, at a glance: event files, shards, Delphes files, and files of detections."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rich.console import Group, RenderableType

from detector import load
from jetimg.common.errors import BadFile, DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.tables import Sheet, facts, size
from jetimg.event_file.layout import EVERY, JAGGED
from jetimg.event_file.store import InputFile, Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.delphes_reader import inventory, wanted
from jetimg.imaging.delphes_tree import TREE
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.verdicts import check
from jetimg.reports import detections

# Events read at once; of their tables, only the small ones are.
STEP = 16384

# Rows of /files that are shown, of the good and of the bad ones.
SHOWN = 5

HDF5_MAGIC, ROOT_MAGIC = b"\x89HDF\r\n\x1a\n", b"root"


def describe(path: Path, setup: Setup | None = None) -> Group:
    """A file's content, to be printed by rich.

    Args:
        path: an event file, a shard, a Delphes file, or detections in HDF5.
        setup: against which a Delphes file is checked; the defaults if None.

    Raises:
        DataError: the file is none of these, or an event file that is damaged.
    """
    if path.is_dir():
        raise DataError(f"{path}: a folder; name one of its files, or try `jetimg summary {path}`")
    try:
        with path.open("rb") as file:
            head = file.read(len(HDF5_MAGIC))
    except OSError as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if head == HDF5_MAGIC:
        return detections.describe(path) if detections.is_detections(path) else _event_file(path)
    if head[: len(ROOT_MAGIC)] == ROOT_MAGIC:
        return _delphes_file(path, setup or Setup(load(), ImageSettings()))
    found = f"it begins with {head!r}" if head else "it is empty"
    raise DataError(f"{path}: {found}; expected an event file or a shard (HDF5), or a Delphes file (ROOT)")


@dataclass
class _Counts:
    """Events of each sample; jets, least and maximum pt (GeV) of each class."""

    events: list[int]
    jets: list[int]
    min_pt: list[float]
    max_pt: list[float]


def _event_file(path: Path) -> Group:
    with Reader(path) as reader:
        counts = _count(reader)
        parts: list[RenderableType] = [
            _head(reader),
            _samples(reader, counts),
            _classes(reader, counts),
            _tables(path, reader.n_events),
            _inputs(reader.files),
        ]
    return Group(*parts)


def _count(reader: Reader) -> _Counts:
    n_samples, n_classes = len(reader.attributes["sample_names"]), len(reader.attributes["class_names"])
    counts = _Counts([0] * n_samples, [0] * n_classes, [np.inf] * n_classes, [-np.inf] * n_classes)
    for start in range(0, reader.n_events, STEP):
        tables = reader.read(start, min(start + STEP, reader.n_events), ("events", "jets")).tables
        for number in range(n_samples):
            counts.events[number] += int(np.count_nonzero(tables["events"]["sample"] == number))
        for number in range(n_classes):
            pt = tables["jets"]["pt"][tables["jets"]["class_id"] == number]
            counts.jets[number] += len(pt)
            counts.min_pt[number] = float(np.min(pt, initial=counts.min_pt[number]))
            counts.max_pt[number] = float(np.max(pt, initial=counts.max_pt[number]))
    return counts


def _head(reader: Reader) -> RenderableType:
    of, n_bytes = reader.attributes, reader.path.stat().st_size
    settings = {key: value for key, value in of["config"].items() if not isinstance(value, dict | list)}
    per_event = f", {size(n_bytes / reader.n_events)} an event" if reader.n_events else ""
    pairs: list[tuple[str, object]] = [
        ("kind", {"events": "event file"}.get(of.get("kind", "?"), of.get("kind", "?"))),
        ("format", f"{of['format']} {of['format_version']}"),
        ("split", of["split"]),
        ("events", reader.n_events),
        ("size", f"{size(n_bytes)}{per_event}"),
        ("image", f"{of['image_shape'][0]} x {of['image_shape'][1]} pixels (eta, phi), {', '.join(of['channels'])}"),
        ("detector", f"{of['detector']}, sha256 {of['detector_sha256'][:12]}..."),
        ("settings", _joined(settings)),
        ("software", _joined(of["software"])),
    ]
    if of.get("largest_relative_error"):
        pairs.append(("rounding", f"values are off by {of['largest_relative_error']:.2g} at most, relative"))
    return facts(str(reader.path), pairs)


def _joined(mapping: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in mapping.items())


def _samples(reader: Reader, counts: _Counts) -> RenderableType:
    rows = list(zip(reader.attributes["sample_names"], counts.events, strict=True))
    return Sheet("Samples", ("sample", "events"), rows)


def _classes(reader: Reader, counts: _Counts) -> RenderableType:
    rows = [
        (name, jets, jets / reader.n_events if reader.n_events else None, *((low, high) if jets else (None, None)))
        for name, jets, low, high in zip(
            reader.attributes["class_names"], counts.jets, counts.min_pt, counts.max_pt, strict=True
        )
    ]
    return Sheet("Jets", ("class", "jets", "an event", "minimum pt [GeV]", "maximum pt [GeV]"), rows)


def _tables(path: Path, n_events: int) -> RenderableType:
    """What each table holds and takes, from the file's own book-keeping: no chunk of hits is read."""
    rows = []
    with h5py.File(path, "r") as file:
        for name in (table for table in EVERY if table in file):
            group = file[name]
            n_rows = int(group["indptr"][-1]) if name in JAGGED else n_events
            stored = sum(column.id.get_storage_size() for column in group.values())
            full = sum(column.size * column.dtype.itemsize for column in group.values())
            ratio = full / stored if stored else None
            each = (n_rows / n_events, size(stored / n_events)) if n_events else (None, None)
            rows.append((name, n_rows, *each, ratio))
    return Sheet("Tables", ("table", "rows", "rows an event", "stored an event", "compression"), rows)


def _inputs(files: list[InputFile]) -> RenderableType:
    bad = [row for row in files if row.verdict != "ok"]
    good = [row for row in files if row.verdict == "ok"]
    rows = [(row.name, row.entries, row.verdict, row.reason) for row in (*bad[:SHOWN], *good[:SHOWN])]
    left = [f"{len(of) - SHOWN:,} more {kind}" for of, kind in ((bad, "bad"), (good, "good")) if len(of) > SHOWN]
    title = f"Inputs: {len(files):,} files, {len(bad):,} of them bad"
    return Sheet(title, ("file", "events", "verdict ", "reason "), rows, note=", ".join(left))


def _delphes_file(path: Path, setup: Setup) -> Group:
    verdict = check(path, setup.detector, setup.settings)
    pairs: list[tuple[str, object]] = [("kind", "Delphes file"), ("size", size(verdict.size))]
    try:
        entries, names = inventory(path)
    except BadFile:
        return Group(facts(str(path), [*pairs, *_verdict(verdict.verdict, verdict.reason)]))
    pairs += [("tree", f"{TREE}, {entries:,} events, {len(names):,} branches")]
    return Group(
        facts(str(path), [*pairs, *_verdict(verdict.verdict, verdict.reason)]), _branches(setup.settings, names)
    )


def _branches(settings: ImageSettings, names: frozenset[str]) -> RenderableType:
    want = wanted(settings)
    uses = {name: ["required"] for name in want.required}
    for group, of in want.optional.items():
        for name in of:
            uses.setdefault(name, []).append(group)
    rows = [(name, ", ".join(use), "yes" if name in names else "no") for name, use in uses.items()]
    return Sheet("Branches that these settings use", ("branch", "needed for ", "in the file "), rows)


def _verdict(verdict: str, reason: str) -> list[tuple[str, object]]:
    return [("verdict", f"{verdict}: {reason}" if reason else verdict)]
