"""Detections as rows, one after the other: what files of others have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.store import InputFile


@dataclass(frozen=True)
class Rows:
    """Detections in the order of a file.

    Attributes:
        event: int64 (n), the number of the event.
        class_id: int64 (n), index into `class_names`, or into the data set's where those are empty.
        class_names: the file's own.
        score: float32 (n).
        pt: float32 (n), GeV; not a number where not measured.
        box: float32 (n, 4), as in `jetimg.detections.table.EventDetections`; None: boxes of the data set's size stand
            around eta, phi.
        eta, phi: (n), None where there are boxes.
        image_shape: pixels that boxes count in; None where the file does not say.
        probability: whether scores are to be probabilities.
        inputs: what `event` counts over; None: the shards of a split, in the manifest's order.
    """

    event: NDArray[np.int64]
    class_id: NDArray[np.int64]
    class_names: tuple[str, ...]
    score: NDArray[np.float32]
    pt: NDArray[np.float32]
    box: NDArray[np.float32] | None
    eta: NDArray[np.float64] | None = None
    phi: NDArray[np.float64] | None = None
    image_shape: tuple[int, int] | None = None
    inputs: Sequence[InputFile] | None = None
    probability: bool = True
