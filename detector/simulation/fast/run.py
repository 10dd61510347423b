"""The embedded backend: Pythia and the detector of this package, in one process."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from detector.geometry.description import Detector
from detector.simulation import seeds
from detector.simulation.fast import branches, root_writer
from detector.simulation.fast.crossing import Simulation
from detector.simulation.job import SimulationJob
from detector.simulation.pileup import load_pool
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
    pool = load_pool(job.pool)
    pythia_seed = seeds.generator(job.seed, job.sample, job.index)
    generator = Generator(job.settings, pythia_seed)
    simulation = Simulation(detector, pool, seeds.detector(job.seed, job.sample, job.index))
    about = provenance(job, detector)
    with root_writer.create(path, about, branches.groups(detector), branches.flat(detector)) as file:
        done = 0
        for records in generator.batches(job.events, BATCH):
            events = [simulation.event(record) for record in records]
            branches.write(file, events, done, detector)
            done += len(events)
            progress(len(events))


def provenance(job: SimulationJob, detector: Detector) -> dict[str, Any]:
    """What the file says about its making: nothing that changes from run to run."""
    baseline = detector.jets.baseline
    return {
        "backend": "embedded",
        "sample": job.sample,
        "process": job.process or job.sample,
        "events": job.events,
        "campaign_seed": job.seed,
        "index": job.index,
        "pythia_seed": seeds.generator(job.seed, job.sample, job.index),
        "pythia_settings": list(job.settings),
        "pool_sha256": hashlib.sha256(job.pool.read_bytes()).hexdigest(),
        "detector": detector.name,
        "detector_sha256": detector.digest,
        "jet_pileup_mitigation": f"{baseline.name}: PUPPI, all |eta|, as in Delphes 3.5",
        "nsubjettiness": f"beta {baseline.subjettiness_beta:g}, one-pass kt axes",
        "software": {name: version(name) for name in SOFTWARE},
    }
