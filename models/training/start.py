"""The full-precision checkpoint that quantization and pruning begin with."""

from dataclasses import dataclass
from pathlib import Path

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from models.data.data_set import DataSet
from models.networks.config import Model
from models.trained import checkpoint


@dataclass(frozen=True)
class Start:
    """A checkpoint of full precision.

    Attributes:
        path: the file.
        sha256: its digest.
        model: its network.
    """

    path: Path
    sha256: str
    model: Model

    @classmethod
    def of(cls, path: Path, data: DataSet) -> "Start":
        """A checkpoint that a run on these data can begin with.

        Raises:
            DataError: not a complete checkpoint, quantized already, or its classes, images or boxes are others.
        """
        _, config = checkpoint.load(path)
        if config.compression.kind != "none":
            raise DataError(f"{path}: {config.compression.kind} already; begin with one of full precision")
        if difference := data.difference(config.model):
            raise DataError(f"{path}: {difference}")
        return cls(path, sha256(path), data.describe(config.model))
