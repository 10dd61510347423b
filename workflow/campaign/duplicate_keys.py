"""Keys that stand twice in a configuration file: YAML and JSON keep the last one and say nothing of the first."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from detector.common.duplicate_keys import duplicate_keys
from workflow.campaign.errors import ConfigError


def refuse_duplicate_keys(paths: Iterable[Path]) -> None:
    """Checks configuration files.

    Args:
        paths: files in YAML or JSON.

    Raises:
        ConfigError: a file has a key twice, or cannot be read.
    """
    for path in dict.fromkeys(paths):
        if faults := list(_faults(path)):
            raise ConfigError("; ".join(faults))


def _faults(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    twice: list[str] = []
    try:
        json.loads(text, object_pairs_hook=lambda pairs: _noted(pairs, twice))
        yield from (f"{path}: the key `{key}` stands twice" for key in twice)
        return
    except ValueError:
        pass  # no JSON, so YAML
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    yield from (f"{path}: {fault}" for fault in duplicate_keys(root))


def _noted(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice += sorted({key for key in keys if keys.count(key) > 1})
    return dict(pairs)
