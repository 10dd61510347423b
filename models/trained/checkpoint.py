"""Checkpoints: weights with the configuration that made them, read without running code from the file."""

import pickle
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from models import compress
from models.networks.build import Network, build
from models.networks.config import Config
from models.trained.old_names import renamed

FORMAT = "jetimg-checkpoint"
VERSION = 1

# What a checkpoint holds so that its run can go on.
TO_GO_ON = ("optimizer", "scheduler", "scaler")


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
    content = {
        "format": FORMAT,
        "version": VERSION,
        "config": config.model_dump(mode="json"),
        "weights": network.state_dict(),
    }
    with atomic_write(path) as partial:
        torch.save(content | rest, partial)


def finish(path: Path, output: Path) -> None:
    """Writes a checkpoint again without what only serves to go on with its training.

    Raises:
        DataError: not a checkpoint, or it cannot be written.
    """
    content, _ = read(path)
    with atomic_write(output) as partial:
        torch.save({key: value for key, value in content.items() if key not in TO_GO_ON}, partial)


def read(path: Path, device: torch.device | str = "cpu") -> tuple[dict[str, Any], Config]:
    """A checkpoint's content and its configuration.

    Raises:
        DataError: not there, not a checkpoint, or of another version.
    """
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise DataError(f"{path}: not a readable checkpoint: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("version") != VERSION:
        raise DataError(f"{path}: not a checkpoint of format {FORMAT}, version {VERSION}; train again")
    if isinstance(weights := content.get("weights"), dict):
        content["weights"] = renamed(weights)
    try:
        return content, Config.model_validate(content["config"])
    except ValidationError as error:
        raise DataError(f"{path}: its configuration is not one of this version: {error}") from error


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
    network = compress.apply(build(config.model), config.compression)
    try:
        network.load_state_dict(content["weights"], strict=True)
    except (RuntimeError, KeyError) as error:
        raise DataError(f"{path}: weights do not fit its configuration: {error}") from error
    network.to(device).eval()
    if for_inference:
        network = compress.fold_for_inference(network.for_inference(), config.compression)
    return network, config
