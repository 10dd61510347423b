"""Compiled functions, kept on disk between runs."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import numba
import numba.core.entrypoints

from detector.common import numba_extensions

Function = TypeVar("Function", bound=Callable[..., object])


# No public switch does this: a test tells when numba changes it.
if numba_extensions.skipped():
    numba.core.entrypoints._already_initialized = True


def compiled(function: Function) -> Function:
    """Compiles a function with numba, in nopython mode, with a cache that knows all of this package.

    numba's own cache looks at the one file that holds the function. A function that calls those of other files
    would go on with their old machine code, and crash where a tuple has got a new field; here any change in
    the package's compiled sources compiles all of them anew.
    """
    dispatcher = numba.njit(cache=True)(function)
    # No public way to say so: IndexDataCacheFile compares this stamp with that of the file on disk.
    dispatcher._cache._cache_file._source_stamp = _sources()
    return cast(Function, dispatcher)


@lru_cache
def _sources() -> str:
    sources = [path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py"))]
    # What matters is where compiled functions stand, and the tuples that they take.
    return hashlib.sha256(
        b"".join(text for text in sources if b"@compiled" in text or b"NamedTuple" in text)
    ).hexdigest()
