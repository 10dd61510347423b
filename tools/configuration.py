"""Writes docs/configuration.md: every key of the configuration, its kind, its default and its meaning, by section.

Run it by `make pages`. All of it comes from the schema of `workflow.campaign.config`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow.campaign.config import Config

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
HEAD = """# Configuration

Written by `make pages` from the schema ([schema.json](../workflow/config/schema.json)). A campaign is one YAML file;
how to write one, and those that come with the repository: [workflow/config](../workflow/config/README.md).

A key that is not here is an error, which names the nearest one that is. A key that is not given has its default. A
section `a.b` stands in the file as `a: {b: ...}`, and `NAME` is a name of your own.
"""

Schema = dict[str, Any]


def page() -> str:
    """The page as Markdown."""
    schema = Config.model_json_schema()
    return HEAD + "".join(_section(path, part, schema) for path, part in _once(sections(schema)))


def _once(found: Iterator[tuple[str, Schema]]) -> Iterator[tuple[str, Schema]]:
    """Each kind of section once: what all rules have alike stands at `resources.NAME`."""
    paths: dict[int, list[str]] = {}
    parts: dict[int, Schema] = {}
    for path, part in found:
        paths.setdefault(id(part), []).append(path)
        parts[id(part)] = part
    for key, (first, *others) in paths.items():
        yield f"{first.rpartition('.')[0]}.NAME" if others else first, parts[key]


def sections(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every object of the configuration by its path, the whole first, each before what is in it."""
    yield from _within("", schema, schema)


def _within(path: str, part: Schema, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield path, part
    for key, value in part["properties"].items():
        for suffix, inner in _objects(value, schema):
            yield from _within(f"{path}.{key}{suffix}".lstrip("."), inner, schema)


def _objects(value: Schema, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """What a key holds that has keys of its own: itself, the values of a mapping, or the items of a list."""
    for one in _alternatives(value):
        one = _resolved(one, schema)
        if "properties" in one:
            yield "", one
        elif isinstance(one.get("additionalProperties"), dict):
            yield from ((".NAME", inner) for _, inner in _objects(one["additionalProperties"], schema))
        elif isinstance(one.get("patternProperties"), dict):
            for inside in one["patternProperties"].values():
                yield from ((".NAME", inner) for _, inner in _objects(inside, schema))
        elif isinstance(one.get("items"), dict):
            yield from (("[]", inner) for _, inner in _objects(one["items"], schema))


def _alternatives(value: Schema) -> list[Schema]:
    return list(value.get("anyOf", [value]))


def _resolved(value: Schema, schema: Schema) -> Schema:
    reference = value.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else value


def _section(path: str, part: Schema, schema: Schema) -> str:
    title = f"`{path}`" if path else "The whole"
    needed = part.get("required", [])
    rows = [
        f"| `{key}` | {_kind(value, schema)} | {'needed' if key in needed else _default(value)} | {_meaning(value)} |"
        for key, value in part["properties"].items()
    ]
    about = "" if not path else f"{part.get('description', '').partition(chr(10))[0]}\n\n"
    return f"\n## {title}\n\n{about}| key | kind | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _meaning(value: Schema) -> str:
    return str(value.get("description", "")).replace("|", "\\|").replace("\n", " ")


def _default(value: Schema) -> str:
    default = value.get("default")
    if isinstance(default, dict) and len(json.dumps(default)) > 60:
        return "its section"
    text = json.dumps(default, ensure_ascii=False)
    return f"`{text}`" if len(text) <= 80 else f"`{text[:77]}...`"


def _kind(value: Schema, schema: Schema) -> str:
    return " or ".join(dict.fromkeys(_one_kind(one, schema) for one in _alternatives(value)))


def _one_kind(value: Schema, schema: Schema) -> str:
    value = _resolved(value, schema)
    if "enum" in value or "const" in value:
        return ", ".join(f"`{json.dumps(one)}`" for one in value.get("enum", [value.get("const")]))
    kind = value.get("type")
    if kind == "array":
        return f"list: {_kind(value['items'], schema)}" if "items" in value else "list"
    names = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    return names.get(str(kind), "section" if kind == "object" else str(kind)) + _limits(value)


def _limits(value: Schema) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {value[key]:g}" for key, sign in words.items() if key in value]
    return f" {', '.join(limits)}" if limits else ""


if __name__ == "__main__":
    PAGE.write_text(page())
