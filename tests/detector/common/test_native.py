"""Compiled functions without numba: the same results, kept between processes, and what is refused."""

import importlib
import math
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pytest

from detector.common.native import Matrix, Native, Packed, Vector, compiled, native

Real = TypeVar("Real", np.float32, np.float64)

SOURCE = """
import sys
import numpy as np
from detector.common.native import Matrix, Vector, native

@native
def rows(x: float, a: Matrix[np.float32], out: Vector[np.int64]) -> int:
    for i in range(len(a)):
        total = 0.0
        for j in range(a.shape[1]):
            total += a[i, j] % x
        out[i] = int(np.floor(total))
    return len(out)

a, out = np.arange(12, dtype=np.float32).reshape(4, 3), np.zeros(4, np.int64)
print(rows(2.5, a, out), out.tolist(), "numba" in sys.modules)
"""


def _makes_an_array(n: int, out: Vector[np.float64]) -> None:
    out[0] = np.zeros(n).sum()


def _add(a: Vector[np.float32], out: Vector[np.float64]) -> None:
    for i in range(len(a)):
        out[i] += a[i]


def _result(script: Path, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(script))
    return capsys.readouterr().out.strip()


def test_the_next_process_needs_no_numba_and_a_changed_source_or_damaged_file_compiles_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "__pycache__"
    script.write_text(SOURCE)
    assert _result(script, capsys) == "4 [3, 2, 3, 2] True"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    text = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True).stdout
    assert text.strip() == "4 [3, 2, 3, 2] False"
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-9])
    assert _result(script, capsys) == "4 [3, 2, 3, 2] True"
    script.write_text(SOURCE.replace("total += a", "total += 2 * a"))
    assert _result(script, capsys) == "4 [3, 1, 4, 2] True"
    assert len(list(folder.iterdir())) == 2


def test_what_makes_arrays_is_refused() -> None:
    with pytest.raises(Exception, match="No implementation"):
        native(_makes_an_array)(3, np.zeros(1))


def test_arrays_of_another_kind_are_refused() -> None:
    add, out = native(_add), np.zeros(3)
    add(np.ones(3, np.float32), out)
    assert out.tolist() == [1, 1, 1]
    for wrong in (np.ones(3), np.ones((3, 1), np.float32), np.ones(6, np.float32)[::2]):
        with pytest.raises(TypeError, match=r"expected (f4|contiguous)"):
            add(wrong, out)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        add(np.ones(3, np.float32))


@native
def _scaled_sum(factor: float, rows: Matrix[Real], taken: Vector[np.bool_], start: np.uint64) -> float:
    total = 0.0
    for i in range(start, len(rows)):
        for j in range(rows.shape[1]):
            total += factor * rows[i, j] * taken[i]
    return total


def test_of_a_type_variable_each_type_is_taken_everywhere_the_same() -> None:
    taken = np.array([True, False, True])
    for kind in (np.float32, np.float64):
        assert _scaled_sum(2.0, np.ones((3, 2), kind), taken, 1) == 4.0
    with pytest.raises(TypeError, match=r"expected f8\[:,::1\], not i8\[:,::1\]"):
        _scaled_sum(2.0, np.ones((3, 2), np.int64), taken, 1)


def test_it_is_kept_in_the_first_folder_that_can_be_written_and_works_where_none_can(tmp_path: Path) -> None:
    paths = [tmp_path / "file" / "below.o", tmp_path / "other" / "kept.o"]

    class Elsewhere(Native):
        def _paths(self, kinds: tuple[str, ...]) -> list[Path]:
            return paths

    (tmp_path / "file").write_text("")
    for kept in (True, False):
        out = np.zeros(2)
        Elsewhere(_add, [("f4[::1]", "f8[::1]")])(np.ones(2, np.float32), out)
        assert out.tolist() == [1, 1]
        assert [path.name for path in (tmp_path / "other").glob("*")] == (["kept.o"] if kept else [])
        (tmp_path / "other" / "kept.o").unlink(missing_ok=True)
        del paths[1:]


class Point(NamedTuple):
    """Two coordinates in vectors, and a scale."""

    x: np.ndarray
    y: np.ndarray
    scale: float


class Sum(NamedTuple):
    """What a helper gives."""

    total: float
    n: int


def _length(x, y):
    return math.sqrt(x * x + y * y)


def _lengths(points):
    total = 0.0
    for i in range(len(points.x)):
        total += points.scale * _length(points.x[i], points.y[i])
    return Sum(total, len(points.x))


@compiled
def _mean(first, second):
    """Of the lengths of two lots of points."""
    one, other = _lengths(first), _lengths(second)
    return (one.total + other.total) / (one.n + other.n)


def test_named_tuples_and_the_functions_that_are_called() -> None:
    points = Point(np.array([3.0, 6.0]), np.array([4.0, 8.0]), 2.0)
    assert _mean(points, Point(np.array([5.0]), np.zeros(1), 3.0)) == 15.0
    assert _mean(Packed(points), points) == 15.0
    whole = Point(np.array([3, 6]), np.array([4, 8]), 1)  # of other types: compiled anew
    assert _mean(whole, points) == 11.25


HELPER = """
from typing import NamedTuple
UNIT = 2
class Pair(NamedTuple):
    a: float
    b: float
def difference(pair):
    return pair.a - pair.b
"""
CALLER = """
from detector.common.native import compiled
from helper import UNIT, Pair, difference
@compiled
def scaled(pair):
    return UNIT * difference(pair)
print(scaled(Pair(5.0, 3.0)))
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("pair.a - pair.b", "pair.b - pair.a", -4.0),
        ("UNIT = 2", "UNIT = 3", 6.0),
        ("    a: float\n    b", "    b: float\n    a", -4.0),
    ],
)
def test_a_change_in_another_file_compiles_anew(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    expected: float,
) -> None:
    """Old machine code would give old numbers, or mix up the fields of a tuple."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # which would pass for current
    (tmp_path / "caller.py").write_text(CALLER)
    for helper, result in ((HELPER, 4.0), (HELPER.replace(old, new), expected)):
        (tmp_path / "helper.py").write_text(helper)
        sys.modules.pop("helper", None)
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "__pycache__" / "helper", ignore_errors=True)
        assert float(_result(tmp_path / "caller.py", capsys)) == result
    sys.modules.pop("helper")
