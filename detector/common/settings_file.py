"""Files of settings, YAML: read, and what is wrong with them told in one line."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from detector.common.duplicate_keys import duplicate_keys

Model = TypeVar("Model", bound=BaseModel)

# What a file is, by keys that stand at its top and in no other kind of file. They are often taken for one another.
KINDS: dict[str, tuple[str, ...]] = {
    "a campaign, for `snakemake --configfile`": ("samples", "results", "sharding", "networks", "policy", "images"),
    "a network, for `jetimg models train --config`": ("model", "training", "compression", "pruning"),
    "images, for --settings, or for `images` of a campaign": ("hcal", "tracks", "truth", "value_bits", "nested"),
    "a detector, for --detector": ("crystals", "calorimeters", "tracker", "puppi"),
    "a release, for `jetimg release --metadata`, or for `release` of a campaign": ("title", "creators", "licence"),
}
# Patterns of names, in words.
PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9]*$": "a name has letters and digits, and begins with a letter",
    r"^[A-Za-z][A-Za-z0-9_]*$": "a name has letters, digits and _, and begins with a letter",
    r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$": "or package.module:Class, a class of your own",
}
# What pydantic adds to the place of a fault: the branch of a union, and that a key is at fault.
_OF_PYDANTIC = re.compile(r"\[key\]|literal\[.*\]|constrained-str")
# Faults that are told; a wrong file has dozens.
MOST = 5


class SettingsError(ValueError):
    """A file of settings that cannot be used; the message is one line."""


def read(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file; none if it is empty.

    Raises:
        SettingsError: no such file, not YAML, no keys and values, or a key that stands twice.
    """
    try:
        loader = yaml.SafeLoader(path.read_bytes())
        root = loader.get_single_node()
        content = None if root is None else loader.construct_document(root)
    except OSError as error:
        raise SettingsError(f"{path}: {_of_system(error)}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not YAML: {_of_yaml(error)}") from error
    if not isinstance(content, dict | None):
        raise SettingsError(f"{path}: not settings, which are keys and values: `key: value`")
    if twice := list(duplicate_keys(root)):
        raise SettingsError(f"{path}: {'; '.join(twice)}")
    return content or {}


def _of_system(error: OSError) -> str:
    reasons = {FileNotFoundError: "no such file", IsADirectoryError: "a folder, not a file"}
    return reasons.get(type(error)) or error.strerror or str(error)


def _of_yaml(error: Exception) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())[:200]
    remedy = "; indent with spaces, not with tabs" if "'\\t'" in str(error.problem) else ""
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}{remedy}"


def validate(kind: type[Model], content: Mapping[str, Any], source: str) -> Model:
    """The settings of a model.

    Args:
        kind: the model.
        content: keys and values.
        source: of them, for the message.

    Raises:
        SettingsError: unknown keys (with the nearest known one) or wrong values.
    """
    try:
        return kind.model_validate(dict(content))
    except ValidationError as error:
        raise SettingsError(f"{source}: {told(error, kind)}") from error


def told(error: ValidationError, kind: type[BaseModel], renamed: Mapping[str, str] | None = None) -> str:
    """What a model does not take, in one line.

    Args:
        error: what it raised.
        kind: the model.
        renamed: old names of keys, and what they are called now.
    """
    faults = error.errors()
    unknown = {str(fault["loc"][0]) for fault in faults if _is_unknown(fault) and len(fault["loc"]) == 1}
    if other := _other_kind(unknown - set(renamed or {}), kind):
        return other
    found = list(dict.fromkeys(_complaints(faults, kind, renamed or {})))
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    # A key may hold line breaks.
    return " ".join(("; ".join(found[:MOST]) + more).split())


def _is_unknown(fault: ErrorDetails) -> bool:
    return fault["type"] == "extra_forbidden"


def _other_kind(unknown: Iterable[str], kind: type[BaseModel]) -> str | None:
    for what, keys in KINDS.items():
        if wrong := [key for key in keys if key in unknown]:
            known = ", ".join(kind.model_fields)
            return f"{wrong[0]}: unknown key; it stands in the settings of {what}. Known here: {known}"
    return None


def _complaints(faults: Iterable[ErrorDetails], kind: type[BaseModel], renamed: Mapping[str, str]) -> Iterator[str]:
    places = sorted(set(_places(schema := kind.model_json_schema(), schema.get("$defs", {}))))
    everywhere = sorted({place.rpartition(".")[2] for place in places})
    for fault in faults:
        parts = [part for part in map(str, fault["loc"]) if not _OF_PYDANTIC.fullmatch(part)]
        where, known = ".".join(parts), _siblings(parts[:-1], places) or everywhere
        elsewhere = [place for place in places if place.rpartition(".")[2] == where.rpartition(".")[2]]
        near = difflib.get_close_matches(where.rpartition(".")[2], known, n=1, cutoff=0.4)
        if not _is_unknown(fault):
            yield f"{where}: {_reason(fault)}" if where else _reason(fault)
        elif where in renamed:
            yield f"{where}: this key is called `{renamed[where]}` now"
        elif elsewhere:
            yield f"{where}: unknown key here; it stands in {' and '.join(f'`{place}`' for place in elsewhere[:3])}"
        elif near:
            yield f"{where}: unknown key; did you mean `{near[0]}`?"
        else:
            yield f"{where}: unknown key; known: {', '.join(known)}"


def _siblings(inside: Sequence[str], places: Iterable[str]) -> list[str]:
    """The keys that may stand under others, such as `samples`, `tt`."""
    around = [part for part in inside if not part.isdecimal()]  # an index of a list
    found = [place.split(".") for place in places]
    return [
        keys[-1]
        for keys in found
        if len(keys) == len(around) + 1 and all(key in ("*", part) for key, part in zip(keys, around, strict=False))
    ]


def _reason(fault: ErrorDetails) -> str:
    value, kind = fault["input"], fault["type"]
    if kind == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return "is missing"
    if kind in ("tuple_type", "list_type") and isinstance(value, str | int | float):
        return f"a list, with brackets: [{value}]"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        below = "nothing; what belongs to it is indented below it" if value is None else _short(value)
        return f"keys and values (found {below})"
    if kind == "string_pattern_mismatch" and fault["ctx"]["pattern"] in PATTERNS:
        return PATTERNS[fault["ctx"]["pattern"]]
    return f"{fault['msg']} (found {_short(value)})"


def _short(value: object, most: int = 100) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _places(part: Any, definitions: Mapping[str, Any], inside: tuple[str, ...] = ()) -> Iterator[str]:
    """All keys of a JSON schema with those that they stand under, as in `simulation.seed`.

    Args:
        part: of the schema.
        definitions: what it refers to.
        inside: the keys around it; `*` for one that the user names.
    """
    if not isinstance(part, dict):
        return
    if reference := part.get("$ref"):
        part = definitions[reference.rpartition("/")[2]]
    for name, value in part.get("properties", {}).items():
        yield ".".join((*inside, name))
        yield from _places(value, definitions, (*inside, name))
    for choice in part.get("anyOf", ()):
        yield from _places(choice, definitions, inside)
    for named in (part.get("additionalProperties"), *part.get("patternProperties", {}).values()):
        yield from _places(named, definitions, (*inside, "*"))
    yield from _places(part.get("items"), definitions, inside)
