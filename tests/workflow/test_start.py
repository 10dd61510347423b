"""What Snakemake does before anything runs: it writes nothing, and says in a line what is wrong."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from jetimg.dataset.plan import SPLITS
from tests.helpers.plain_profile import plain_profile
from tests.workflow.test_snakemake import ROOT, campaign, snakemake


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Snakemake in a folder, with nothing said but this."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "snakemake", *arguments, *plain_profile()]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def everything(folder: Path) -> dict[str, tuple[int, str]]:
    """Time and checksum of every file and folder but Snakemake's own."""
    paths = [path for path in sorted(folder.rglob("*")) if ".snakemake" not in path.relative_to(folder).parts]
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in paths
    }


def clone(folder: Path) -> Path:
    """What a fresh clone has that Snakemake reads, and nothing that was ever made."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("workflow", "detector", "jetimg", "models"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    (folder / "profiles").symlink_to("workflow/profiles")
    shutil.copytree(ROOT / "tests/data", folder / "tests/data")
    shutil.copy(ROOT / "Snakefile", folder)
    return folder


def test_a_dry_run_in_a_fresh_clone_writes_nothing(tmp_path):
    """Snakemake makes its own folder .snakemake, which cannot be turned off; it is in .gitignore."""
    folder = clone(tmp_path / "clone")
    before = everything(folder)
    run = call(folder, "--dry-run", "--cores", "1", "all", "rerun_failed", "report", "release", "download")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "take_network" in run.stdout
    assert everything(folder) == before
    assert {path.name for path in folder.iterdir()} - {Path(name).name for name in before} <= {".snakemake"}


def test_the_shipped_configurations_work_from_another_folder(tmp_path):
    run = call(tmp_path, "--snakefile", str(ROOT / "Snakefile"), "--dry-run", "--cores", "1", "look")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "results/demo/validation/tt" in run.stdout
    real = ["--configfile", str(ROOT / "workflow/config/real.yaml"), "--dry-run", "--cores", "1", "dataset"]
    run = call(tmp_path, "--snakefile", str(ROOT / "Snakefile"), *real)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Warning" not in run.stderr
    assert f"{ROOT}/tests/data/tt.root" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == [".snakemake"]


def test_a_missing_default_configuration_is_one_line(tmp_path):
    folder = clone(tmp_path / "clone")
    (folder / "workflow/config/default.yaml").unlink()
    run = call(folder, "--dry-run", "--cores", "1")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("no configuration: give one with --configfile")
    assert "Traceback" not in run.stderr
    assert "File " not in run.stderr


def test_a_configuration_without_samples_does_not_make_those_of_the_demo(tmp_path):
    folder = campaign(tmp_path, ("tt",))
    (folder / "config.yaml").write_text("results: out\n")
    run = snakemake(folder, "--dry-run")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == "the configuration cannot be used: samples: is missing"


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"results": "out{a}"}, "results: out{a}: braces are Snakemake's wildcards; rename it"),
        ({"detectors": {"pfjet": {}}}, "detectors: this key is called `networks` now"),
        ({"detector": "my.yaml"}, "detector: my.yaml: no such file"),
        ({"results": "config.yaml/out"}, "config.yaml is not a folder"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, change, hint):
    folder = campaign(tmp_path, ("tt",), **change)
    run = snakemake(folder, "--dry-run")
    assert run.returncode == 1
    assert hint in run.stderr.splitlines()[-1]
    assert "File " not in run.stderr
    assert not (folder / "out").exists()


def test_a_key_that_stands_twice_is_an_error(tmp_path):
    folder = campaign(tmp_path, ("tt",))
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text + "results: other\n")
    run = snakemake(folder, "--dry-run")
    assert run.returncode == 1
    assert "the key `results` stands twice" in run.stderr.splitlines()[-1]


def test_missing_files_are_told_by_a_dry_run_and_stop_the_run_before_it_converts(tmp_path):
    folder = campaign(tmp_path, ("tt", "bb"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["samples"]["bb"]["files"].append("/nope/*.root")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    dry = snakemake(folder, "--dry-run")
    assert dry.returncode == 0
    assert "samples.bb.files: /nope/*.root: matches no file" in dry.stderr
    run = snakemake(folder, "dataset")
    assert run.returncode != 0
    assert "missing input files (allowed: none; policy: bad_files)" in run.stderr
    assert not (folder / "out/events").exists()


@pytest.mark.skipif(not Path("/proc/sys/fs").is_dir(), reason="no folder that even root cannot write to")
def test_results_that_cannot_be_written_are_one_line(tmp_path):
    folder = campaign(tmp_path, ("tt",), results="/proc/sys/fs/jetimg")
    run = snakemake(folder, "dataset")
    assert run.returncode == 1
    assert "results: /proc/sys/fs/jetimg: the folder /proc/sys/fs cannot be written to" in run.stderr.splitlines()
    assert "Traceback" not in run.stderr
    assert snakemake(folder, "--dry-run").returncode == 0, "no lock is left"


def test_names_with_spaces_and_shell_words_are_only_names(tmp_path):
    """And bad inputs are skipped up to the stated share, and counted; a repaired one of an old date, and one that
    vanished, are noticed."""
    folder = campaign(
        tmp_path / "my campaign",
        ("tt", "tth"),
        results="r $(touch X) 'é",
        policy={"bad_files": "skip", "max_bad_share": 0.5},
    )
    good, odd = folder / "data/tt/0.root", folder / "data/tt/1 $(touch Y) ;&.root"
    shutil.copy(ROOT / "tests/data/no_hard_process_tt.root", odd)
    run = snakemake(folder, "look", "--until", "summary", "show")
    assert run.returncode == 0, run.stdout + run.stderr
    assert {path.name for path in folder.iterdir()} == {".snakemake", "config.yaml", "data", "r $(touch X) 'é"}
    results = folder / "r $(touch X) 'é"
    assert "no faults" in (results / "verified.txt").read_text()
    (bad,) = [file for file in inputs(results).values() if file["verdict"] != "ok"]
    assert (bad["name"], bad["verdict"]) == ("data/tt/1 $(touch Y) ;&.root", "short")
    assert bad["events"] == dict.fromkeys(SPLITS, 0)
    said = run.stderr.splitlines()
    assert "Left out: data/tt/1 $(touch Y) ;&.root: short" in said
    (line,) = [line for line in said if line.startswith("Events: 6 asked, 4 present (")]
    assert line.endswith("), 2 in bad files")
    assert "Nothing to be done" in (again := snakemake(folder, "dataset")).stdout + again.stderr

    shutil.copy(ROOT / "tests/data/tower_tt.root", odd)
    os.utime(odd, (1_000_000_000, 1_000_000_000))
    plan = snakemake(folder, "dataset", "--dry-run").stdout
    assert "rule convert" in plan
    assert "rule check" in plan

    good.unlink()
    dry = snakemake(folder, "dataset", "--dry-run")
    assert "samples.tt.files: data/tt/0.root: was there in the last run and is gone" in dry.stderr
    run = snakemake(folder, "dataset")
    assert run.returncode == 0, run.stdout + run.stderr
    lost = inputs(results)["data/tt/0.root"]
    assert (lost["verdict"], lost["reason"]) == ("unreadable", "no such file")


def inputs(results: Path) -> dict[str, dict[str, object]]:
    """What the manifest says of each input file."""
    return {file["name"]: file for file in json.loads((results / "dataset/manifest.json").read_text())["inputs"]}
