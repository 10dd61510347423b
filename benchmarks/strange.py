"""Good files of every kind that is ours, and how to make their content strange; for `benchmarks.fuzz`."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

from benchmarks.faulty_files import Kind, kinds
from detector import load
from detector.common.errors import DataError as SimulationError
from jetimg.common.errors import DataError
from jetimg.common.sealed_json import KEY, sealed
from jetimg.dataset import manifest
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Reader
from jetimg.release import metadata
from models.evaluation import detection_files
from models.evaluation.event_set import EventSet
from models.inference import detect as detecting
from models.inference.detector import Detector
from models.networks import config as network_config
from models.trained import checkpoint
from workflow.campaign.config import parse
from workflow.campaign.errors import ConfigError

Random = np.random.Generator
# What takes the place of a value.
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 7, 2**31, 2**63, 2**80, -(2**63), 0.5, -1e-30, 1e308, float("nan"), float("inf"), "", "x", "é\n",
    "../../etc/passwd", "/dev/zero", "0" * 5000, [], [[]], {}, {"": None}, [None] * 2000, "1e400", "2026-13-45",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        name: of the kind.
        path: a good file of it.
        change: makes its content strange, and says how.
        read: reads it as the pipeline does.
        refusals: how it says that a file is none of its kind.
    """

    name: str
    path: Path
    change: Callable[[Path, Random], str]
    read: Callable[[], Any]
    refusals: tuple[type[Exception], ...] = (DataError, SimulationError, ConfigError)


def targets(folder: Path) -> list[Target]:
    """All kinds, each with a good file that is read once."""
    made = {kind.name: kind for kind in kinds(folder, KINDS)}
    found = [*_texts(folder, made), *_tables(folder, made)]
    for target in found:
        target.read()
    return found


KINDS = ("event file", "shard", "manifest", "plan", "record", "receipt", "checkpoint", "Delphes")


def _texts(folder: Path, made: Mapping[str, Kind]) -> Iterator[Target]:
    for name in ("manifest", "plan", "record", "receipt"):
        if name in made:
            yield Target(name, made[name].path, _change_json, made[name].read)
    yield _yaml(folder, "campaign", CAMPAIGN, lambda path: parse(_loaded(path)))
    yield _yaml(folder, "network", network_config.Config().model_dump(mode="json"), network_config.read)
    yield _yaml(folder, "release metadata", RELEASE, metadata.read)
    described = _yaml(_copies(folder), "detector", yaml.safe_load(DETECTOR.read_text()), load.__wrapped__)
    yield replace(described, refusals=(ValueError,))


CAMPAIGN = {
    "results": "results",
    "samples": {
        "tt": {"files": ["tt/*.root"], "events_per_file": 10},
        "bb": {"simulate": {"files": 3, "masses": [1000, 2000]}, "events_per_file": 5},
        "tth": {"simulate": {"files": 1, "pythia": ["25:onMode = off"]}, "events_per_file": 5, "test": True},
    },
    "images": {"hcal": "spread", "truth": "jets"},
    "sharding": {"seed": 1, "validation_fraction": 0.2, "events_per_shard": 100},
    "policy": {"bad_files": "skip", "max_bad_share": 0.1},
    "networks": {"fast": {"training": {"epochs": 2}, "smaller": {"int8": {"epochs": 0}}}},
}
RELEASE = {
    "title": "Jet images",
    "creators": [{"name": "Doe, Jane", "affiliation": "A University"}],
    "licence": "CC-BY-4.0",
    "keywords": ["jets"],
}
DETECTOR = Path(__file__).parents[1] / "detector" / "geometry" / "cms.yaml"


def _copies(folder: Path) -> Path:
    """A folder with the tables that a description of a detector stands beside."""
    copies = folder / "detector"
    copies.mkdir()
    for path in DETECTOR.parent.iterdir():
        if path.is_file() and path.suffix not in (".py", ".yaml"):
            (copies / path.name).write_bytes(path.read_bytes())
    return copies


def _yaml(folder: Path, name: str, content: Any, read: Callable[[Path], Any]) -> Target:
    path = folder / f"{name.replace(' ', '-')}.yaml"
    path.write_text(yaml.safe_dump(content))
    return Target(name, path, _change_yaml, partial(read, path))


def _loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _tables(folder: Path, made: Mapping[str, Kind]) -> Iterator[Target]:
    for name in ("event file", "shard"):
        if name in made:
            yield Target(name, made[name].path, _change_hdf5, partial(_read_events, made[name].path))
    if "checkpoint" in made:
        path = made["checkpoint"].path
        yield Target("checkpoint", path, _change_checkpoint, lambda: checkpoint.load(path))
    if "shard" in made:
        yield from _detections(folder, made["shard"].path.parent)


def _read_events(path: Path) -> None:
    verify(path)
    with Reader(path) as reader:
        reader.read()


def _detections(folder: Path, dataset: Path) -> Iterator[Target]:
    split = next(name for name in ("train", "validation", "heldout", "test") if any(dataset.glob(f"{name}-*.h5")))
    events = EventSet.of(dataset, split, "")
    detector = Detector("fast", device="cpu", threads=1)
    for suffix, change in ((".h5", _change_hdf5), (".parquet", _change_parquet), (".json", _change_json)):
        path = folder / f"found{suffix}"
        if suffix == ".json":
            path.write_text(json.dumps(_coco(manifest.read(dataset))))
        else:
            detecting.detect(detector, sorted(dataset.glob(f"{split}-*.h5")), path)
        yield Target(f"detections{suffix}", path, change, partial(detection_files.read, "x", path, dataset, events))


