"""Who imports whom: detector <- jetimg <- models <- workflow, and torch in two places only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("detector", "jetimg", "models", "workflow")
WITH_TORCH = {"jetimg/dataset.py"}
MODULES = [path for package in ORDER for path in sorted((ROOT / package).glob("**/*.py"))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 30


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    package = ORDER.index(place.split("/")[0])
    tops = {name.split(".")[0] for name in imported(path)}
    assert tops.isdisjoint(ORDER[package + 1 :])
    assert "tests" not in tops
    if package < ORDER.index("models") and place not in WITH_TORCH:
        assert "torch" not in tops


def test_making_data_loads_no_torch() -> None:
    """All modules but those that need it, and the command line's help, in one fresh interpreter."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in MODULES
        if path.parts[len(ROOT.parts)] == "jetimg" and str(path.relative_to(ROOT)) not in WITH_TORCH
    ]
    text = (
        "import importlib, runpy, sys\n"
        f"for name in {[name for name in names if not name.endswith('__')]!r}: importlib.import_module(name)\n"
        "sys.argv = ['jetimg', '--help']\n"
        "try: runpy.run_module('jetimg', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "convert" in done.stdout
