"""Freed memory is kept, where the C library can."""

import ctypes
import platform
import resource

import numpy as np
import pytest

from detector.common.memory import keep_freed


def _faults(n_bytes: int) -> int:
    """Pages that the kernel has to give for an array that is made and freed ten times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(n_bytes, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_pages_of_large_arrays_are_given_once() -> None:
    try:
        keep_freed()
        once = (16 << 20) // resource.getpagesize()
        assert _faults(16 << 20) < 2 * once
    finally:
        ctypes.CDLL(None).mallopt(-3, 128 << 10)
        ctypes.CDLL(None).mallopt(-1, 128 << 10)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def library(_: None) -> object:
        return object()

    monkeypatch.setattr(ctypes, "CDLL", library)
    keep_freed()