def _coco(contents: manifest.Manifest) -> Any:
    classes = [{"id": n + 1, "name": name} for n, name in enumerate(contents.class_names)]
    found = [{"image_id": 0, "category_id": 1, "bbox": [20.0, 30.0, 46.0, 46.0], "score": 0.5, "pt": 100.0}]
    return {"categories": classes, "annotations": found}


def _nodes(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in a tree."""
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _nodes(part, (*place, key))


def changed_tree(tree: Any, rng: Random) -> tuple[Any, str]:
    """A tree of lists and mappings with one to three strange places, and what was done."""
    said = []
    for _ in range(int(rng.integers(1, 4))):
        places = list(_nodes(tree))
        *path, key = places[int(rng.integers(1, len(places)))] if len(places) > 1 else (None,)
        holder = tree
        for step in path:
            holder = holder[step]
        if not isinstance(holder, dict | list) or not holder:
            break
        value, what = copy.deepcopy(VALUES[int(rng.integers(len(VALUES)))]), int(rng.integers(4))
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[str(value)[:40]] = value
        elif what == 2 and isinstance(holder, list):
            holder.extend(holder[: 1 + int(rng.integers(3))])
        else:
            holder[key] = value
        said.append(f"{[*path, key]}: {('removed', 'new key', 'repeated', 'replaced')[what]} {value!r:.40}")
    return tree, "; ".join(said)


def _change_json(path: Path, rng: Random) -> str:
    """Its checksum, if it has one, fits again."""
    content = json.loads(path.read_bytes())
    write = json.dumps if content.pop(KEY, None) is None else sealed
    tree, said = changed_tree(content, rng)
    path.write_text(write(tree))
    return said


def _change_yaml(path: Path, rng: Random) -> str:
    tree, said = changed_tree(yaml.safe_load(path.read_text()), rng)
    path.write_text(yaml.safe_dump(tree))
    return said


def _change_checkpoint(path: Path, rng: Random) -> str:
    """Its header, or one of its weights; its checksum fits again."""
    content = torch.load(path, weights_only=True)
    if rng.integers(2):
        content["config"], said = changed_tree(content["config"], rng)
    else:
        names = sorted(content["weights"])
        name = names[int(rng.integers(len(names)))]
        good = content["weights"][name]
        choices: list[Any] = [torch.zeros(0), torch.zeros(1, dtype=torch.complex64), "text", None]
        choices += [torch.full((2,), 9e30), good.double() * float("nan"), good[None]]
        content["weights"][name] = choices[n := int(rng.integers(len(choices)))]
        said = f"weights {name}: choice {n}"
    checkpoint.write(path, content)
    return said


def _change_parquet(path: Path, rng: Random) -> str:
    table = pq.read_table(path)
    name = table.column_names[n := int(rng.integers(table.num_columns))]
    kind = int(rng.integers(4))
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        table = table.set_column(n, name, pa.array([None] * table.num_rows))
    elif kind == 2:
        table = table.set_column(n, name, pa.array(rng.choice([-1.0, np.nan, 1e30, 7.5], table.num_rows)))
    else:
        table = table.set_column(n, name, pa.array(["x"] * table.num_rows))
    pq.write_table(table, path)
    return f"{name}: change {kind}"


def _change_hdf5(path: Path, rng: Random) -> str:
    with h5py.File(path, "r+") as file:
        return _change_object(file, rng)


def _change_object(file: h5py.File, rng: Random) -> str:
    names: list[str] = []
    file.visit(names.append)
    name = names[int(rng.integers(len(names)))]
    what, value = int(rng.integers(6)), VALUES[int(rng.integers(len(VALUES)))]
    if what == 0:
        del file[name]
    elif what == 1:
        del file[name]
        file[name] = h5py.ExternalLink("/etc/hostname", "/") if rng.integers(2) else h5py.SoftLink("/nowhere")
    elif what == 2:
        keys = list(file.attrs)
        key = keys[int(rng.integers(len(keys)))] if keys else "format"
        if isinstance(value, bool | int | float | str):
            file.attrs[key] = value if not isinstance(value, int) or -(2**63) <= value < 2**63 else 2**63 - 1
        else:
            del file.attrs[key]
    elif isinstance(file[name], h5py.Dataset):
        return _change_column(file, name, what, rng)
    return f"{name}: change {what} {value!r:.40}"


def _change_column(file: h5py.File, name: str, what: int, rng: Random) -> str:
    column = file[name]
    if what == 3 and column.size and column.dtype.kind in "iuf":
        content = column[...]
        place = tuple(int(rng.integers(length)) for length in content.shape)
        limits = np.iinfo(content.dtype) if content.dtype.kind in "iu" else np.finfo(content.dtype)
        odd = [limits.max, limits.min, 0, 1] + ([np.nan, np.inf] if content.dtype.kind == "f" else [])
        content[place] = odd[int(rng.integers(len(odd)))]
        column[...] = content
        return f"{name}: {place} = {content[place]}"
    content, dtype = column[...].reshape(-1), str(rng.choice(["f4", "f8", "i1", "i8", "S3"]))
    del file[name]
    if what == 4:
        file.create_dataset(name, (2**50,), dtype="f8", chunks=(1024,))  # a bomb: no byte of it is there
        return f"{name}: 2^50 numbers"
    with np.errstate(all="ignore"):
        file[name] = content[:-1].astype(dtype) if content.dtype.kind in "iuf" else np.zeros(3, dtype)
    return f"{name}: as {dtype}, shorter"
