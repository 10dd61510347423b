"""What can be chosen about a classifier: what it tells apart, by which network, and how it learns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from detector.common import settings_file
from jetimg.common.errors import DataError
from jetimg.common.schema import StrictModel
from models.networks.config import Schedule

Architecture = Literal["mlp", "cnn", "gru", "lstm", "resnet"]
ARCHITECTURES: tuple[str, ...] = get_args(Architecture)
SEQUENTIAL = ("gru", "lstm")
Channel = Literal["tracker", "ecal", "hcal"]


class Task(StrictModel):
    """What is told apart: objects or events, seen through a window of the image."""

    name: str = Field(default="", description="of the task, for tables")
    unit: Literal["object", "event"] = Field(
        description="object: each row of /jets, by its class; event: each event, by its sample"
    )
    classes: tuple[str, ...] = Field(default=(), description="names, the signal first; empty: all samples")
    input: Literal["hits", "particles"] = Field(
        default="hits", description="hits of the image; particles: rows of /particles inside it, for gru and lstm"
    )
    channels: tuple[Channel, ...] = Field(default=get_args(Channel), min_length=1, description="of the image")
    window: tuple[int, int] = Field(default=(0, 0), description="pixels (eta, phi); 0, 0: the whole image")
    pool: int = Field(default=1, ge=1, description="pixels along each side that are summed to one of the network's")
    centre: Literal["axis", "hottest"] = Field(
        default="axis", description="the middle of the window: the axis of the object, or the hottest pixel about it"
    )
    min_pt: float = Field(default=0.0, ge=0, description="objects below it are no examples, GeV")
    against: Literal["energy", "pt", "sum_pt"] = Field(
        default="pt", description="what measures are drawn against, GeV: of the true object, or the sum of the input"
    )

    @model_validator(mode="after")
    def _is_possible(self) -> "Task":
        if any(pixels % self.pool for pixels in self.window):
            raise ValueError(f"a window of {self.window} pixels: both are multiples of pool, {self.pool}")
        if self.unit == "object" and (0 in self.window or len(self.classes) < 2):
            raise ValueError("objects need a window and two classes or more")
        if self.unit == "event" and self.against != "sum_pt":
            raise ValueError("an event has no pt of its own: against is sum_pt")
        return self


TASKS = {
    # 16 x 16 crystals, as in the CNN of the Belgrade tests.
    "photon": Task(
        name="photon",
        unit="object",
        classes=("gamma", "pi0"),
        channels=("ecal",),
        window=(16, 16),
        centre="hottest",
        against="energy",
    ),
    # Jets of R = 0.8; pixels of two crystals. Below 400 GeV the decay of a t is wider (2 m / pt), and q alone are left.
    # The axis of a t is that of a wider jet than the axis of a q: in the middle it would tell them apart.
    "top": Task(name="top", unit="object", classes=("t", "q"), window=(92, 92), pool=2, centre="hottest", min_pt=400.0),
    # The towers of the HCAL barrel.
    "process": Task(name="process", unit="event", pool=5, against="sum_pt"),
}


class Network(StrictModel):
    """A network."""

    architecture: Architecture = Field(
        default="cnn",
        description="mlp: p1 to p12; cnn: that of the Belgrade tests; gru, lstm: sequences; resnet: small",
    )
    hidden: int = Field(default=64, ge=1, description="mlp, gru, lstm: units of the hidden layer")
    hits: int = Field(default=100, ge=1, description="gru, lstm: the hardest hits or particles, by descending pt")
    channels: tuple[int, ...] = Field(default=(16, 32, 64), min_length=1, description="resnet: of each stage")


class Training(Schedule):
    """How a classifier learns."""

    epochs: int = Field(default=20, ge=0, description="passes over the training examples; 0: only measured")
    batch_size: int = Field(default=256, ge=1, description="examples a step")
    learning_rate: float = Field(default=2e-3, gt=0, description="the highest")
    weight_decay: float = Field(default=0.01, ge=0, description="adamw: decoupled; sgd: L2 penalty")
    ema: float = Field(default=0.99, ge=0, lt=1, description="share of the last average of weights in each step")
    flip: bool = Field(default=True, description="mirror half of the training examples in eta, and half in phi")


class Classifier(StrictModel):
    """A classifier and how it is trained."""

    task: Task = Field(default=TASKS["photon"], description="what is told apart")
    network: Network = Field(default=Network(), description="by what")
    training: Training = Field(default=Training(), description="how it learns")

    def check(self, architecture: str) -> None:
        """Refuses an architecture that does not see what this task is about.

        Raises:
            ValueError: shower shapes of something else than crystals, or an image of particles.
        """
        if self.task.input == "particles" and architecture not in SEQUENTIAL:
            raise ValueError(f"{architecture} sees the image; particles are read by {' and '.join(SEQUENTIAL)}")
        if architecture == "mlp" and (self.task.channels != ("ecal",) or self.task.pool != 1 or 0 in self.task.window):
            raise ValueError("mlp takes the shapes of single showers in the crystals: task photon")


def read(
    path: Path | None, task: str, classes: Sequence[str] = (), *, seen: str | None = None, **training: Any
) -> Classifier:
    """The configuration of a classifier.

    Args:
        path: YAML file of sections `task` (over that of the name), `network` and `training`; None for the defaults.
        task: a name of `TASKS`.
        classes: instead of those of the task or the file, the signal first; those if empty.
        seen: hits or particles, instead of the task's `input`; that if None.
        training: settings that are not None replace the file's.

    Raises:
        DataError: unreadable, unknown keys or wrong values; the message names them.
    """
    try:
        content = settings_file.read(path) if path else {}
        for section, settings in (("task", TASKS[task].model_dump()), ("training", {})):
            own = content.get(section) or {}
            content[section] = settings | own if isinstance(own, dict) else own
        if classes and isinstance(content["task"], dict):
            content["task"]["classes"] = list(classes)
        if seen and isinstance(content["task"], dict):
            content["task"]["input"] = seen
        if isinstance(content["training"], dict):
            content["training"] |= {key: value for key, value in training.items() if value is not None}
        return settings_file.validate(Classifier, content, str(path or "configuration"))
    except settings_file.SettingsError as error:
        raise DataError(str(error)) from error
