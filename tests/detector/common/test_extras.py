"""A package that is missing because its extra was not installed: one line, exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from detector.common import extras

ROOT = Path(__file__).parents[3]
# Runs the command in an interpreter in which one package cannot be imported.
PROGRAM = "import sys; sys.modules[{module!r}] = None; sys.argv = {argv!r}; from {cli} import main; main()"


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "models"),
        ("faster_coco_eval", "models"),
        ("onnxruntime", "models"),
        ("pythia8mc", "simulation"),
        ("fastjet", "simulation"),
        ("zenodo_get", "release"),
        ("requests", "release"),
        ("mlcroissant", "release"),
        ("snakemake.utils", "workflow"),
        ("psutil", "test"),
    ],
)
def test_the_extra_of_a_package(module: str, extra: str) -> None:
    text = extras.advice(ModuleNotFoundError(name=module))
    assert text is not None
    assert text.endswith(f'needs the extra "{extra}": pip install "jetimg[{extra}]"')


@pytest.mark.parametrize("module", ["numpy", "no_such_module", "jetimg.no_such_module", None])
def test_what_is_in_no_extra(module: str | None) -> None:
    assert extras.advice(ModuleNotFoundError(name=module)) is None


CALLS = [
    ("torch", "models", "jetimg.cli.main", ["models", "train", ".", "--output", "run"]),
    ("onnxruntime", "models", "models.cli", ["benchmark", "x.onnx", "--output", "run"]),
    ("pythia8mc", "simulation", "jetimg.cli.main", ["detector", "pool", "--seed", "1", "--output", "pool.npz"]),
    ("pythia8mc", "simulation", "detector.cli", ["pool", "--seed", "1", "--output", "pool.npz"]),
    ("zenodo_get", "release", "jetimg.cli.main", ["download", "1", "--output", "dataset"]),
    ("requests", "release", "jetimg.cli.main", ["publish", "."]),
    ("mlcroissant", "release", "jetimg.cli.main", ["release", ".", "--output", "release"]),
]


@pytest.mark.parametrize(("module", "extra", "cli", "arguments"), CALLS, ids=lambda value: str(value)[:40])
def test_a_command_without_its_extra(module: str, extra: str, cli: str, arguments: list[str], tmp_path: Path) -> None:
    text = PROGRAM.format(module=module, argv=["jetimg", *arguments], cli=cli)
    call = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {text}"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f'needs the extra "{extra}": pip install "jetimg[{extra}]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_module_that_is_only_run() -> None:
    extras.need("json")
    with pytest.raises(ModuleNotFoundError) as raised:
        extras.need("no_such_module")
    assert raised.value.name == "no_such_module"
