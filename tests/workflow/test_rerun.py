"""A campaign of simulations that fail in every way, and how it is mended."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import yaml

from jetimg.dataset.plan import SPLITS
from tests.workflow.test_snakemake import digests, snakemake

ROOT = Path(__file__).parents[2]
FAULTS = {"tt/0": "exit", "tt/2": "truncate", "bb/0": "short", "bb/1": "kill", "bb/2": "hang"}
SAMPLES = {
    "tt": {"simulate": {"files": 3}, "events_per_file": 2},
    "bb": {"simulate": {"files": 3}, "events_per_file": 2},
    "tth": {"simulate": {"files": 1}, "events_per_file": 2, "test": True},
}


def campaign(folder, faults, monkeypatch, samples=SAMPLES, minutes=0.1, simulated_per_job=1):
    (folder / "out/simulated/pool").mkdir(parents=True)
    for split in SPLITS:
        (folder / "out/simulated/pool" / split).touch()  # the stand-in needs none
    config = {
        "results": "out",
        "samples": samples,
        "simulation": {
            "program": f"{sys.executable} {ROOT}/tests/helpers/stand_in.py",
            "backend": "embedded",
            "tries": 1,
            "minutes": minutes,
            "files_per_job": simulated_per_job,
        },
        "files_per_job": 1,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "faults.json").write_text(json.dumps(faults))
    monkeypatch.setenv("FAULTS", str(folder / "faults.json"))
    return folder


def state(folder, pattern):
    """Time and checksum of files."""
    paths = sorted((folder / "out").glob(pattern))
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).digest())
        for p in paths
        if p.is_file()
    }


def changed(before, after):
    return {name for name in after if after[name] != before.get(name)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = campaign(tmp_path_factory.mktemp("well"), {}, patch, simulated_per_job=3)
        run = snakemake(folder, "dataset")
    assert run.returncode == 0, run.stderr
    return digests(folder)


def test_failures_are_told_and_mended_sample_by_sample(tmp_path, monkeypatch, undisturbed):
    """Two simulated files a job: of a job with a bad file the good one stays, and is converted again."""
    folder = campaign(tmp_path, FAULTS, monkeypatch, simulated_per_job=2)
    first = snakemake(folder, "dataset")
    assert first.returncode != 0
    assert "bad input files in bb, tt (allowed: none)" in first.stderr
    for name, why in {"bb/00002": "timed-out", "bb/00000": "short", "tt/00000": "crashed: exit code 1"}.items():
        assert any(name in line and why in line for line in first.stderr.splitlines()), name
    assert len(list((folder / "out/events").glob("*/*.h5"))) == 7  # every file has its event file, good or bad

    (folder / "faults.json").write_text("{}")
    records, files = state(folder, "simulated/*/*.json"), state(folder, "simulated/*/*.root")
    events = state(folder, "events/*/*.h5")
    again = snakemake(folder, "rerun_failed", "--config", "only=tt")
    assert again.returncode != 0  # bb still fails
    assert "bad input files in bb (allowed: none)" in again.stderr
    assert "To be simulated again: out/simulated/tt/00000.again out/simulated/tt/00002.again" in again.stderr
    mended = {"tt/00000", "tt/00002"}
    assert changed(records, state(folder, "simulated/*/*.json")) == {f"out/simulated/{name}.json" for name in mended}
    assert changed(files, state(folder, "simulated/*/*.root")) == {f"out/simulated/{name}.root" for name in mended}
    converted = {f"out/events/tt/0000{number}.h5" for number in range(3)}
    assert changed(events, state(folder, "events/*/*.h5")) == converted

    before = state(folder, "**/*")
    dry = snakemake(folder, "rerun_failed", "--dry-run")
    assert "To be simulated again: out/simulated/bb/00000.again" in dry.stdout + dry.stderr
    assert state(folder, "**/*") == before

    last = snakemake(folder, "rerun_failed")
    assert last.returncode == 0, last.stderr
    assert digests(folder) == undisturbed
    assert "Nothing to be done" in (nothing := snakemake(folder, "dataset")).stdout + nothing.stderr


def test_a_file_that_fails_twice_is_made_a_third_time(tmp_path, monkeypatch):
    """Each mark differs from the one before: Snakemake passes over newer files that have the old content."""
    samples = {"tt": SAMPLES["tt"] | {"simulate": {"files": 1}}, "tth": SAMPLES["tth"]}
    folder = campaign(tmp_path, {"tt/0": "exit"}, monkeypatch, samples)
    assert snakemake(folder, "out/simulated/tt/job-00000.tsv").returncode == 0
    for _ in range(2):
        before = state(folder, "simulated/tt/*.json")
        assert "bad input files in tt" in snakemake(folder, "rerun_failed").stderr
        assert changed(before, state(folder, "simulated/tt/*.json")) == {"out/simulated/tt/00000.json"}
