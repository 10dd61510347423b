"""Keys that stand twice in a configuration file: YAML and JSON keep the last one and say nothing of the first."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from workflow.campaign.errors import ConfigError

# YAML's merge key; `<<: *a` and `<<: *b` lose nothing.
MERGE = "tag:yaml.org,2002:merge"


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
    for key, first, second in _repeated(root, set()):
        yield f"{path}: the key `{key}` stands twice, in line {first} and in line {second}"


def _noted(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice += sorted({key for key in keys if keys.count(key) > 1})
    return dict(pairs)


def _repeated(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Key and lines of each pair; `seen` holds nodes that were looked at, as an alias leads to its anchor again."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    for part in node.value:
        key, value = part if isinstance(node, yaml.MappingNode) else (None, part)
        if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
            line = key.start_mark.line + 1
            if key.value in lines:
                yield key.value, lines[key.value], line
            lines.setdefault(key.value, line)
        yield from _repeated(value, seen)
