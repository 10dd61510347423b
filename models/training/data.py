"""The data set of a training run: its shards, its digest, and what the network has to know about it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from detector import load
from detector.geometry.boxes import size
from detector.geometry.grid import Grid
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.plan import SPLITS
from jetimg.loader.sparse import SparseBatch
from models.networks import box_ops
from models.networks.config import Model


@dataclass(frozen=True)
class DataSet:
    """A data set on disk.

    Attributes:
        train, validation, test: its shards.
        digest: sha256 of its manifest, which holds those of the shards.
        class_names: names of the classes.
        image_shape: pixels along eta and phi.
        box_size: rows and columns of a jet's box.
    """

    train: tuple[Path, ...]
    validation: tuple[Path, ...]
    test: tuple[Path, ...]
    heldout: tuple[Path, ...]
    digest: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    box_size: tuple[float, float]

    @classmethod
    def of(cls, folder: Path) -> "DataSet":
        """The data set in a folder.

        Raises:
            DataError: no manifest, or shards that it names are not there.
        """
        contents = manifest.read(folder)
        paths = {split: tuple(folder / s.name for s in contents.shards if s.split == split) for split in SPLITS}
        if missing := [path for split in paths.values() for path in split if not path.is_file()]:
            raise DataError(f"{missing[0]}: named in {folder / manifest.NAME} but not there ({len(missing)} in all)")
        grid = Grid.of(load())
        return cls(
            **paths,
            digest=sha256(folder / manifest.NAME),
            class_names=tuple(contents.class_names),
            image_shape=(grid.n_eta, grid.n_phi),
            box_size=size(grid, contents.config["box_radius"]),
        )

    def describe(self, model: Model) -> Model:
        """A network's configuration with what the data set says about classes, images and boxes."""
        return model.model_copy(
            update={"class_names": self.class_names, "image_shape": self.image_shape, "box_size": self.box_size}
        )


def truth(batch: SparseBatch, device: torch.device | str) -> tuple[Tensor, Tensor, Tensor]:
    """The jets of a batch, padded: box, class_id and pt as in `jetimg.loader.sparse.Truth`.

    Raises:
        ValueError: boxes without area.
    """
    box_ops.check(torch.from_numpy(batch.box), batch.shape[1])
    box, class_id, pt = (torch.from_numpy(array).to(device) for array in batch.truth())
    return box, class_id, pt
