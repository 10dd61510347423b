"""Who imports whom: packages one way, and inside a package each room only those below it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up. A room imports rooms that stand before it, and packages that stand before its own.
FLOORS = {
    "detector": ("common", "geometry", "simulation", "simulation.fast", "simulation.delphes", "cli", "__main__"),
    "jetimg": (
        "common",
        "event_file",
        "dataset",
        "detections",
        "plotting",
        "release",
        "loader",
        "composition",
        "export",
        "imaging",
        "reports",
        "validation",
        "pfjet_format",
        "pages",
        "cli",
        "__main__",
    ),
    "models": (
        "networks",
        "compress",
        "trained",
        "data",
        "evaluation",
        "classical",
        "training",
        "classify",
        "export",
        "inference",
        "cli",
        "__main__",
    ),
    "workflow": ("campaign", "cli"),
}
ORDER = tuple(FLOORS)
WITH_TORCH = {
    "jetimg/composition/torch_composed.py",
    "jetimg/loader/torch_dataset.py",
    "jetimg/loader/torch_events.py",
}
MODULES = [path for package in ORDER for path in sorted((ROOT / package).glob("**/*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever in it the statement stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in NAMES else node.module or ""


def room(name: str) -> tuple[str, int]:
    """The package of a module and the floor of its room; the package's own `__init__` stands on top."""
    package, _, rest = name.partition(".")
    floors = FLOORS[package]
    fitting = [floor for floor in floors if rest == floor or rest.startswith(f"{floor}.")]
    return package, floors.index(max(fitting, key=len)) if rest else len(floors)


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 30


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    own, floor = room(module_name(path))
    for name in imported(path):
        top = name.split(".")[0]
        assert top != "tests"
        if top not in ORDER:
            continue
        assert ORDER.index(top) <= ORDER.index(own), f"{name} is in a package above"
        if top == own and name != own:
            assert room(name)[1] <= floor, f"{name} is in a room above"
    if own in ("detector", "jetimg") and str(path.relative_to(ROOT)) not in WITH_TORCH:
        assert "torch" not in {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("package", ORDER)
def test_modules_import_each_other_in_no_circle(package: str) -> None:
    own = {module_name(path): path for path in MODULES if module_name(path).startswith(f"{package}.")}
    left = {name: {other for other in imported(path) if other in own and other != name} for name, path in own.items()}
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    assert not left, f"a circle among {sorted(left)}"


# Where reading code names a package below it: inside functions that write, and for who reads types.
NAMED = {"jetimg/common/atomic.py": {"detector"}, "jetimg/common/native.py": {"detector"}}


def at_top(path: Path) -> set[str]:
    """Modules that a file imports when it is imported itself, `__getattr__` of a package included."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    lazy = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__getattr__"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in lazy | for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{name.name}" for name in node.names} | {node.module or ""}
    return names


def test_reading_imports_no_package_of_another_name() -> None:
    """A user's script may stand beside folders called detector, models or workflow: Python would take those."""
    paths = {module_name(path): path for path in MODULES}
    waiting = ["jetimg", *(name for name in paths if name.startswith("jetimg.loader"))]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached and name in paths:
            reached.add(name)
            waiting += [*at_top(paths[name]), name.rpartition(".")[0]]
    assert {"jetimg.event_file.store", "jetimg.dataset.manifest", "jetimg.common.atomic"} <= reached
    for name in sorted(reached):
        path = paths[name]
        others = {top for top in (full.split(".")[0] for full in imported(path)) if top in ORDER and top != "jetimg"}
        assert others <= NAMED.get(str(path.relative_to(ROOT)), set()), f"{name} imports {others}"
        assert not {full.split(".")[0] for full in at_top(path)} & (set(ORDER) - {"jetimg"}), name


def test_making_data_loads_no_torch() -> None:
    """All modules but those that need it, and the command line's help, in one fresh interpreter."""
    names = [
        module_name(path)
        for path in MODULES
        if path.relative_to(ROOT).parts[0] == "jetimg" and str(path.relative_to(ROOT)) not in WITH_TORCH
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
