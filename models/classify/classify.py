"""What a call of `jetimg models classify` does: examples, one training after the other, and how good each is."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detector.common.progress import bar
from jetimg.common.errors import DataError
from models.classify import data, metrics
from models.classify.config import Classifier
from models.classify.data import Examples
from models.classify.inputs import Inputs
from models.classify.train import Trained, scores, train

logger = logging.getLogger(__name__)

SCRATCH, CONTINUED = "from scratch", "continued"


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        architecture: of the network.
        examples: for training; all of them if None.
        begins: SCRATCH, or CONTINUED: as the network that was given.
        seed: of the weights, the order and the choice of the examples.
    """

    architecture: str
    examples: int | None
    begins: str
    seed: int


@dataclass(frozen=True)
class Run:
    """A training and what came of it.

    Attributes:
        job: what was asked.
        trained: the classifier.
        n_training: examples that it was trained on.
        score: float64 (test examples, classes), probabilities.
        measures: of each signal, a class against all others; of two classes, the first alone.
        against_energy: of each signal, measures in bins of the energy.
    """

    job: Job
    trained: Trained
    n_training: int
    score: NDArray[np.float64]
    measures: dict[str, metrics.Measure]
    against_energy: dict[str, list[dict[str, Any]]]

    @property
    def name(self) -> str:
        """For tables and legends."""
        return self.job.architecture + (f", {self.job.begins}" if self.job.begins == CONTINUED else "")

    @property
    def auc(self) -> float:
        """The mean over the signals."""
        return float(np.mean([one.auc for one in self.measures.values()]))


@dataclass(frozen=True)
class Result:
    """All runs of a call.

    Attributes:
        classifier: the configuration, but for the architecture.
        examples: by split.
        test: the split that was measured.
        runs: in the order of the jobs.
    """

    classifier: Classifier
    examples: dict[str, Examples]
    test: str
    runs: list[Run]

    @property
    def best(self) -> list[Run]:
        """Of each way to train, the first run on the most examples."""
        found: dict[str, Run] = {}
        for run in sorted(self.runs, key=lambda run: (-run.n_training, run.job.seed)):
            found.setdefault(run.name, run)
        return [found[name] for name in dict.fromkeys(run.name for run in self.runs)]


def jobs(
    architectures: Sequence[str], numbers: Sequence[int], repeats: int, seed: int, continued: bool
) -> Iterator[Job]:
    """The trainings of a call: each architecture, on each number of examples, with each seed, from each start."""
    sizes: Sequence[int | None] = numbers or [None]
    for architecture in architectures:
        for number in sizes:
            for repeat in range(repeats):
                for begins in (SCRATCH, CONTINUED)[: 1 + continued]:
                    yield Job(architecture, number, begins, seed + repeat)


def classify(
    sources: Sequence[Path],
    classifier: Classifier,
    chosen: Sequence[Job],
    device: torch.device,
    *,
    start: Trained | None = None,
    seconds: float | None = None,
) -> Result:
    """Trains classifiers and measures them on the same test examples.

    Args:
        sources: the folder of a data set, or event files.
        classifier: what is told apart, and how it learns.
        chosen: the trainings.
        device: where they compute.
        start: what continued trainings begin as.
        seconds: of each training, instead of a number of epochs.

    Raises:
        DataError: the data do not fit the task, or the start does not fit the data.
    """
    with bar("events", None) as progress:
        examples = data.read(sources, classifier.task, progress)
    known = classifier.task.model_copy(update={"classes": examples["train"].class_names})
    classifier = classifier.model_copy(update={"task": known})
    result = Result(classifier, examples, "test" if "test" in examples else "heldout", [])
    for job in chosen:
        result.runs.append(_run(job, result, device, start if job.begins == CONTINUED else None, seconds))
        run = result.runs[-1]
        logger.info(
            f"{run.name}, {run.n_training:,} examples, seed {job.seed}: AUC {run.auc:.4f} after "
            f"{run.trained.classifier.training.epochs} epochs, {run.trained.seconds:.1f} s"
        )
    return result


def _run(job: Job, result: Result, device: torch.device, start: Trained | None, seconds: float | None) -> Run:
    training, test = _chosen(result.examples["train"], job), result.examples[result.test]
    classifier = result.classifier.model_copy(
        update={
            "network": result.classifier.network.model_copy(update={"architecture": job.architecture}),
            "training": result.classifier.training.model_copy(update={"seed": job.seed}),
        }
    )
    trained = train(classifier, training, result.examples["validation"], device, start=start, seconds=seconds)
    score = scores(trained.network, Inputs(test, trained.classifier, device))
    signals = test.class_names[:1] if len(test.class_names) == 2 else test.class_names
    found = {name: (score[:, k], test.label == k) for k, name in enumerate(signals)}
    return Run(
        job,
        trained,
        len(training),
        score,
        {name: metrics.Measure.of(*one) for name, one in found.items()},
        {name: metrics.against_energy(test.energy, *one) for name, one in found.items()},
    )


def _chosen(training: Examples, job: Job) -> Examples:
    """So many of the training examples, by chance."""
    if job.examples is None:
        return training
    if job.examples > len(training):
        raise DataError(f"{job.examples:,} training examples are wanted; there are {len(training):,}")
    order = np.random.default_rng(job.seed).permutation(len(training))
    return training.take(np.sort(order[: job.examples]))
