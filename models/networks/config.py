"""What can be chosen about a network and its training. The papers' values: workflow/config/published.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from detector.common import settings_file
from jetimg.common.errors import DataError
from jetimg.common.schema import StrictModel
from jetimg.composition.settings import Composition
from jetimg.loader.normalise import Normalisation
from models.networks.trusted import trust

# arXiv:2202.04499: eleven blocks, of which the last two only serve training.
PFJET_CHANNELS = (32, 64, 128, 128, 256, 512, 512, 512, 512, 1024, 1024)
# The seven layers of the status report of October 2019.
SSD7_CHANNELS = (32, 48, 64, 64, 48, 48, 32)
# See models/networks/fast.py: two layers of the stem, the trunk, the inside of each residual block, the last layer.
FAST_CHANNELS = (32, 32, 48, 48, 48, 48, 48)
# See models/networks/masks.py: the same on a map of four times as many cells.
MASK_CHANNELS = (24, 24, 32, 32, 32, 32)
# See models/networks/trigger.py: the first before its pooling.
TRIGGER_CHANNELS = (16, 16, 32, 32)

Architecture = Literal["fast", "mask", "pfjet", "ssd7", "trigger"]
# A class of the user's: package.module:Class (models/networks/own.py).
Own = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]


class Model(StrictModel):
    """A network."""

    architecture: Architecture | Own = Field(
        default="fast",
        description="fast: dense blocks on one map, a probability for each class; mask: fast on a finer map, with "
        "a mask of each object, for composed images; pfjet: PF-Jet-SSD "
        "(arXiv:2202.04499); ssd7: SSD-7 (October 2019); trigger: eight-bit numbers, for FPGAs (docs/hls4ml.md); "
        "package.module:Class: a network of your own",
    )
    channels: tuple[int, ...] = Field(
        default=(),
        description="output channels of each block; 11 for pfjet, 7 for ssd7, 5 or more for fast and mask, 2 or more "
        "for trigger; what one's own network takes; empty: as published",
    )
    circular: bool = Field(default=True, description="phi goes round in convolutions and pooling, instead of zeros")
    activation: Literal["published", "relu"] = Field(
        default="relu", description="published: PReLU (pfjet), ELU (ssd7); relu: faster, and exact in integers"
    )
    scores: Literal["softmax", "sigmoid"] | None = Field(
        default=None,
        description="softmax: a default box has one jet of one class, as published; sigmoid: one of each class, so "
        "that t and V may share it; null: softmax for pfjet and ssd7, sigmoid for the others",
    )
    normalisation: Normalisation = Field(default="log", description="of images; see jetimg.loader.normalise")
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
        number, expected = len(self.channels), len(CHANNELS.get(self.architecture, self.channels))
        least = LEAST_CHANNELS.get(self.architecture)
        if self.channels and least is None and number != expected:
            raise ValueError(f"{number} channels; {self.architecture} has {expected} blocks")
        if self.channels and least is not None and number < least:
            raise ValueError(f"{number} channels; {self.architecture} has at least {least}")
        return self

    @model_validator(mode="after")
    def _scores_of_fast(self) -> "Model":
        if self.architecture in PER_CLASS and self.scores == "softmax":
            raise ValueError(f"{self.architecture} has a probability for each class: scores is sigmoid, or left out")
        return self

    @model_validator(mode="after")
    def _energies_of_trigger(self) -> "Model":
        if self.architecture == "trigger" and self.normalisation not in ("log", "raw"):
            raise ValueError(f"trigger sums energies: normalisation is log or raw, not {self.normalisation}")
        return self

    @property
    def all_channels(self) -> tuple[int, ...]:
        """Output channels of each block."""
        return self.channels or CHANNELS.get(self.architecture, ())

    @property
    def own(self) -> bool:
        """Whether the network is a class of the user's."""
        return self.architecture not in CHANNELS

    @property
    def per_class(self) -> bool:
        """Whether a default box has a jet of each class, instead of one."""
        return self.architecture in PER_CLASS or self.scores == "sigmoid" or (self.own and self.scores is None)

    @property
    def measures_pt(self) -> bool:
        """Whether its pt mean something."""
        return self.architecture != "ssd7" or self.pt


CHANNELS: dict[str, tuple[int, ...]] = {
    "fast": FAST_CHANNELS,
    "mask": MASK_CHANNELS,
    "pfjet": PFJET_CHANNELS,
    "ssd7": SSD7_CHANNELS,
    "trigger": TRIGGER_CHANNELS,
}
# Of architectures with any number of blocks. fast: stem, trunk, one residual block, last layer.
LEAST_CHANNELS: dict[str, int] = {"fast": 5, "mask": 5, "trigger": 2}
# With a probability for each class.
PER_CLASS: tuple[str, ...] = ("fast", "mask", "trigger")


