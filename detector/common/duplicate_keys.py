"""Keys that stand twice in YAML: its readers keep the last one and say nothing of the first."""

from collections.abc import Iterator

import yaml

# YAML's merge key; `<<: *a` and `<<: *b` lose nothing.
_MERGE = "tag:yaml.org,2002:merge"


def duplicate_keys(root: yaml.Node | None) -> Iterator[str]:
    """A few words for each key that stands twice at one place.

    Args:
        root: of a document, as `yaml.compose` gives it.
    """
    for key, first, second in _repeated(root, set()):
        yield f"the key `{key}` stands twice, in line {first} and in line {second}"


def _repeated(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Key and lines of each pair; `seen` holds nodes that were looked at, as an alias leads to its anchor again."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    for part in node.value:
        key, value = part if isinstance(node, yaml.MappingNode) else (None, part)
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            line = key.start_mark.line + 1
            if key.value in lines:
                yield key.value, lines[key.value], line
            lines.setdefault(key.value, line)
        yield from _repeated(value, seen)
