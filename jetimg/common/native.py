"""Compiled functions that start at once: `detector.common.native`, taken from its file and not by its name.

A user's script that reads our data may stand beside a folder called detector, which Python would take for ours.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

_FILE = Path(__file__).parents[2] / "detector" / "common" / "native.py"


def _load() -> Any:
    spec = spec_from_file_location("jetimg.common.native_of_detector", _FILE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{_FILE}: cannot be loaded")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from detector.common.native import Matrix, Vector, native
else:
    _loaded = _load()
    Matrix, Vector, native = _loaded.Matrix, _loaded.Vector, _loaded.native

__all__ = ["Matrix", "Vector", "native"]
