"""Checkpoints: weights with the configuration that made them, read without running code from the file."""

import logging
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from jetimg.common import file_kind
from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from models import compress
from models.networks.build import Network, build
from models.networks.config import Config
from models.trained import zoo
from models.trained.content_digest import content_digest
from models.trained.old_names import renamed

FORMAT = "jetimg-checkpoint"
VERSION = 2
# Version 1 has no checksum of its content.
VERSIONS = (1, VERSION)

# What `write` adds.
HEADER = ("format", "version", "sha256")
# What a checkpoint holds so that its run can go on.
TO_GO_ON = ("optimizer", "scheduler", "scaler", "trained_weights", "averaged")

# The networks of the papers have some 50,000 default boxes.
MOST_BOXES = 10**7

logger = logging.getLogger(__name__)


def save(path: Path, config: Config, network: Network, **rest: Any) -> None:
    """Writes a checkpoint in one step.

    Args:
        path: the file.
        config: with class names and image shape.
        network: of that configuration.
        rest: more to keep: tensors, numbers, texts, lists and mappings of these.

    Raises:
        DataError: it cannot be written.
    """
    write(path, {"config": config.model_dump(mode="json"), "weights": network.state_dict()} | rest)


def write(path: Path, content: Mapping[str, Any], kind: str = FORMAT) -> None:
    """Writes the content of a checkpoint, with its checksum.

    Args:
        path: the file.
        content: tensors, numbers, texts, lists and mappings of these.
        kind: its format: whose checkpoint it is.

    Raises:
        DataError: it cannot be written.
    """
    sealed = {"format": kind, "version": VERSION} | {key: content[key] for key in content if key not in HEADER}
    with atomic_write(path) as partial:
        torch.save(sealed | {"sha256": content_digest(sealed)}, partial)


def finish(path: Path, output: Path) -> None:
    """Writes a checkpoint again without what only serves to go on with its training.

    Raises:
        DataError: not a checkpoint, or it cannot be written.
    """
    content, _ = read(path)
    write(output, {key: value for key, value in content.items() if key not in TO_GO_ON})


def read(path: Path, device: torch.device | str = "cpu", needed: Sequence[str] = ()) -> tuple[dict[str, Any], Config]:
    """A checkpoint's content and its configuration.

    Args:
        path: the file.
        device: where its tensors are to be.
        needed: what it has to hold beside weights and configuration.

    Raises:
        DataError: not there, damaged, not a checkpoint, or of another version.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    content = read_content(path, device, needed)
    content["weights"] = renamed(content["weights"])
    try:
        return content, Config.model_validate(content["config"])
    except ValidationError as error:
        raise DataError(f"{path}: its configuration is not one of this version: {_one_line(error)}") from error


def read_content(
    path: Path, device: torch.device | str = "cpu", needed: Sequence[str] = (), kind: str = FORMAT
) -> dict[str, Any]:
    """A checkpoint's content, held against its checksum.

    Args:
        path: the file.
        device: where its tensors are to be.
        needed: what it has to hold beside weights and configuration.
        kind: its format.

    Raises:
        DataError: not there, damaged, not a checkpoint, or of another format or version.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    content = _content(path, device)
    if not isinstance(content, dict) or content.get("format") != kind:
        raise DataError(f"{path}: not a checkpoint of format {kind}; give the network.pt of a run")
    if (version := content.get("version")) not in VERSIONS:
        raise DataError(
            f"{path}: version {version!r} of {kind}; this jetimg reads {VERSION} or older: take a newer one"
        )
    _check_digest(path, content)
    if missing := [key for key in ("config", "weights", *needed) if key not in content]:
        raise DataError(f"{path}: a checkpoint without `{missing[0]}`; train again")
    weights = content["weights"]
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise DataError(f"{path}: its weights are not tensors by name; train again")
    return content


def _check_sizes(path: Path, config: Config, weights: Mapping[str, Any]) -> None:
    """Looks whether a configuration asks for the weights that are there, before memory is asked for.

    Raises:
        DataError: for others, or for no network.
    """
    try:
        with torch.device("meta"):  # shapes without numbers
            network = build(config.model)
    except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(f"{path}: its configuration is that of no network: {_one_line(error)}") from error
    if len(network.default_boxes) > MOST_BOXES:
        raise DataError(f"{path}: its configuration asks for {len(network.default_boxes):,} default boxes")
    for name, shape in ((name, weight.shape) for name, weight in network.state_dict().items()):
        found = getattr(weights.get(name), "shape", shape)  # a quantized network has some under other names
        if found != shape:
            raise DataError(f"{path}: weights do not fit its configuration: {name} is {[*found]}, not {[*shape]}")


def _content(path: Path, device: torch.device | str) -> Any:
    try:
        # PyTorch writes the checksums of zip, but does not look at them.
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"damaged: {damaged} has another checksum than was written")
        return torch.load(path, map_location=device, weights_only=True)
    # Its advice is to load the file with `weights_only=False`, which runs code from the file: it is not repeated.
    except pickle.UnpicklingError as error:
        raise DataError(f"{path}: not a readable checkpoint: it holds more than tensors, numbers and texts") from error
    except Exception as error:  # damaged bytes make zip, pickle and PyTorch raise almost anything
        raise_if_machine_fault(error, path)
        what = file_kind.instead(path, error, file_kind.ZIP)
        if known := [] if path.exists() else zoo.names():
            what += f", and no network of this name: the zoo has {', '.join(known)}"
        raise DataError(f"{path}: not a readable checkpoint: {what}") from error


def _check_digest(path: Path, content: dict[str, Any]) -> None:
    """Holds the content against its checksum; an old file that has none is named.

    Raises:
        DataError: other content than was written.
    """
    if content["version"] == 1 and "sha256" not in content:
        _say_without_checksum(path)
        return
    try:
        found = content_digest({key: value for key, value in content.items() if key != "sha256"})
    except TypeError as error:
        raise DataError(f"{path}: not a readable checkpoint: {error}") from error
    if found != content.get("sha256"):
        raise DataError(f"{path}: damaged: its content has another sha256 than was written; train or copy it again")


@cache
def _say_without_checksum(path: Path) -> None:
    logger.warning("%s: an old checkpoint, without a checksum of its weights", path)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def load(path: Path, device: torch.device | str = "cpu", *, for_inference: bool = False) -> tuple[Network, Config]:
    """The network of a checkpoint, in evaluation mode, and its configuration.

    Args:
        path: the checkpoint.
        device: where the network is to be.
        for_inference: leave out what only serves training; a quantized network keeps its outputs.

    Raises:
        DataError: not a checkpoint, or its weights are not those of its configuration.
    """
    content, config = read(path, device)
    if not config.model.own:
        _check_sizes(path, config, content["weights"])
    try:
        network = compress.apply(build(config.model), config.compression)
        network.load_state_dict(content["weights"], strict=True)
    # Values of other types and shapes make PyTorch raise whatever they meet first.
    except (RuntimeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: weights do not fit its configuration: {_one_line(error)}") from error
    network.to(device).eval()
    if for_inference:
        network = compress.fold_for_inference(network.for_inference(), config.compression)
    return network, config
