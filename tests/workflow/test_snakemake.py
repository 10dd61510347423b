"""The whole workflow, small, as a user runs it; once good, once with every kind of bad file."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
import yaml

from tests.helpers import forked, forked_jetimg
from tests.helpers.plain_profile import plain_profile

ROOT = Path(__file__).parents[2]
SAMPLES = {name: {"files": [f"data/{name}/*.root"], "events_per_file": 2} for name in ("bb", "tt")}
SAMPLES["tth"] = {"files": ["data/tth/0.root"], "events_per_file": 2, "test": True}


def campaign(folder: Path, names: tuple[str, ...] = tuple(SAMPLES), **changes) -> Path:
    """A campaign of its own: the repository's code, real data, its own configuration."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / "data" / name).mkdir(parents=True)
        shutil.copy(ROOT / "tests/data" / f"{name}.root", folder / "data" / name / "0.root")
    samples = {name: SAMPLES[name] for name in names}
    config = {"results": "out", "samples": samples, "sharding": {"events_per_shard": 4, "validation_fraction": 0.3}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config | changes))
    return folder


def whole(folder: Path, **changes) -> Path:
    """A campaign whose data set can be trained on, in few jobs: 3 events for training, 1 for validation, 2 to test."""
    sharding = {"seed": 1, "events_per_shard": 2, "validation_fraction": 0.3, "test_fraction": 0.0}
    campaign(folder, ("tt", "tth"), sharding=sharding, **changes)
    shutil.copy(ROOT / "tests/data/bb.root", folder / "data/tt/1.root")
    return folder


def snakemake(folder: Path, *arguments: str, cores: int = 2, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Runs the workflow in a folder; programs in its folder `bin` come before all others."""
    command = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", str(cores), *arguments]
    command += plain_profile()
    programs = [folder / "bin", forked_jetimg.folder(), Path(sys.executable).parent]
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    modules = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PATH": path, "PYTHONPATH": modules}
    return forked.snakemake(command, folder, environment, timeout)


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file of the data set."""
    files = sorted((folder / "out/dataset").iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = whole(tmp_path_factory.mktemp("campaign"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_everything_is_made(finished):
    out = finished / "out"
    assert "no faults" in (out / "verified.txt").read_text()
    assert {path.name for path in (out / "pictures").iterdir()} == {"tt.png", "tth.png"}
    inputs = json.loads((out / "dataset/manifest.json").read_text())["inputs"]
    assert sum(file["entries"] for file in inputs) == 6
    assert sum(sum(file["events"].values()) for file in inputs) == 6
    assert {file["sample"] for file in inputs if file["events"]["test"]} == {"tth"}
    assert (out / "summary/summary.md").read_text().count("| tth") >= 1


def test_the_five_lines_of_the_readme_read_an_event(finished):
    (code,) = re.findall(r"```python\n(import h5py.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    scope: dict[str, object] = {}
    exec(code.replace("results/demo/dataset", str(finished / "out/dataset")), scope)
    with h5py.File(finished / "out/dataset/train-00000.h5") as file:
        assert scope["image"].sum() == pytest.approx(file["ecal/value"][: file["ecal/indptr"][1]].sum(), rel=1e-5)
        assert len(scope["boxes"]) == file["jets/indptr"][1]


def test_a_second_run_has_nothing_to_do(finished):
    run = snakemake(finished)
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout + run.stderr


def test_a_shard_that_was_removed_is_made_again(finished):
    """The manifest that was made of it is up to date: nothing that came after asked for the shard."""
    before = digests(finished)
    (finished / "out/dataset/train-00000.h5").unlink()
    run = snakemake(finished, "dataset")
    assert run.returncode == 0, run.stdout + run.stderr
    assert digests(finished) == before


def test_bad_files_stop_the_data_set_but_not_the_other_files(tmp_path):
    folder = campaign(tmp_path / "bad", ("tt", "tth"))
    whole = (folder / "data/tt/0.root").read_bytes()
    (folder / "data/tt/cut.root").write_bytes(whole[: len(whole) // 2])
    (folder / "data/tt/empty.root").touch()
    run = snakemake(folder, "dataset")
    assert run.returncode != 0
    assert "data/tt/cut.root: truncated" in run.stderr
    assert "data/tt/empty.root: unreadable: zero bytes" in run.stderr
    assert not (folder / "out/dataset/manifest.json").exists()
    assert len(list((folder / "out/events").glob("*/*.h5"))) == 2  # the good files are converted
    verdicts = [row["verdict"] for row in json.loads((folder / "out/check/tt.json").read_text())]
    assert verdicts == ["ok", "truncated", "unreadable"]


def test_a_wrong_configuration_is_explained(tmp_path):
    folder = campaign(tmp_path / "typo", ("tt",), polcy={"bad_files": "skip"})
    run = snakemake(folder, "--dry-run")
    assert run.returncode != 0
    assert "polcy: unknown key; did you mean `policy`?" in run.stdout + run.stderr
