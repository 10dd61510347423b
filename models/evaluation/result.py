"""What an evaluation is asked, and what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data.data_set import DataSet
from models.evaluation.measure import Measured, TrueJets
from models.evaluation.oracle import Ceiling
from models.evaluation.rule import Rule


@dataclass(frozen=True)
class EvaluationSettings:
    """How an evaluation runs.

    Attributes:
        split: which events.
        sample: only those of this sample; of all samples if empty.
        batch_size: images that a network sees at once; `models.data.data_set.BATCH_SIZES` if None.
        device: cpu, cuda, or auto for a GPU if there is one.
        score_threshold: less certain detections are left out.
        min_pt: of true jets that are to be found, GeV; see `models.evaluation.counting.above`.
        baseline: whether the classical baseline is measured too.
        match: when a detection is right, see `models.evaluation.rule.Rule.parse`.
    """

    split: str = "test"
    sample: str = ""
    batch_size: int | None = None
    device: str = "auto"
    score_threshold: float = 0.01
    min_pt: float = 0.0
    baseline: bool = True
    match: str = "iou:0.5"

    @property
    def rule(self) -> Rule:
        """When a detection is right."""
        return Rule.parse(self.match)


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what.

    Attributes:
        data: the data set.
        shards: the files of its events.
        numbers: int64 (n_events), for each event its number, counted over the shards.
        truth: their jets.
        settings: with the device that was used.
        measured: the detectors, the baseline last.
        ceiling: by class, what a detector reaches that returns the labels themselves.
        missing_baseline: why there is no baseline; empty if there is one.
        oracle: the ceiling, measured like a detector.
    """

    data: DataSet
    shards: tuple[Path, ...]
    numbers: NDArray[np.int64]
    truth: TrueJets
    settings: EvaluationSettings
    measured: Sequence[Measured]
    ceiling: Mapping[str, Ceiling]
    missing_baseline: str
    oracle: Measured | None = None
