"""What can be chosen about a detector and its training, with the papers' values as defaults."""

from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

from jetimg.common.errors import DataError
from jetimg.common.schema import StrictModel
from jetimg.loader.normalise import Normalisation

# arXiv:2202.04499: eleven blocks, of which the last two only serve training.
PFJET_CHANNELS = (32, 64, 128, 128, 256, 512, 512, 512, 512, 1024, 1024)
# The seven layers of the status report of October 2019.
SSD7_CHANNELS = (32, 48, 64, 64, 48, 48, 32)


class Model(StrictModel):
    """A network."""

    architecture: Literal["pfjet", "ssd7"] = Field(
        default="pfjet", description="pfjet: PF-Jet-SSD (arXiv:2202.04499); ssd7: SSD-7 (October 2019)"
    )
    channels: tuple[int, ...] = Field(
        default=(), description="output channels of each block; 11 for pfjet, 7 for ssd7; the papers' if empty"
    )
    circular: bool = Field(default=False, description="phi goes round in convolutions and pooling, instead of zeros")
    activation: Literal["published", "relu"] = Field(
        default="published", description="published: PReLU (pfjet), ELU (ssd7); relu: faster, and exact in integers"
    )
    normalisation: Normalisation = Field(default="channel", description="of images; see jetimg.loader.normalise")
    attention: bool = Field(default=True, description="pfjet: efficient channel attention before the heads")
    drop_block: float = Field(default=0.1, ge=0, lt=1, description="pfjet: share of features dropped in training")
    first_kernel: Literal[3, 5] = Field(default=5, description="ssd7: size of the first convolution")
    aspect_ratios: tuple[float, ...] = Field(
        default=(0.5, 1.0, 2.0), min_length=1, description="ssd7: shapes of default boxes, columns over rows"
    )
    pt: bool = Field(default=True, description="ssd7: measure pt too, which the network of 2019 did not")
    input_channels: int = Field(default=3, ge=1, description="channels of the image; taken from the data set")
    class_names: tuple[str, ...] = Field(default=(), description="jet classes; taken from the data set")
    image_shape: tuple[int, int] = Field(default=(0, 0), description="pixels (eta, phi); taken from the data set")
    eta_pitch: float = Field(
        default=0.0, ge=0, description="width of a pixel in eta; taken from the data set; 0 in older checkpoints"
    )
    box_size: tuple[float, float] = Field(
        default=(0.0, 0.0), description="rows and columns of a jet's box, pixels; taken from the data set"
    )

    @model_validator(mode="after")
    def _number_of_channels(self) -> "Model":
        expected = len(self.all_channels if not self.channels else _published(self.architecture))
        if self.channels and len(self.channels) != expected:
            raise ValueError(f"{len(self.channels)} channels; {self.architecture} has {expected} blocks")
        return self

    @property
    def all_channels(self) -> tuple[int, ...]:
        """Output channels of each block."""
        return self.channels or _published(self.architecture)


def _published(architecture: str) -> tuple[int, ...]:
    return PFJET_CHANNELS if architecture == "pfjet" else SSD7_CHANNELS


class Training(StrictModel):
    """A training run."""

    epochs: int = Field(default=100, ge=1, description="most passes over the training events")
    batch_size: int = Field(default=25, ge=1, description="images a step, on each GPU")
    optimizer: Literal["sgd", "adamw"] = Field(
        default="sgd", description="sgd: stochastic gradient descent, as in the papers; adamw: learns in fewer steps"
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="at the start")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="sgd: share of the last step in the next")
    weight_decay: float = Field(default=5e-4, ge=0, description="L2 penalty on all parameters (adamw: decoupled)")
    milestones: tuple[int, ...] = Field(
        default=(20, 30, 50, 60, 70, 80, 90), description="epochs after which the learning rate is lowered"
    )
    gamma: float = Field(default=0.5, gt=0, le=1, description="what it is then multiplied by")
    patience: int = Field(default=50, ge=1, description="epochs without a lower validation loss until training stops")
    label_smoothing: float = Field(default=0.1, ge=0, lt=1, description="alpha of the smoothed classes")
    negatives: float = Field(default=3.0, gt=0, description="hard background boxes counted for each box with a jet")
    match_threshold: float = Field(default=0.5, gt=0, lt=1, description="minimum IoU of a default box with its jet")
    huber_delta: float = Field(default=1.0, gt=0, description="where the Huber loss becomes linear")
    slimming: float = Field(
        default=0.0,
        ge=0,
        description="penalty on absolute batch norm scales, for each multiplication of a block; see channel_pruning",
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto", description="auto: mixed precision on GPUs (bfloat16, or float16 where that is missing)"
    )
    seed: int = Field(default=2019, ge=0, description="of weights, order, augmentation and dropped features")
    workers: int = Field(default=0, ge=0, description="processes that read events, for each GPU")


class Augment(StrictModel):
    """Random changes of training events."""

    flip_eta: float = Field(default=0.5, ge=0, le=1, description="probability of mirroring in eta")
    flip_phi: float = Field(default=0.5, ge=0, le=1, description="probability of mirroring in phi")
    rotate: bool = Field(default=True, description="turn about the beam by a random number of pixels")
    overlay: int = Field(default=1, ge=1, description="events laid over one another to make one image")


Kind = Literal["none", "ternary", "int8", "binary"]
KINDS = get_args(Kind)[1:]


class Compression(StrictModel):
    """What of a network is quantized."""

    kind: Kind = Field(
        default="none", description="weights -s, 0, s; eight bits for weights and activations; one bit for both"
    )
    keep: tuple[Literal["first", "heads", "depthwise", "large"], ...] = Field(
        default=("first", "heads"),
        description="convolutions that stay at full precision; large: those on maps before the second pooling",
    )


class Pruning(StrictModel):
    """How channels are removed."""

    steps: int = Field(default=5, ge=1, description="times that channels are removed")
    epochs: int = Field(default=20, ge=1, description="`training.epochs` of each step and of the last training")
    parameters: int = Field(default=111_000, ge=1, description="most parameters at inference in the end")
    slimming: float = Field(default=1e-11, ge=0, description="`training.slimming` before channels are removed")
    most: float = Field(default=0.5, gt=0, lt=1, description="largest share of a block's channels removed in one step")


class Config(StrictModel):
    """A detector and how it is trained."""

    model: Model = Field(default=Model(), description="the network")
    training: Training = Field(default=Training(), description="the training run")
    augmentation: Augment = Field(default=Augment(), description="random changes of training events")
    compression: Compression = Field(default=Compression(), description="quantization")
    pruning: Pruning = Field(default=Pruning(), description="removal of channels")


def read(path: Path | None, **sections: dict[str, Any]) -> Config:
    """The configuration in a YAML file, or the defaults.

    Args:
        path: the file, None for the defaults.
        sections: settings by section; those that are not None replace the file's.

    Raises:
        DataError: unreadable, unknown keys or wrong values; the message names them.
    """
    try:
        content = yaml.safe_load(path.read_text()) or {} if path else {}
        if not isinstance(content, dict):
            raise DataError(f"{path}: not a configuration (keys and values)")
        for section, settings in sections.items():
            found = content.get(section) or {}
            if isinstance(found, dict):
                content[section] = found | {key: value for key, value in settings.items() if value is not None}
        return Config(**content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise DataError(f"{path or 'configuration'}: {error}") from error
