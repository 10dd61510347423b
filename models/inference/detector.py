"""A trained network as a Python object: images in, jets out."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector import Detector as Description
from detector import load as load_description
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.detections.layout import About
from jetimg.detections.table import DetectionTable, concatenate
from jetimg.imaging.channels import Setup
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import dense
from models.data.data_set import BATCH_SIZES
from models.inference import network as networks
from models.inference import sources
from models.networks.postprocess import NMS_THRESHOLD, Detections
from models.trained import zoo


class Detector:
    """Finds jets in images.

    Attributes:
        network: the opened network.
        class_names: by class_id.
        image_shape: pixels along eta and phi.
        about: what a file of its detections says of it.
    """

    def __init__(
        self,
        network: str | Path,
        *,
        device: str = "auto",
        batch_size: int | None = None,
        threads: int = 0,
        score_threshold: float = 0.01,
        nms_threshold: float = NMS_THRESHOLD,
        max_detections: int = 100,
        settings: ImageSettings | None = None,
        description: Description | None = None,
    ) -> None:
        """Opens a network.

        Args:
            network: a name of the zoo, a checkpoint, or an ONNX file that `jetimg models export` wrote.
            device: cpu, cuda, or auto for a GPU if there is one.
            batch_size: images at once; `models.data.data_set.BATCH_SIZES` if None.
            threads: of the processor, for the whole process; 0 for PyTorch's own choice.
            score_threshold: jets less certain than this are left out.
            nms_threshold: largest overlap (IoU) of two jets of one class.
            max_detections: jets that an event can have.
            settings: how Delphes files become images; those that the network was trained with if None.
            description: the detector of Delphes files; the CMS-like one if None.

        Raises:
            DataError: not a network of ours, or damaged.
            CallError: no such network or device.
            ValueError: thresholds or sizes that cannot be.
        """
        sizes = (max_detections, 1 if batch_size is None else batch_size)
        if min(sizes) < 1 or not 0 <= score_threshold <= 1 or not 0 <= nms_threshold <= 1:
            raise ValueError("batch_size and max_detections begin at 1, thresholds lie between 0 and 1")
        self.name = str(network)
        self.network = networks.load(zoo.resolve(network), device, threads)
        self.batch_size = batch_size or BATCH_SIZES[self.network.device]
        self._thresholds = {
            "score_threshold": score_threshold,
            "nms_threshold": nms_threshold,
            "max_detections": max_detections,
        }
        self._settings, self._description = settings, description
        self._memory: Tensor | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class_id."""
        return self.network.model.class_names

    @property
    def image_shape(self) -> tuple[int, int]:
        """Pixels along eta and phi."""
        return self.network.model.image_shape

    @property
    def about(self) -> About:
        """What a file of its detections says of it."""
        model = self.network.model
        grid = self._grid()
        return About(
            class_names=model.class_names,
            image_shape=model.image_shape,
            eta_pitch=grid.eta_pitch,
            network=self.name,
            network_sha256=self.network.sha256,
            settings=dict(self._thresholds),
        )

    def detect(self, images: Any) -> DetectionTable:
        """The jets in images; `found[i]` are those of image i.

        Args:
            images: dense images, array or tensor (images, 3, n_eta, n_phi) in GeV, not normalised; or a
                `jetimg.loader.sparse.SparseBatch`; or the path of a Delphes file, an event file or a shard, or a list
                of such paths.

        Raises:
            BadFile: a file that cannot be used.
            ValueError: arrays of another shape, or with values that no image has.
        """
        if isinstance(images, str | Path):
            return concatenate(list(self.stream(Path(images))))
        if isinstance(images, list | tuple) and images and all(isinstance(one, str | Path) for one in images):
            return concatenate([self.detect(path) for path in images])
        batch = images if isinstance(images, SparseBatch) else sources.of_dense(images, self.network)
        if batch.shape != self.network.model.image_shape:
            raise ValueError(f"images of {batch.shape} pixels; the network takes {self.network.model.image_shape}")
        firsts = range(0, len(batch), self.batch_size)
        return concatenate([self._run(sources.events_of(batch, n, n + self.batch_size)) for n in firsts])

    def stream(self, path: Path) -> Iterator[DetectionTable]:
        """The jets in the events of a file, some events at a time.

        Raises:
            BadFile: with the verdict; it may come after some events.
            CallError: a Delphes file of a detector that the network was not made for.
        """
        for batch in sources.batches(path, self.network, self._setup, self.batch_size):
            yield self._run(batch)

    @cached_property
    def _setup(self) -> Setup:
        return sources.setup_for(self.network, self._settings, self._description or load_description())

    def _run(self, batch: SparseBatch) -> DetectionTable:
        model, device = self.network.model, self.network.device
        if self._memory is None or len(self._memory) < len(batch):
            self._memory = torch.empty(len(batch), model.input_channels, *model.image_shape, device=device)
        images = dense(batch, device, model.normalisation, self._memory)
        return self._table(self.network.run(images, self._thresholds))

    def _table(self, found: Sequence[Detections]) -> DetectionTable:
        columns = (torch.cat(column).cpu().numpy() for column in zip(*found, strict=True))
        box, class_id, score, pt = columns
        eta, phi = boxes.centre(self._grid(), box)
        return DetectionTable.of(
            np.array([len(one.score) for one in found]),
            class_id=class_id,
            score=score,
            pt=pt if self.network.measures_pt else np.full(len(pt), np.nan),
            eta=eta,
            phi=phi,
            box=box,
        )

    def _grid(self) -> Grid:
        """Of the network's images; older checkpoints, which do not know the width of a pixel, are of the default's."""
        model = self.network.model
        pitch = model.eta_pitch or Grid.of(self._description or load_description()).eta_pitch
        return Grid(pitch, *model.image_shape)
