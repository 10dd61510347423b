"""Compiled functions start fast in our commands, and change nothing in anybody else's program."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from detector import compiled

ROOT = Path(__file__).parents[2]

COMMAND = """
import runpy, sys
sys.argv = ["jetimg", "check", "tests/data/tt.root"]
try: runpy.run_module("jetimg", run_name="__main__", alter_sys=True)
except SystemExit as end: assert end.code == 0, end.code
assert "jetimg.raster" in sys.modules and "numba" in sys.modules
print(" ".join(name for name in ("vector", "awkward._connect.numba.arrayview") if name in sys.modules))
"""


def test_a_command_does_not_load_what_others_register_with_numba() -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == []


@pytest.mark.parametrize(
    ("name", "ours"),
    [("jetimg.__main__", True), ("detector.__main__", True), ("pytest.__main__", False), (None, False)],
)
def test_which_programs_are_ours(name: str | None, ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = None if name is None else SimpleNamespace(name=name)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec))
    assert compiled.in_our_command() is ours


def test_a_script_without_a_spec_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    assert not compiled.in_our_command()
