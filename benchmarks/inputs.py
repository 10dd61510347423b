"""What the benchmarks read: real Delphes events, repeated; and event files and shards of them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.repeat import repeat
from detector import load
from jetimg.event_file import store
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import ImageSettings
from jetimg.pfjet_format.exporter import export_reference

SAMPLES = ("bb", "tt", "hh", "WW", "qq", "tth")

# Where a reader of shards meets events in an order that is not their file's.
SEED = 0


# So few events come from the small files: a test wants them at once.
FEW = 64


def sources(n_events: int) -> list[Path]:
    """The larger set of real Delphes files, 300 events; for few events or without it those of tests/data, 12 events."""
    shared = sorted((ROOT.parent / "shared" / "delphes").glob("*.root"))
    if shared and n_events > FEW:
        return shared
    return [ROOT / "tests" / "data" / f"{name}.root" for name in SAMPLES]


def delphes_file(folder: Path, n_events: int) -> Path:
    """A Delphes file of n_events real events, repeated."""
    path = folder / f"delphes-{n_events}.root"
    if not path.exists():
        repeat(sources(n_events), path, n_events)
    return path


def links(path: Path, number: int) -> list[Path]:
    """One file under several names."""
    names = [path.with_name(f"{path.stem}-{k}.root") for k in range(number)]
    for name in names:
        name.unlink(missing_ok=True)
        os.link(path, name)
    return names


@dataclass(frozen=True)
class Shard:
    """A shard of real events, repeated in random order, and the same events in the published layout.

    Attributes:
        ours: the shard.
        variable: its events in variable-length columns.
        n_events: events in each.
    """

    ours: Path
    variable: Path
    n_events: int

    @classmethod
    def make(cls, folder: Path, n_events: int) -> "Shard":
        """Makes both files."""
        converted = folder / "converted.h5"
        convert(DelphesInputs(sources(n_events), "real"), converted, Setup(load(), ImageSettings()))
        with store.Reader(converted) as reader:
            events, rows = reader.read(), reader.files
        ours, random = folder / "shard.h5", np.random.default_rng(SEED)
        with store.create(ours, attributes("shard", "train")) as writer:
            writer.files += rows
            while writer.n_events < n_events:
                writer.append(events.take(random.permutation(len(events))[: n_events - writer.n_events]))
        export_reference([ours], folder / "variable.h5")
        return cls(ours, folder / "variable.h5", n_events)


def event_files(converted: Path, folder: Path, number: int) -> list[Path]:
    """Event files that hold the events of a converted file, each as if made from another Delphes file.

    Args:
        converted: an event file.
        folder: where they go.
        number: how many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with store.Reader(converted) as reader:
        events, rows = reader.read(), reader.files
        given = {name: value for name, value in reader.attributes.items() if name not in ("complete", "n_events")}
    paths = [folder / f"events-{k:04d}.h5" for k in range(number)]
    for k, path in enumerate(paths):
        with store.create(path, given) as writer:
            # No two inputs may have the same content or share events: the digests tell them apart.
            writer.files += [
                store.InputFile(f"{row.name}#{k}", f"{int(row.sha256, 16) ^ k:064x}", row.entries) for row in rows
            ]
            digest = np.arange(k * len(events) + 1, (k + 1) * len(events) + 1, dtype=np.uint64)
            columns = events.tables["events"] | {"digest": digest}
            writer.append(store.Batch(events.tables | {"events": columns}))
    return paths


def attributes(kind: str, split: str) -> dict[str, object]:
    """What an event file says of itself, for the default detector and settings."""
    return provenance(load(), ImageSettings()) | {"kind": kind, "split": split, "sample_names": ["real"]}
