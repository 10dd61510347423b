"""Which simulated files are made again."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from jetimg.common.checksums import sha256
from jetimg.imaging.simulation_record import SimulationRecord
from workflow.campaign.failed import FailedFiles
from workflow.campaign.paths import Campaign

SAMPLES = {
    "tt": {"simulate": {"files": 3}, "events_per_file": 2},
    "bb": {"simulate": {"files": 1}, "events_per_file": 2},
    "tth": {"files": ["a.root"], "test": True},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(tmp_path, "tt/00000", "ok")
    record(tmp_path, "tt/00001", "crashed")
    record(tmp_path, "tt/00002", "ok")
    record(tmp_path, "bb/00000", "short")
    for sample in ("tt", "bb"):
        (tmp_path / f"results/simulated/{sample}/job-00000.tsv").touch()
    return tmp_path


def record(folder, name, verdict, **more):
    path = folder / f"results/simulated/{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(SimulationRecord(more.pop("file", name), verdict, **more))))


def failed(**changes):
    return FailedFiles(Campaign({"samples": SAMPLES} | changes))


class Checkpoint:
    """Stands for Snakemake's; keeps what it was asked for."""

    def __init__(self):
        self.states = []

    def get(self, state):
        self.states.append(state)
        self.output = [f"failed/{state}.txt"]
        return self


def test_those_with_a_bad_record_of_one_sample_or_all(folder):
    assert failed().records == [Path(f"results/simulated/{name}.json") for name in ("tt/00001", "bb/00000")]
    assert failed(only="bb").marks() == ["results/simulated/bb/00000.again"]
    assert failed(only="tth").records == []


def test_no_mark_is_asked_for_where_nothing_failed(folder):
    checkpoint = Checkpoint()
    assert failed(only="tth").marked(checkpoint) == []
    assert checkpoint.states == []


def test_the_same_failures_again_are_another_state(folder):
    checkpoint = Checkpoint()
    first = failed()
    assert first.marked(checkpoint) == [f"failed/{first.state}.txt"]
    assert failed().state == first.state != failed(only="tt").state
    os.utime(folder / "results/simulated/tt/00001.json", (1, 1))
    assert failed().state != first.state
    assert first.state == checkpoint.states[0], "one process has one answer"


def test_a_mark_is_an_input_once_it_is_there(folder):
    assert failed().marks_of("tt", "00000") == []
    (folder / "results/simulated/tt/00001.again").touch()
    assert failed().marks_of("tt", "00000") == ["results/simulated/tt/00001.again"]


def test_a_file_whose_record_is_gone_is_made_again_once_its_job_is_done(folder):
    (folder / "results/simulated/tt/00002.json").unlink()
    assert failed(only="tt").marks()[-1] == "results/simulated/tt/00002.again"
    assert len(failed().state) == 12
    (folder / "results/simulated/tt/job-00000.tsv").unlink()
    assert failed(only="tt").marks() == []


def test_a_file_that_changed_after_its_record_is_made_again(folder):
    path = folder / "results/simulated/tt/00000.root"
    path.write_bytes(b"as simulated")
    record(folder, "tt/00000", "ok", file=str(path), sha256=sha256(path))
    record(folder, "tt/00001", "ok")
    assert failed(only="tt").marks() == []
    path.write_bytes(b"as simulatee")
    assert failed(only="tt").marks() == ["results/simulated/tt/00000.again"]
    path.unlink()
    assert failed(only="tt").marks() == ["results/simulated/tt/00000.again"]


def test_a_file_whose_record_is_damaged_is_made_again(folder):
    path = folder / "results/simulated/tt/00002.json"
    record(folder, "tt/00002", "ok")
    path.write_text(path.read_text().replace("verdict", "verdicu"))
    assert "results/simulated/tt/00002.again" in failed(only="tt").marks()
