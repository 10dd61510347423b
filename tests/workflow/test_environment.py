"""environment.yml and the lock files name the same versions, for what the project asks for."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# conda-forge's name -> PyPI's
PYPI = {"matplotlib-base": "matplotlib"}


def _lock():
    names = ("requirements.lock", "requirements-models.lock")
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return dict(line.partition(" ")[0].split("==") for line in lines if line and line[0] not in "#-")


def _environment():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [part["pip"] for part in content if isinstance(part, dict)]
    conda = [re.split("=+", part, maxsplit=1) for part in content if isinstance(part, str)]
    return {name[0]: name[1] if len(name) > 1 else None for name in conda + [part.split("==") for part in pip]}


def test_versions_agree():
    lock = _lock()
    pinned = {name: version for name, version in _environment().items() if version and name != "python"}
    assert {name: lock[PYPI.get(name, name)] for name in pinned} == pinned


def test_the_environment_has_what_the_project_needs():
    names = {PYPI.get(name, name) for name in _environment()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + extras["simulation"] + extras["workflow"] + extras["test"] + extras["models"]
    assert {re.split("[<>=~]", text)[0] for text in needed} <= names
    assert {"delphes", "pythia8"} <= names


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-models.lock"])
def test_the_locks_pin_everything_exactly(name):
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] != "#"]
    assert ("torch==2.13.0" in lines) == (name == "requirements-models.lock")  # the CPU build; data need none
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+( ;.*)?", line) for line in lines), lines
