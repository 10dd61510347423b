"""The data set of a training run: its shards, its digest, and what the network has to know about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.plan import SPLITS
from jetimg.event_file.geometry import ImageGeometry
from jetimg.loader.sparse import SparseBatch
from models.networks import box_ops
from models.networks.config import Model
from models.networks.masks import MaskTruth

# Images at once, by device. On a processor larger feature maps leave its caches, and each is new memory, whose pages
# have to be made: sixteen images at once took more than twice as long an image as four.
BATCH_SIZES = {"cpu": 4, "cuda": 32}


@dataclass(frozen=True)
class DataSet:
    """A data set on disk.

    Attributes:
        train, validation, test: its shards.
        digest: sha256 of its manifest, which holds those of the shards.
        class_names: names of the classes.
        geometry: pixels and channels of its images.
        box_radius: half the width of a jet's box, in eta and phi.
        images: settings of the images (`jetimg.imaging.settings.ImageSettings`), as the manifest has them.
    """

    train: tuple[Path, ...]
    validation: tuple[Path, ...]
    test: tuple[Path, ...]
    heldout: tuple[Path, ...]
    digest: str
    class_names: tuple[str, ...]
    geometry: ImageGeometry
    box_radius: float
    images: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path) -> "DataSet":
        """The data set in a folder.

        Raises:
            DataError: no manifest, shards that it names are not there, or of other classes or another geometry.
        """
        contents = manifest.read(folder)
        paths = {split: tuple(folder / s.name for s in contents.shards if s.split == split) for split in SPLITS}
        if missing := [path for split in paths.values() for path in split if not path.is_file()]:
            raise DataError(f"{missing[0]}: named in {folder / manifest.NAME} but not there ({len(missing)} in all)")
        geometry = manifest.geometry(contents, folder)
        for path in (path for split in paths.values() for path in split):
            manifest.check_shard(path, contents, geometry)
        if not isinstance(radius := contents.config.get("box_radius"), float | int):
            raise DataError(f"{folder / manifest.NAME}: its config has no box_radius, so boxes have no size")
        return cls(
            **paths,
            digest=sha256(folder / manifest.NAME),
            class_names=tuple(contents.class_names),
            geometry=geometry,
            box_radius=float(radius),
            images=contents.config,
        )

    @property
    def image_shape(self) -> tuple[int, int]:
        """Pixels along eta and phi."""
        return self.geometry.image_shape

    @property
    def grid(self) -> Grid:
        """The pixel grid."""
        return Grid(self.geometry.eta_pitch, *self.image_shape)

    @property
    def box_size(self) -> tuple[float, float]:
        """Rows and columns of a jet's box, pixels."""
        return boxes.size(self.grid, self.box_radius)

    def describe(self, model: Model) -> Model:
        """A network's configuration with what the data set says about classes, images and boxes."""
        return model.model_copy(
            update={
                "class_names": self.class_names,
                "input_channels": len(self.geometry.channels),
                "image_shape": self.image_shape,
                "eta_pitch": self.geometry.eta_pitch,
                "box_size": self.box_size,
            }
        )

    def check_choice(self, model: Model) -> None:
        """Refuses a configuration that chooses what the data set says, and chooses it otherwise.

        Raises:
            DataError: naming the key.
        """
        for name, value in self.describe(model):
            chosen = getattr(model, name)
            if chosen not in (value, Model.model_fields[name].default):
                raise DataError(f"model.{name} is {_text(chosen)}; the data set has {_text(value)}: leave it out")

    def difference(self, model: Model) -> str:
        """What a network was made for that this data set has not; nothing if it fits.

        The width of a pixel is not compared where an older checkpoint does not know it.
        """
        wanted = self.describe(model)
        for name, value in wanted:
            found = getattr(model, name)
            if found != value and not (name == "eta_pitch" and found == 0):
                return f"made for {name} {_text(found)}; the data set has {_text(value)}"
        return ""


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def truth(batch: SparseBatch, device: torch.device | str) -> tuple[Tensor, Tensor, Tensor]:
    """The jets of a batch, padded: box, class_id and pt as in `jetimg.loader.sparse.BatchTruth`.

    Raises:
        ValueError: boxes without area.
    """
    box_ops.check(torch.from_numpy(batch.box), batch.shape[1])
    box, class_id, pt = (torch.from_numpy(array).to(device) for array in batch.truth())
    return box, class_id, pt


def mask_truth(batch: SparseBatch, device: torch.device | str) -> MaskTruth | None:
    """The masks of a batch's jets, if it has any."""
    if batch.masks is None:
        return None
    first = np.cumsum(batch.jet_counts) - batch.jet_counts
    columns = (first, batch.masks.jet_of_pixel, batch.masks.pixel.astype(np.int64))
    return MaskTruth(len(batch.pt), *(torch.from_numpy(column).to(device) for column in columns))
