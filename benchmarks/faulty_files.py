"""A good file of every kind that the pipeline reads, and how it is read there; for `benchmarks.faults`."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from detector import load
from detector.simulation import seeds
from detector.simulation.fast.run import simulate
from detector.simulation.job import SimulationJob
from detector.simulation.pileup import make_pool, save_pool
from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.common.sealed_json import sealed
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import SimulationRecord, read_record
from jetimg.pfjet_format.exporter import export_reference
from jetimg.pfjet_format.importer import ReferenceInputs, import_reference
from jetimg.release.receipt import Receipt, receipt_file
from models.export import onnx_writer
from models.export.onnx_detector import OnnxDetector
from models.networks.build import build
from models.networks.config import Config, Model, Training
from models.trained import checkpoint
from models.trained.content_digest import content_digest
from models.training.train import train

DATA = Path(__file__).parents[1] / "tests" / "data"
SETUP = Setup(load(), ImageSettings())


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: of the kind.
        path: a good file of it.
        read: gives a digest of what the pipeline takes from it, or raises.
        expected: that digest of the good file.
        seconds: that reading it takes.
    """

    name: str
    path: Path
    read: Callable[[], Any]
    expected: Any = None
    seconds: float = 0.0


def kinds(folder: Path, only: Sequence[str] | None) -> list[Kind]:
    """All kinds, or those that are named, read once while good."""
    torch.set_num_threads(1)
    made = [*_delphes(folder), *_data_set(folder), *_reference(folder), *_networks(folder, only)]
    made += [*_runs(folder), *_pool(folder, only)]
    return [_read(kind) for kind in made if only is None or kind.name in only]


def _read(kind: Kind) -> Kind:
    """With what it gives, read twice: the first time may compile."""
    expected, begun = kind.read(), time.monotonic()
    if kind.read() != expected:
        raise AssertionError(f"{kind.name}: read twice, two results")
    return replace(kind, expected=expected, seconds=time.monotonic() - begun)


def _delphes(folder: Path) -> list[Kind]:
    real, simulated = folder / "real.root", folder / "simulated.root"
    for path in (real, simulated):
        shutil.copy(DATA / "bb.root", path)
    record = simulated.with_suffix(".json")
    made = SimulationRecord(str(simulated), "ok", "", 2, 2, checksums.sha256(simulated))
    record.write_text(made.text())
    return [
        Kind("Delphes", real, lambda: _converted(real)),
        Kind("simulated", simulated, lambda: _converted(simulated)),
        Kind("record", record, lambda: (repr(read_record(record)), _converted(simulated))),
    ]


def _converted(path: Path) -> str:
    output = path.with_suffix(".out.h5")
    (row,) = convert(DelphesInputs([path], "bb"), output, SETUP)
    if row.verdict != "ok":
        raise DataError(f"{row.verdict}: {row.reason}")
    # Not the digest of the input, which stands in the output and differs for a bit without a meaning.
    return _events(output)


def _events(path: Path) -> str:
    digest = hashlib.sha256()
    with Reader(path) as reader:
        for table, columns in sorted(reader.read().tables.items()):
            for name, values in sorted(columns.items()):
                digest.update(f"{table} {name} {values.dtype} {values.shape}".encode() + values.tobytes())
        digest.update(repr([file.name for file in reader.files]).encode())
    return digest.hexdigest()


def _verified(path: Path) -> str:
    if faults := verify(path).faults:
        raise DataError("; ".join(faults))
    return "" if path.is_dir() else _events(path)


