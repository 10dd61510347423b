"""What is built: wheel and sdist hold all they should, and versions and dates agree."""

import datetime
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import jetimg

ROOT = Path(__file__).parents[1]
PACKAGES = ("detector", "jetimg", "models", "workflow")
DATA = {
    "detector/geometry/cms.yaml",
    "detector/geometry/cms_showers.yaml",
    "detector/geometry/charged_hadron_momentum_resolution.csv",
    "detector/geometry/muon_momentum_resolution.csv",
    *(f"{package}/py.typed" for package in PACKAGES),
}
# The folder is taken first: setuptools puts arguments of its own into sys.argv.
BUILD = "import sys; to = sys.argv[1]; from setuptools import build_meta as b; b.build_wheel(to); b.build_sdist(to)"


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """The repository's files: those that git tracks, a link by its name."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: which files are the repository's is not known")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and sdist, built in a copy of the repository's files and with the setuptools that is installed."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name, follow_symlinks=False)
    call = [sys.executable, "-c", BUILD, str(output)]
    done = subprocess.run(call, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def _of_wheel(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def _metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(_of_wheel(wheel, "METADATA"))


def test_the_wheel_has_every_module_and_data_file_and_no_more(wheel: zipfile.ZipFile, tracked: set[str]) -> None:
    templates = {name for name in tracked if name.startswith("jetimg/pages/templates/")}
    assert {"viewer.html", "viewer.js", "viewer.css"} <= {Path(name).name for name in templates}
    modules = {name for name in tracked if name.startswith(tuple(f"{p}/" for p in PACKAGES)) and name.endswith(".py")}
    assert len(modules) > 150
    zoo = {name for name in tracked if name.startswith("models/zoo/")}
    assert {"fast.pt", "fast.md"} <= {Path(name).name for name in zoo}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == modules | DATA | templates | zoo


def test_the_sdist_is_the_whole_repository(built: Path, tracked: set[str]) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert "profiles/default/config.yaml" in held  # the link `profiles`, as a folder
    assert tracked - {"profiles"} <= held


def test_the_command_and_the_groups_that_it_finds(wheel: zipfile.ZipFile) -> None:
    points = _of_wheel(wheel, "entry_points.txt")
    assert "jetimg = jetimg.cli.main:main" in points
    for name in ("campaign = workflow.cli:app", "detector = detector.cli:app", "models = models.cli:app"):
        assert name in points


def test_metadata_of_the_wheel(wheel: zipfile.ZipFile) -> None:
    metadata = _metadata(wheel)
    assert metadata["Version"] == jetimg.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Author"] == "The jetimg developers"
    urls = metadata.get_all("Project-URL") or []
    assert urls
    assert all(re.search(r", https://(arxiv|doi)\.org/\S+$", url) for url in urls)
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)} <= set(
        metadata.get_all("Classifier") or []
    )


def test_the_library_pins_nothing(wheel: zipfile.ZipFile) -> None:
    """Ranges here, exact versions in the locks: a library that pins cannot be installed beside another."""
    needed = _metadata(wheel).get_all("Requires-Dist") or []
    assert len(needed) > 20
    assert not [line for line in needed if "==" in line.partition(";")[0]]
    unbounded = [line for line in needed if ">=" not in line and not line.startswith("types-")]
    assert not unbounded


def test_version_and_date_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    first = re.search(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first
    assert first[1] == str(citation["version"]) == jetimg.__version__
    assert datetime.date.fromisoformat(first[2]) == citation["date-released"]


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_every_release_of_a_python_gets_the_same_packages(lock: str) -> None:
    """Python 3.11.2, of Debian 12, is as good as 3.11.9: what a newer one needs has an older version for it."""
    lines = re.findall(r"(?m)^(\w[^\\\n]*)", (ROOT / lock).read_text())
    found = [Requirement(line.strip()) for line in lines]
    for minor in ("3.11", "3.12", "3.13"):
        first, last = (
            {one.name for one in found if one.marker is None or one.marker.evaluate(environment)}
            for environment in ({"python_full_version": f"{minor}.{n}", "python_version": minor} for n in (0, 30))
        )
        assert first == last, minor
