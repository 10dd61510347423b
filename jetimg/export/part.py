"""What is exported: the events of one split, and their jets in flat columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.geometry import ImageGeometry
from jetimg.event_file.store import Batch
from jetimg.loader.event_files import EventFiles
from jetimg.loader.seam import Seam, flat_boxes

Progress = Callable[[int], None]

# Events that are converted at once; 20 MB of hits.
STEP = 1024


@dataclass(frozen=True)
class Part:
    """The events of one split.

    Attributes:
        split: its name, that of files or folders.
        files: its events.
        seam: what becomes of boxes at phi = +-pi, see `jetimg.loader.seam`.
    """

    split: str
    files: EventFiles
    seam: Seam

    @property
    def geometry(self) -> ImageGeometry:
        """Pixels and channels of the images."""
        return self.files.geometry

    def batches(self) -> Iterator[tuple[int, list[str], Batch]]:
        """Its events: number of the first one, names of the samples, and the events."""
        first = 0
        for file, batch in self.files.batches(STEP):
            yield first, self.files.sample_names[file], batch
            first += len(batch)


def jet_columns(part: Part, batch: Batch) -> dict[str, NDArray[Any]]:
    """The boxes of some events, a row each.

    Args:
        part: what the events are of.
        batch: the events.

    Returns:
        indptr int64 (events + 1); number int64: which jet of its event a box belongs to; class_id uint8; box float32
        (boxes, 4): x_min, y_min, x_max, y_max; pt, eta, phi, mass float32.
    """
    jets = batch.tables["jets"]
    box, jet = flat_boxes(jets["box"], part.geometry.image_shape, part.seam)
    event = np.repeat(np.arange(len(batch)), np.diff(jets["indptr"]))[jet]
    counts = np.bincount(event, minlength=len(batch))
    found = {"indptr": np.concatenate(([0], np.cumsum(counts))), "number": jet - jets["indptr"][event], "box": box}
    return found | {name: jets[name][jet] for name in ("class_id", "pt", "eta", "phi", "mass")}


# Of the table /events: what is about the collision, not about our files.
EVENT_COLUMNS = ("weight", "met", "met_phi", "rho", "n_vertices", "true_pileup")
