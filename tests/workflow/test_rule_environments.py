"""The environments of the rules: versions of the locks, all that a group of rules imports, and nothing to test with."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflow/envs"
# conda-forge's name -> PyPI's
PYPI = {"matplotlib-base": "matplotlib"}
# What each group of rules asks the project for.
EXTRAS = {"data": ("workflow", "release"), "simulation": ("simulation",), "models": ("models",)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def content(name):
    """Packages from conda-forge and from PyPI."""
    parts = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["dependencies"]
    (pip,) = [part["pip"] for part in parts if isinstance(part, dict)]
    return [part for part in parts if isinstance(part, str)], pip


def versions(name):
    conda, pip = content(name)
    pairs = [re.split("=+", part, maxsplit=1) for part in [*conda, *pip]]
    return {PYPI.get(part[0], part[0]): part[1] if len(part) > 1 else None for part in pairs}


def test_each_group_of_rules_has_one():
    used = {
        name for path in (ROOT / "workflow/rules").glob("*.smk") for name in re.findall(r"envs/(\w+)", path.read_text())
    }
    assert used == {path.stem for path in FOLDER.iterdir()} == set(EXTRAS)


@pytest.mark.parametrize("name", EXTRAS)
def test_versions_are_those_of_the_locks(name):
    text = "".join(lock.read_text() for lock in sorted(ROOT.glob("requirements*.lock")))
    locked = dict(re.findall(r"^([\w.-]+)==([\w.+]+)", text, re.MULTILINE))
    pinned = {package: version for package, version in versions(name).items() if version and package != "python"}
    assert pinned
    assert {package: locked[package] for package in pinned} == pinned


@pytest.mark.parametrize("name", EXTRAS)
def test_what_the_rules_need_is_there_and_no_more(name):
    needed = [
        *PROJECT["dependencies"],
        *(text for extra in EXTRAS[name] for text in PROJECT["optional-dependencies"][extra]),
    ]
    extra = {"simulation": {"delphes", "pythia8"}}.get(name, set())
    assert {re.split("[<>=~]", text)[0] for text in needed} | {"python", "pip", "../.."} | extra == set(versions(name))


@pytest.mark.parametrize("name", EXTRAS)
def test_the_project_is_installed_too(name):
    """Also from Snakemake's copy of the file, .snakemake/conda/NAME.yaml, which is as deep."""
    _, pip = content(name)
    assert (FOLDER / pip[-1]).resolve() == ROOT
    assert (ROOT / ".snakemake/conda" / pip[-1]).resolve() == ROOT
