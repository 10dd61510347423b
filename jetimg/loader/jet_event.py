"""One event as arrays: its image in three forms, and its jets as targets of a detector."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.geometry import ImageGeometry
from jetimg.loader.normalise import Normalisation, normalise
from jetimg.loader.seam import BoxFormat, Seam, flat_boxes, one_of
from jetimg.loader.sparse import SparseBatch

# Those that leave pixels without a hit at 0, so that hits alone are the image.
SparseNormalisation = Literal["raw", "log", "max"]


class Hits(NamedTuple):
    """The hits of an image, in coordinates of the dense one.

    Attributes:
        coordinates: int64 (3, hits): channel, row (eta), column (phi); ascending unless the image was padded.
        value: float32 (hits); GeV if not normalised.
    """

    coordinates: NDArray[np.int64]
    value: NDArray[np.float32]


@dataclass(frozen=True)
class JetEvent:
    """One event.

    Attributes:
        number: its number in the files that it was loaded from, counted from 0.
        sample: name of its physics sample.
        class_names: by label.
        geometry: pixels and channels of the image.
        counts: int64 (3), hits of each channel; the hits of one channel follow those of the other.
        pixel: uint32 (hits), row * n_phi + column, ascending within a channel.
        value: float32 (hits), GeV: sum of pt (tracker) or of transverse energy.
        jets: columns of the table /jets, one row a jet, by descending pt.
        row: the event's row of the table /events: entry, weight, met, rho, n_vertices ...
        particles: columns of the table /particles (pt, eta, phi, type, charge), by descending pt; empty unless loaded
            with sample="particles".
        masks: columns of the table /masks (jet, pixel), by jet; empty unless the files have it.
        shapes: columns of the table /shapes (box, centre, axes, angle), one row a jet; empty unless it was asked for.
    """

    number: int
    sample: str
    class_names: tuple[str, ...]
    geometry: ImageGeometry
    counts: NDArray[np.int64]
    pixel: NDArray[np.uint32]
    value: NDArray[np.float32]
    jets: Mapping[str, NDArray[Any]]
    row: Mapping[str, Any]
    particles: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    masks: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    shapes: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(jets, 4): eta_min, phi_min, eta_max, phi_max in pixels; phi_max passes n_phi where the box wraps."""
        return self.jets["box"]

    @property
    def labels(self) -> NDArray[np.int64]:
        """(jets), index into `class_names`."""
        return self.jets["class_id"].astype(np.int64)

    @property
    def names(self) -> list[str]:
        """The class of each jet."""
        return [self.class_names[label] for label in self.jets["class_id"]]

    @property
    def pt(self) -> NDArray[np.float32]:
        """(jets), GeV."""
        return self.jets["pt"]

    @property
    def eta(self) -> NDArray[np.float32]:
        """(jets), pseudorapidity of the axes."""
        return self.jets["eta"]

    @property
    def phi(self) -> NDArray[np.float32]:
        """(jets), azimuth of the axes, radians, in [-pi, pi]."""
        return self.jets["phi"]

    @property
    def mass(self) -> NDArray[np.float32]:
        """(jets), GeV."""
        return self.jets["mass"]

    def dense(self, normalisation: Normalisation = "raw", pad: int = 0) -> NDArray[np.float32]:
        """The image: float32 (3, n_eta, n_phi + pad).

        Args:
            normalisation: raw (GeV), log, max, channel or image, see `jetimg.loader.normalise`.
            pad: columns by which the image goes on behind phi = pi, with its own first ones.

        Raises:
            ValueError: no such normalisation, or more columns than the image has.
        """
        self._check_pad(pad)
        background, value = self._normalised(normalisation, Normalisation)
        image = np.zeros((len(self.counts), self.geometry.n_eta, self.geometry.n_phi + pad), np.float32)
        if background is not None:
            image[:] = background[:, None, None]
        hits = self._hits(value, pad)
        image[tuple(hits.coordinates)] = hits.value
        return image

    def sparse(self, normalisation: SparseNormalisation = "raw", pad: int = 0) -> Hits:
        """The image's hits, each with channel, row and column.

        Args:
            normalisation: raw (GeV), log or max, see `jetimg.loader.normalise`.
            pad: columns by which the image goes on behind phi = pi: hits of the first ones come twice.

        Raises:
            ValueError: no such normalisation, or more columns than the image has.
        """
        self._check_pad(pad)
        return self._hits(self._normalised(normalisation, SparseNormalisation)[1], pad)

    def points(self, normalisation: SparseNormalisation = "raw", pad: int = 0) -> NDArray[np.float32]:
        """The image's hits as a point cloud: float32 (hits, 4): eta, phi (radians), value, channel.

        Args:
            normalisation: raw (GeV), log or max, see `jetimg.loader.normalise`.
            pad: columns by which the image goes on behind phi = pi: points of the first ones come twice, the second
                time with phi + 2 pi.

        Raises:
            ValueError: no such normalisation, or more columns than the image has.
        """
        hits, pixels = self.sparse(normalisation, pad), self.geometry
        channel, row, column = hits.coordinates
        eta = (row + 0.5 - pixels.n_eta / 2) * pixels.eta_pitch
        phi = (column + 0.5 - pixels.n_phi / 2) * pixels.phi_pitch
        return np.stack([eta, phi, hits.value, channel], axis=1).astype(np.float32)

    def target(
        self, targets: BoxFormat = "xyxy", seam: Seam = "cut", background: bool = True
    ) -> dict[str, NDArray[Any]]:
        """The jets as a target for a detector of flat images, such as torchvision's.

        Args:
            targets: xyxy, xywh or cxcywh; x = phi, y = eta, in pixels of the dense image.
            seam: what becomes of a box at phi = +-pi: cut, clip or pad, see `jetimg.loader.seam`.
            background: whether label 0 is the background, as torchvision has it, and the classes begin with 1.

        Returns:
            boxes float32 (boxes, 4); labels int64 (boxes); of each box's jet, its number (int64), its pt (GeV), eta
            and phi (float32).

        Raises:
            ValueError: no such seam or form of boxes.
        """
        boxes, jet = flat_boxes(self.boxes, self.geometry.image_shape, seam, targets)
        found: dict[str, NDArray[Any]] = {"boxes": boxes, "labels": self.labels[jet] + int(background), "jet": jet}
        return found | {name: self.jets[name][jet] for name in ("pt", "eta", "phi")}

    def _normalised(
        self, normalisation: Normalisation, choices: object
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
        """Each channel's value without a hit, None for 0; and the values of the hits."""
        one_of("normalisation", normalisation, choices)
        if normalisation == "raw":
            return None, self.value
        done = normalise(self._batch(), normalisation)
        return done.background[:, 0], done.value

    def _batch(self) -> SparseBatch:
        """This event as a batch of one."""
        return SparseBatch(
            shape=self.geometry.image_shape,
            counts=self.counts[:, None],
            pixel=self.pixel,
            value=self.value,
            jet_counts=np.array([len(self.boxes)]),
            box=self.boxes,
            class_id=self.labels,
            pt=self.pt,
            event=np.array([self.number]),
        )

    def _hits(self, value: NDArray[np.float32], pad: int) -> Hits:
        row, column = np.divmod(self.pixel.astype(np.int64), self.geometry.n_phi)
        index = np.stack([np.repeat(np.arange(len(self.counts)), self.counts), row, column])
        if not pad:
            return Hits(index, value)
        again = column < pad
        behind = index[:, again] + np.array([[0], [0], [self.geometry.n_phi]])
        return Hits(np.concatenate([index, behind], axis=1), np.concatenate([value, value[again]]))

    def _check_pad(self, pad: int) -> None:
        if not 0 <= pad <= self.geometry.n_phi:
            raise ValueError(f"pad {pad}: 0 to {self.geometry.n_phi} columns")
