"""Small campaigns of random event files, and data sets made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.common.checksums import sha256
from jetimg.common.sealed_json import opened, sealed
from jetimg.dataset import manifest, shard
from jetimg.dataset.plan import Plan, Sharding, make
from jetimg.event_file import store
from tests.helpers.batches import attributes, random_batch

SHARDING = Sharding(seed=5, validation_fraction=0.3, test_fraction=0.0, events_per_shard=25, block=3)


def event_file(folder: Path, name: str, sample: str, sizes: list[int], bad: int = 0, **config: Any) -> Path:
    """An event file of inputs with these numbers of events, and some bad inputs."""
    rng = np.random.default_rng([len(name), *name.encode()])
    path = folder / f"{name}.h5"
    with store.create(path, attributes(sample) | config) as writer:
        for number, size in enumerate(sizes):
            batch = random_batch(rng, size, most_hits=6)
            batch.tables["events"]["file"][:] = number
            writer.append(batch)
            digest = f"{abs(hash_of(name, number)):064x}"
            writer.files.append(store.InputFile(f"{name}_{number}.root", digest, size))
        for number in range(bad):
            writer.files.append(store.InputFile(f"{name}_bad{number}.root", "", 7, "truncated", "cut off"))
    return path


def hash_of(name: str, number: int) -> int:
    return int.from_bytes(f"{name}/{number}".encode(), "big")


def campaign(folder: Path) -> list[Path]:
    """tt of two event files (one with a bad input), bb, and tth for testing: 41 + 7 + 30 + 20 events."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        event_file(folder, "tt_a", "tt", [20, 21], bad=1),
        event_file(folder, "tt_b", "tt", [7]),
        event_file(folder, "bb", "bb", [30]),
        event_file(folder, "tth", "tth", [5, 0, 15]),
    ]


def planned(paths: list[Path], sharding: Sharding = SHARDING) -> Plan:
    """A plan; a sample is named only if it is there, as others are taken for misspelt."""
    there = {path.stem.partition("_")[0] for path in paths}
    return make(paths, sharding, sorted({"tth"} & there), {"tt": 25} if "tt" in there else {})


def dataset(folder: Path, plan: Plan) -> Path:
    """All shards and the manifest of a plan."""
    folder.mkdir()
    for name in plan.shards():
        shard.make(plan, name, folder / name)
    manifest.make(plan, folder)
    return folder


def events_in(path: Path) -> list[tuple[str, int]]:
    """(sha256 of the input, entry) of each event of an event file, in its order."""
    with store.Reader(path) as reader:
        events = reader.read().tables["events"]
        digests = [row.sha256 for row in reader.files]
    return [(digests[file], int(entry)) for file, entry in zip(events["file"], events["entry"], strict=True)]


def rewrite(path: Path, keep: np.ndarray | None = None, **changes: Any) -> None:
    """Writes a shard again with some of its events and other attributes, and corrects the manifest's checksums."""
    with store.Reader(path) as reader:
        batch, files, own = reader.read(), reader.files, dict(reader.attributes)
    keep = np.arange(len(batch)) if keep is None else keep
    for key in ("format", "format_version", "n_events", "complete"):
        del own[key]
    with store.create(path, own | changes) as writer:
        writer.append(batch.take(keep))
        writer.files += files
    list_again(path, n_events=len(keep))


def list_again(path: Path, **more: Any) -> None:
    """Corrects what a manifest says of a shard that was changed."""
    row = {"sha256": sha256(path), "bytes": path.stat().st_size} | more
    edit_manifest(path.parent, lambda content: next(s for s in content["shards"] if s["name"] == path.name).update(row))


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes what a manifest says; its checksum fits again."""
    content = opened(folder / manifest.NAME, (folder / manifest.NAME).read_bytes())
    change(content)
    (folder / manifest.NAME).write_text(sealed(content))
