"""Attributes of an event file: to HDF5 and back.

Texts, numbers and lists of one of them are HDF5's own (lists of texts: arrays of UTF-8 strings of variable
length), so that any HDF5 tool shows them. Mappings are JSON texts: their order counts, and HDF5 has none.
Version 1.0 had lists as JSON texts too.
"""

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from jetimg.common.errors import DataError
from jetimg.event_file.layout import ATTRIBUTES, CHANNELS, FORMAT, NEWEST, VERSION, Version

# More than any campaign's settings take; an attribute is read whole.
MAX_BYTES = 2**24


def write(file: h5py.File, attributes: dict[str, Any]) -> None:
    """Sets the attributes of a file."""
    for key, value in attributes.items():
        file.attrs[key] = _encoded(value)


def read(file: h5py.File, path: Path) -> tuple[dict[str, Any], Version]:
    """The attributes of a file, and its version; what an older version lacks has its default.

    Raises:
        DataError: not a complete event file, or of a version to come; or an attribute is missing or of another kind.
    """
    attributes = decoded(file, path)
    version = _version(attributes, path)
    if not attributes.get("complete", False):
        raise DataError(f"{path}: not complete: its writer was stopped; make it again")
    missing = [name for name, wanted in ATTRIBUTES.items() if name not in attributes]
    later = {name: ATTRIBUTES[name].default for name in missing if version == (1, 0)}
    _check_kinds(attributes, [name for name in ATTRIBUTES if later.get(name) is None], path)
    _check_shape(attributes, path)
    for name, default in later.items():
        if default is not None:
            attributes[name] = default(attributes)
    _check_pitches(attributes, path)
    _check_names(attributes, path)
    return attributes, version


def decoded(file: h5py.File, path: Path) -> dict[str, Any]:
    """All attributes of a file, whatever they are, as they were given to `write`.

    Raises:
        DataError: one claims more bytes than any of ours has.
    """
    return {key: _decoded(_read(file, key, path)) for key in file.attrs}


def _read(file: h5py.File, key: str, path: Path) -> Any:
    stored = file.attrs.get_id(key)
    n_bytes = math.prod(stored.shape) * stored.dtype.itemsize
    if n_bytes > MAX_BYTES:
        raise DataError(f"{path}: attribute `{key}` claims {n_bytes} bytes; at most {MAX_BYTES} are read")
    return file.attrs[key]


def _version(attributes: dict[str, Any], path: Path) -> Version:
    major, _, minor = (text := str(attributes.get("format_version", ""))).partition(".")
    if attributes.get("format") != FORMAT or not (major.isdecimal() and minor.isdecimal()):
        found = f"format {attributes.get('format')!r}, version {attributes.get('format_version')!r}"
        raise DataError(f"{path}: {found}; expected an event file of format {FORMAT!r}, version {VERSION} or older")
    if not 1 <= int(major) <= NEWEST[0]:
        raise DataError(
            f"{path}: version {text} of the format; this jetimg reads 1.0 to {VERSION}: install a newer one"
        )
    return int(major), int(minor)


def _check_kinds(attributes: dict[str, Any], names: list[str], path: Path) -> None:
    for name in names:
        wanted = ATTRIBUTES[name]
        found = f"{attributes[name]!r:.100}" if name in attributes else "missing"
        if not isinstance(attributes.get(name), wanted.kind):
            raise DataError(f"{path}: attribute `{name}` is {found}; expected a {wanted.kind.__name__}")
        items = wanted.items
        if items is not None and not all(type(item) is items for item in attributes[name]):
            raise DataError(f"{path}: attribute `{name}` is {found}; expected a list of {items.__name__}")


def _check_shape(attributes: dict[str, Any], path: Path) -> None:
    shape = attributes["image_shape"]
    if attributes["n_events"] < 0 or len(shape) != 2 or not all(n > 0 for n in shape):
        raise DataError(f"{path}: n_events {attributes['n_events']}, image_shape {shape}: no such images")
    if math.prod(shape) > 2**32:
        raise DataError(f"{path}: image_shape {shape}: more pixels than an uint32 can number")


def _check_pitches(attributes: dict[str, Any], path: Path) -> None:
    pitches, n_phi = (attributes["eta_pitch"], attributes["phi_pitch"]), attributes["image_shape"][1]
    if not all(math.isfinite(pitch) and pitch > 0 for pitch in pitches):
        raise DataError(f"{path}: eta_pitch, phi_pitch {pitches}: not finite and above 0")
    if not math.isclose(pitches[1] * n_phi, 2 * math.pi, rel_tol=1e-6):
        raise DataError(f"{path}: phi_pitch {pitches[1]} times {n_phi} pixels is not the full circle")


def _check_names(attributes: dict[str, Any], path: Path) -> None:
    if tuple(attributes["channels"]) != CHANNELS:
        raise DataError(f"{path}: attribute `channels` is {attributes['channels']!r:.100}; expected {list(CHANNELS)}")
    for name in ("class_names", "sample_names"):
        texts = attributes[name]
        if len(set(texts)) < len(texts) or "" in texts:
            raise DataError(f"{path}: attribute `{name}` is {texts!r:.100}: empty or repeated names")


def _encoded(value: Any) -> Any:
    if isinstance(value, list | tuple) and value:
        kinds = {type(item) for item in value}
        if kinds == {str}:
            return np.array(value, dtype=h5py.string_dtype())
        if kinds in ({int}, {float}):
            return np.array(value, dtype="<i8" if kinds == {int} else "<f8")
    return json.dumps(value) if isinstance(value, dict | list | tuple) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.item() if isinstance(value, np.generic) else value
