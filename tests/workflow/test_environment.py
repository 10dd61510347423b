"""environment.yml and the lock files name the same versions, for what the project asks for."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# conda-forge's name -> PyPI's
PYPI = {"matplotlib-base": "matplotlib"}


LOCKS = ("requirements.lock", "requirements-models.lock", "requirements-torch.lock")
CPU_LOCK = "requirements-torch-cpu.lock"
REMOTE_LOCK = "requirements-remote.lock"


def _lock(*names):
    """Version and hashes of each package in locks."""
    found = {}
    for name in names or LOCKS:
        for entry in (ROOT / name).read_text().replace("\\\n", " ").splitlines():
            if entry and not entry.startswith("#"):
                pinned, *rest = entry.split()
                package, version = pinned.split("==")
                assert package not in found, f"{package} is in two locks"
                found[package] = version, [word for word in rest if word.startswith("--hash")]
    return found


def _content():
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def _name(text):
    return re.split(r"[\[<>=~]", text)[0]


def _environment():
    content = _content()
    (pip,) = [part["pip"] for part in content if isinstance(part, dict)]
    conda = [re.split("=+", part, maxsplit=1) for part in content if isinstance(part, str)]
    return {
        name[0]: name[1] if len(name) > 1 else None
        for name in conda + [part.split("==") for part in pip if part != "-e ."]
    }


def test_versions_agree():
    lock = {name: version for name, (version, _) in _lock().items()}
    pinned = {name: version for name, version in _environment().items() if version and name != "python"}
    assert {name: lock[PYPI.get(name, name)] for name in pinned} == pinned


def test_the_environment_has_what_the_project_needs():
    names = {PYPI.get(name, name) for name in _environment()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + extras["simulation"] + extras["workflow"] + extras["test"] + extras["models"]
    assert {_name(text) for text in needed} <= names
    assert {"delphes", "pythia8"} <= names


def test_the_environment_installs_the_project():
    (pip,) = [part["pip"] for part in _content() if isinstance(part, dict)]
    assert pip[-1] == "-e ."


@pytest.mark.parametrize("name", [*LOCKS, CPU_LOCK, REMOTE_LOCK])
def test_the_locks_have_versions_and_hashes(name):
    for package, (version, hashes) in _lock(name).items():
        assert re.fullmatch(r"[\w.+]+", version), package
        assert hashes, f"{package} without a hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in hashes), package


def test_the_locks_have_what_the_project_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name in ("simulation", "workflow", "tables", "release", "test", "dev"):
        assert {_name(text) for text in project["dependencies"] + extras[name]} <= set(_lock("requirements.lock"))
    assert {_name(text) for text in extras["models"]} <= set(_lock())
    for name in ("slurm", "http", "xrootd", "s3", "servers"):
        assert {_name(text) for text in extras[name]} <= set(_lock(REMOTE_LOCK))


def test_torch_is_in_locks_of_its_own_and_both_builds_are_of_one_version():
    """With the hashes of both in one lock, pip would prefer PyPI's, and CUDA with it."""
    assert not {"torch", "triton"} & set(_lock("requirements.lock", "requirements-models.lock"))
    (cpu, hashes) = _lock(CPU_LOCK)["torch"]
    version, others = _lock("requirements-torch.lock")["torch"]
    assert cpu == f"{version}+cpu"
    assert not set(hashes) & set(others)