class Schedule(StrictModel):
    """How weights are changed, step by step: what trainings of all networks share."""

    epochs: int = Field(
        default=8, ge=0, description="most passes over the training events; 0: what the run begins with, measured"
    )
    batch_size: int = Field(default=16, ge=1, description="images a step, on each GPU")
    optimizer: Literal["sgd", "adamw"] = Field(
        default="adamw", description="adamw: learns in fewer steps; sgd: stochastic gradient descent, as in the papers"
    )
    learning_rate: float = Field(default=4e-3, gt=0, description="the highest")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="sgd: share of the last step in the next")
    weight_decay: float = Field(
        default=0.05,
        ge=0,
        description="adamw: decoupled, on weights of convolutions only; sgd: L2 penalty on all, as published",
    )
    schedule: Literal["cosine", "milestones"] = Field(
        default="cosine",
        description="cosine: the learning rate falls to zero at the last epoch, after a warm-up; milestones: in steps",
    )
    warm_up: float = Field(default=0.05, ge=0, lt=1, description="cosine: share of all steps in which it rises")
    milestones: tuple[int, ...] = Field(
        default=(20, 30, 50, 60, 70, 80, 90), description="milestones: epochs after which the learning rate is lowered"
    )
    gamma: float = Field(default=0.5, gt=0, le=1, description="milestones: what it is then multiplied by")
    ema: float = Field(
        default=0.998,
        ge=0,
        lt=1,
        description="the network that is kept has averaged weights, with this share of the last average in each step; "
        "0: those of the last step",
    )
    clip: float = Field(default=5.0, ge=0, description="largest norm of the gradient; 0: any")
    seed: int = Field(default=2019, ge=0, description="of weights, order, augmentation and dropped features")


class Training(Schedule):
    """A training run."""

    frozen_norm: int = Field(
        default=0,
        ge=0,
        description="last epochs in which batch norm keeps its means and variances, for quantized networks",
    )
    best_by: Literal["ap", "loss"] = Field(
        default="ap",
        description="the epoch that is kept: highest average precision, or lowest loss, of validation events",
    )
    validation_events: int = Field(
        default=2000, ge=1, description="best_by ap: the first events for validation, on which it is measured"
    )
    patience: int = Field(default=50, ge=1, description="epochs without a better one until training stops")
    label_smoothing: float = Field(default=0.1, ge=0, lt=1, description="softmax: alpha of the smoothed classes")
    negatives: float = Field(
        default=3.0, gt=0, description="softmax: hard background boxes counted for each box with a jet"
    )
    match_threshold: float = Field(
        default=0.4, gt=0, lt=1, description="minimum IoU of a default box with its jet; 0.5 in the papers"
    )
    huber_delta: float = Field(default=1.0, gt=0, description="where the Huber loss becomes linear")
    distillation: float = Field(
        default=0.0,
        ge=0,
        description="how much what another network says of an image counts beside the truth (arXiv:1503.02531): the "
        "one that the run begins with (quantize, prune, --start), or --teacher; 0: the truth alone",
    )
    slimming: float = Field(
        default=0.0,
        ge=0,
        description="penalty on absolute batch norm scales, for each multiplication of a block; see channel_pruning",
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto",
        description="auto: mixed precision on GPUs (bfloat16, or float16 where that is missing), and bfloat16 on "
        "processors with instructions for it",
    )
    threads: int = Field(
        default=1, ge=0, description="threads that read events ahead of the training, for each GPU or process"
    )
    workers: int = Field(
        default=0, ge=0, description="processes that read events in place of the training's own, for each GPU"
    )
    tensorboard: bool = Field(
        default=False, description="write the curves for TensorBoard too, into the run's folder `tensorboard`"
    )


class Augment(StrictModel):
    """Random changes of training events."""

    flip_eta: float = Field(default=0.5, ge=0, le=1, description="probability of mirroring in eta")
    flip_phi: float = Field(default=0.5, ge=0, le=1, description="probability of mirroring in phi")
    rotate: bool = Field(default=True, description="turn about the beam by a random number of pixels")
    overlay: int = Field(default=1, ge=1, description="events laid over one another to make one image")
    shift: int = Field(default=0, ge=0, description="most pixels that an image is shifted in eta, either way")


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


class ComposedTraining(Composition):
    """Images composed while a network is trained, of a data set that has one object an event."""

    images: int = Field(default=5000, ge=1, description="in an epoch; each epoch has others")
    validation_images: int = Field(default=500, ge=1, description="for validation, the same after each epoch")


class Config(StrictModel):
    """A detector and how it is trained."""

    model: Model = Field(default=Model(), description="the network")
    training: Training = Field(default=Training(), description="the training run")
    augmentation: Augment = Field(default=Augment(), description="random changes of training events")
    composition: ComposedTraining | None = Field(
        default=None,
        description="images are composed of the data set's events, which have one object each; null: the events are "
        "the images",
    )
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
        content = settings_file.read(path) if path else {}
        for section, settings in sections.items():
            found = content.get(section) or {}
            if isinstance(found, dict):
                content[section] = found | {key: value for key, value in settings.items() if value is not None}
        config = settings_file.validate(Config, content, str(path or "configuration"))
    except settings_file.SettingsError as error:
        raise DataError(str(error)) from error
    if config.model.own:
        trust(config.model.architecture)
    return config
