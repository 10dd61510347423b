"""The embedded backend: Pythia and the detector of this package, in one process."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from detector.geometry.description import Detector, TruthSettings
from detector.simulation import seeds
from detector.simulation.fast import branches, root_writer
from detector.simulation.fast.crossing import Simulation
from detector.simulation.gun import Gun, Shots
from detector.simulation.job import SimulationJob
from detector.simulation.pileup import NO_POOL, load_pool
from detector.simulation.pythia import Generator

BATCH = 50  # events held in memory together, and in one basket
SOFTWARE = ("pythia8mc", "fastjet", "numpy", "numba", "awkward", "uproot")


def simulate(
    job: SimulationJob, detector: Detector, path: Path, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Makes one file.

    Args:
        job: what to make.
        detector: the description.
        path: the file; it appears complete or not at all.
        progress: told after each batch how many events are done.

    Raises:
        CallError: Pythia refuses the settings.
        DataError: the pool cannot be read, or Pythia stops before the last event.
    """
    pool = load_pool(job.pool) if job.pool else NO_POOL
    about = provenance(job, detector)
    generator = _generator(job)
    detector = detector if job.gun is None else _for_gun(detector, job.gun)
    simulation = Simulation(detector, pool, seeds.detector(job.seed, job.sample, job.index))
    # What single particles leave in the calorimeters is looked at before tracks are taken from it, too.
    towers = job.gun is not None
    columns = branches.groups(detector, towers=towers), branches.flat(detector, towers=towers)
    with root_writer.create(path, about, *columns) as file:
        done = 0
        for records in generator.batches(job.events, BATCH):
            events = [simulation.event(record) for record in records]
            branches.write(file, events, done, detector, towers=towers)
            done += len(events)
            progress(len(events))


def _generator(job: SimulationJob) -> Generator | Shots:
    if job.gun is not None:
        return Shots(job.gun, seeds.gun(job.seed, job.sample, job.index))
    return Generator(job.settings, seeds.generator(job.seed, job.sample, job.index))


def _for_gun(detector: Detector, gun: Gun) -> Detector:
    """The detector with the gun's pile-up, which writes its particle however soft it is."""
    pileup, record = detector.pileup.model_copy(update={"mean": gun.pileup}), TruthSettings(pt_min=0.0)
    return detector.model_copy(update={"pileup": pileup, "record": record})


def provenance(job: SimulationJob, detector: Detector) -> dict[str, Any]:
    """What the file says about its making: nothing that changes from run to run."""
    baseline = detector.jets.baseline
    return {
        "backend": "embedded",
        "sample": job.sample,
        "events": job.events,
        "campaign_seed": job.seed,
        "index": job.index,
        **_source(job),
        "pool_sha256": _sha256(job.pool) if job.pool else None,
        "detector": detector.name,
        "detector_sha256": detector.digest,
        "jet_pileup_mitigation": f"{baseline.name}: PUPPI, all |eta|, as in Delphes 3.5",
        "nsubjettiness": f"beta {baseline.subjettiness_beta:g}, one-pass kt axes",
        "software": {name: version(name) for name in SOFTWARE},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _source(job: SimulationJob) -> dict[str, Any]:
    if job.gun is not None:
        return {"gun": job.gun.model_dump(mode="json")}
    return {
        "process": job.process or job.sample,
        "pythia_seed": seeds.generator(job.seed, job.sample, job.index),
        "pythia_settings": list(job.settings),
    }