def _data_set(folder: Path) -> list[Kind]:
    events = [folder / f"{sample}.h5" for sample in ("bb", "tt", "hh")]
    for path in events:
        convert(DelphesInputs([DATA / f"{path.stem}.root"], path.stem), path, SETUP)
    planned = folder / "plan.json"
    made = plan.make(events, plan.Sharding(events_per_shard=3, validation_fraction=0.3, test_fraction=0), [], {})
    planned.write_text(sealed(made.model_dump(mode="json")))
    dataset = folder / "dataset"
    names = list(made.shards())
    for name in names:
        shard.make(made, name, dataset / name)
    manifest.make(made, dataset)
    one, listed = dataset / names[0], dataset / manifest.NAME
    return [
        Kind("event file", events[0], lambda: _verified(events[0])),
        Kind("shard", one, lambda: (_verified(dataset), _verified(one))),
        Kind("manifest", listed, lambda: (_verified(dataset), manifest.read(dataset).model_dump_json())),
        Kind("plan", planned, lambda: _sharded(planned, names[0], folder / "again.h5")),
    ]


def _sharded(planned: Path, name: str, output: Path) -> str:
    made = plan.read(planned)
    shard.make(made, name, output)
    return made.model_dump_json() + _events(output)


def _reference(folder: Path) -> list[Kind]:
    path = folder / "record" / "theirs.h5"
    path.parent.mkdir()
    export_reference([folder / "bb.h5"], path)
    files = {path.name: checksums.of(path).md5}
    receipt = receipt_file(path.parent)
    receipt.write_text(sealed(Receipt(records=["https://zenodo.org/api/records/1"], files=files).model_dump()))
    return [Kind(name, at, lambda: _imported(path)) for name, at in (("published", path), ("receipt", receipt))]


def _imported(path: Path) -> str:
    output = path.with_suffix(".ours.h5")
    if import_reference(ReferenceInputs([path]), output, load()).unproved:
        raise DataError("not compared with a record, which was said")
    return _events(output)


def _networks(folder: Path, only: Sequence[str] | None) -> list[Kind]:
    saved, exported = folder / "network.pt", folder / "network.onnx"
    torch.manual_seed(1)
    model = Model(
        architecture="pfjet", channels=(4,) * 10 + (8,), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12)
    )
    checkpoint.save(saved, Config(model=model), build(model), epoch=1)
    found = [Kind("checkpoint", saved, lambda: content_digest(checkpoint.load(saved)[0].state_dict()))]
    if only is None or "ONNX" in only:
        onnx_writer.export(saved, exported)
        found.append(Kind("ONNX", exported, lambda: _predicted(exported)))
    return found


def _predicted(path: Path) -> str:
    detector = OnnxDetector.open(path, threads=1)
    return content_digest([*detector(torch.ones(1, 3, 48, 64)), detector.default_boxes, detector.model.model_dump()])


def _runs(folder: Path) -> list[Kind]:
    """A training run after its first epoch, and what it becomes by the second."""
    run = folder / "run"
    train(folder / "dataset", run, _training(1), device="cpu")
    return [Kind("training", run / "last.pt", lambda: _went_on(run, folder / "dataset"))]


def _training(epochs: int) -> Config:
    model = Model(architecture="ssd7", channels=(2,) * 7)
    return Config(model=model, training=Training(epochs=epochs, batch_size=4, schedule="milestones", best_by="loss"))


def _went_on(run: Path, dataset: Path) -> str:
    """Trains the second epoch, in a folder that a killed process leaves to the next one."""
    work = run.with_name("going-on")
    try:
        if not (work / "last.pt").is_file():
            work.mkdir(exist_ok=True)
            shutil.copy(run / "last.pt", work / "copied.pt")
            (work / "copied.pt").replace(work / "last.pt")
        train(dataset, work, _training(2), device="cpu")
        found = content_digest(checkpoint.read(work / "network.pt")[0]["weights"])
    except BaseException:
        shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return found


def _pool(folder: Path, only: Sequence[str] | None) -> list[Kind]:
    """The pile-up pool of a simulation, and an event that is made with it."""
    path = folder / "pool.npz"
    if only is None or "pool" in only:
        save_pool(path, make_pool(load().pileup, 60, seeds.generator(1, "pool", 0), lambda _: None))
    return [Kind("pool", path, lambda: _simulated(path))]


def _simulated(pool: Path) -> str:
    output = pool.with_name("made.root")
    simulate(SimulationJob("tt", 1, 1, 0, (1500.0,), pool, (), "tt"), load(), output)
    return checksums.sha256(output)
