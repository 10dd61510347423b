"""Names and settings of a campaign's networks: which are trained, and from what each begins."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from jetimg.common.schema import StrictModel
from models.classify.config import TASKS, Architecture, Classifier
from models.networks.config import Config, Pruning
from models.networks.trusted import trust
from models.trained import zoo

FULL, PRUNED = "full", "pruned"
# Of a network that is not trained here.
GIVEN = "given"
# The architecture that finds masks.
MASKS = "mask"
Smaller = Literal["ternary", "int8", "binary", "pruned"]


class CampaignNetwork(Config):
    """A network, how it is trained, and its smaller versions; or one that is trained already."""

    checkpoint: str | None = Field(
        default=None,
        description="a network that is trained already, taken as it is: a name of the zoo (fast, trigger, ...) or a "
        "checkpoint's file; then nothing else stands here",
    )
    smaller: dict[Smaller, dict[str, Any]] = Field(
        default={},
        description="smaller versions, each made from the network of full precision, with what differs in `training` "
        "(for pruned: in `pruning` or `training`), e.g. ternary: {epochs: 10}",
    )

    @model_validator(mode="after")
    def _no_smaller_masks(self) -> "CampaignNetwork":
        if self.smaller and self.model.architecture == MASKS:
            raise ValueError(f"`smaller`: architecture {MASKS} has none; its masks are of full precision")
        return self

    @model_validator(mode="after")
    def _settings_of_smaller_versions(self) -> "CampaignNetwork":
        for version in self.smaller:
            self.settings(version)
        return self

    @model_validator(mode="after")
    def _nothing_beside_a_checkpoint(self) -> "CampaignNetwork":
        if self.checkpoint is None:
            return self
        # Defaults are no choice: the settings of a run have them all.
        others = {key: field.default for key, field in type(self).model_fields.items() if key != "checkpoint"}
        if beside := [key for key, default in others.items() if getattr(self, key) != default]:
            raise ValueError(f"`checkpoint` is trained already: no `{beside[0]}` beside it")
        if not Path(self.checkpoint).suffix and self.checkpoint not in (known := zoo.names()):
            raise ValueError(f"checkpoint: no network {self.checkpoint} in the zoo, which has {', '.join(known)}")
        return self

    @property
    def versions(self) -> list[str]:
        """The network of full precision, then the smaller ones; or the one that is given."""
        return [FULL, *self.smaller] if self.checkpoint is None else [GIVEN]

    def settings(self, version: str) -> dict[str, Any]:
        """The configuration of one version's training, as `jetimg models` reads it."""
        own = self.model_dump(mode="json", exclude={"smaller", "checkpoint"})
        if version != FULL:
            for key, value in self.smaller[version].items():  # type: ignore[index]
                own["pruning" if version == PRUNED and key in Pruning.model_fields else "training"][key] = value
        return Config.model_validate(own).model_dump(mode="json")


class CampaignClassifier(StrictModel):
    """Classifiers of objects or events, trained and measured side by side on the data set."""

    task: Literal["photon", "top", "process"] = Field(
        description="photon: gamma from pi0; top: t from light jets; process: the sample of an event"
    )
    classes: tuple[str, ...] = Field(
        default=(), description="what is told apart, the signal first; empty: gamma, pi0; t, q; or all samples"
    )
    architectures: tuple[Architecture, ...] = Field(
        default=("gru", "resnet"), min_length=1, description="mlp, cnn (photon), gru, lstm, resnet"
    )
    input: Literal["hits", "particles"] = Field(
        default="hits", description="what gru and lstm read; particles: rows of /particles, see images.particles"
    )
    epochs: int = Field(default=20, ge=0, description="passes over the training examples")

    @model_validator(mode="after")
    def _possible(self) -> "CampaignClassifier":
        for name in self.architectures:
            Classifier(task=TASKS[self.task].model_copy(update={"input": self.input})).check(name)
        return self

    def options(self) -> list[str]:
        """For `jetimg models classify`."""
        return [
            f"--task={self.task}",
            *([f"--classes={','.join(self.classes)}"] if self.classes else []),
            *(f"--architecture={name}" for name in self.architectures),
            *(["--input=particles"] if self.input == "particles" else []),
            f"--epochs={self.epochs}",
        ]


class CampaignNetworks:
    """Names of the files that belong to networks.

    Attributes:
        folder: the folder of them all.
    """

    def __init__(self, networks: dict[str, CampaignNetwork], results: str) -> None:
        self._networks = networks
        for network in networks.values():  # for the commands that Snakemake starts
            if network.model.own:
                trust(network.model.architecture)
        self.folder = f"{results}/networks"

    def checkpoints(self, versions: tuple[str, ...] | None = None) -> list[str]:
        """The trained networks: of these versions, or of all."""
        return [
            f"{self.folder}/{name}/{version}/network.pt"
            for name, network in self._networks.items()
            for version in network.versions
            if versions is None or version in versions
        ]

    def given(self, name: str) -> str:
        """The file of a network that is trained already."""
        checkpoint = str(self._networks[name].checkpoint)
        return str(zoo.names().get(checkpoint, checkpoint))

    def seen(self) -> list[str]:
        """What the first network found in test events: the file that the event viewer shows; none without networks."""
        return [str(Path(network).with_name("detections.h5")) for network in self.checkpoints((FULL, GIVEN))[:1]]

    def onnx_files(self) -> list[str]:
        """The same for inference, as ONNX files, which have no masks."""
        masks = {f"{self.folder}/{name}/{FULL}/network.pt" for name in self.of_masks()}
        return [str(Path(network).with_suffix(".onnx")) for network in self.checkpoints() if network not in masks]

    def of_masks(self) -> list[str]:
        """The names of those that find masks."""
        return [name for name, network in self._networks.items() if network.model.architecture == MASKS]

    def settings(self) -> dict[str, Callable[[], str]]:
        """What makes the configuration of each training run, YAML, by NETWORK-VERSION."""
        return {
            f"{name}-{version}": partial(_as_yaml, network, version)
            for name, network in self._networks.items()
            for version in network.versions
            if version != GIVEN
        }


def _as_yaml(network: CampaignNetwork, version: str) -> str:
    return yaml.safe_dump(network.settings(version), sort_keys=False)


def labelled(networks: list[str]) -> list[str]:
    """NAME=PATH for each network, as evaluation and benchmark take them: pfjet-ternary=.../pfjet/ternary/network.pt.

    One that was given has the name alone: fast=.../fast/given/network.pt.
    """
    return [f"{'-'.join(Path(network).parts[-3:-1]).removesuffix(f'-{GIVEN}')}={network}" for network in networks]
