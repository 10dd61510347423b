"""Making a file with a command that fails in every way."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from detector import load
from jetimg.common.errors import DataError
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import read_record
from jetimg.imaging.verdicts import check
from workflow.campaign.attempt import AttemptJob, attempt, kept
from workflow.campaign.programs import OwnProcess

STAND_IN = Path(__file__).parents[2] / "helpers" / "stand_in.py"


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv("FAULTS", str(tmp_path / "faults.json"))
    output = tmp_path / "tt/00000.root"
    options = "--sample tt --index 0 --events 2 --mass 1500 --seed 1 --pool none --backend embedded"
    return AttemptJob(options.split(), output, events=2, seconds=20.0, tries=2, log=tmp_path / "tt.log")


def run(job, fault=None, program=(sys.executable, str(STAND_IN)), **changes):
    (job.log.parent / "faults.json").write_text(json.dumps({"tt/0": fault} if fault else {}))
    job = AttemptJob(**(vars(job) | changes))
    made = attempt(job, OwnProcess(program), load(), ImageSettings())
    assert read_record(job.record) == made
    return made


def test_a_good_file_is_made_once_and_its_checksum_kept(job):
    record = run(job)
    assert (record.verdict, record.entries, len(record.tries)) == ("ok", 2, 1)
    assert len(record.sha256) == 64
    assert job.output.is_file()
    assert "1500.0 GeV, seed 1" in job.log.read_text()


@pytest.mark.parametrize(
    ("fault", "verdict", "why"),
    [
        ("exit", "crashed", "exit code 1"),
        ("kill", "crashed", "signal SIGKILL"),
        ("truncate", "truncated", "cut off"),
        ("short", "short", "1 events of 2"),
    ],
)
def test_a_failure_is_tried_again_then_recorded_with_its_log(job, fault, verdict, why):
    record = run(job, fault)
    assert record.verdict == verdict
    assert why in record.reason
    assert f"(2 tries; log: {job.log})" in record.reason
    assert [trial["verdict"] for trial in record.tries] == [verdict, verdict]
    assert record.sha256 == ""
    assert not job.output.exists()
    assert job.log.read_text().count("try ") == 2


def test_a_hanging_job_is_stopped_with_everything_it_started(job):
    record = run(job, "hang", seconds=2.0, tries=1)
    assert (record.verdict, record.tries[0]["exit"]) == ("timed-out", None)
    assert "stopped after 2 s" in job.log.read_text()


def test_a_program_that_is_not_there_is_a_crash(job):
    record = run(job, program=["/nonexistent/program"], tries=1)
    assert record.verdict == "crashed"
    assert "exit code 127: no such program" in record.reason


def test_the_verdict_on_a_missing_file_tells_why_it_was_not_made(job):
    run(job, "exit")
    verdict = check(job.output, load(), ImageSettings())
    assert verdict.verdict == "unreadable"
    assert "its simulation: crashed: exit code 1" in verdict.reason


def test_an_orphan_whose_file_another_process_makes_now_touches_nothing(job):
    """A job left running by a killed Snakemake fails after its successor has made the file."""
    record = job.record
    successor = f"rm {record.parent}/.00000.json.*.partial; echo good > {job.output}; echo whole > {record}"
    with pytest.raises(DataError, match="another process has begun"):
        run(job, program=["sh", "-c", f"{successor}; exit 1"])
    assert (job.output.read_text(), record.read_text()) == ("good\n", "whole\n")


def test_a_file_that_was_made_in_the_same_way_is_kept(job, tmp_path):
    assert kept(job) is None
    made = run(job)
    assert kept(job) == made
    assert kept(replace(job, arguments=[*job.arguments, "--pythia", "x"])) is None
    assert kept(replace(job, events=3)) is None


def test_a_file_that_failed_is_kept_as_a_failure_until_it_is_marked(job, tmp_path):
    made, mark = run(job, "exit"), tmp_path / "mark"
    job = replace(job, made_from=[mark])
    assert kept(job) == made
    mark.touch()
    assert kept(job) is None


def test_a_program_that_was_killed_is_no_verdict_for_the_next_try(job):
    """Of a job on a cluster: it has more memory, and nothing else may have been wrong."""
    assert run(job, "kill").reason.startswith("signal SIGKILL")
    assert kept(job) is None


@pytest.mark.parametrize("harm", [lambda job: job.output.write_bytes(b"other"), lambda job: job.output.unlink()])
def test_a_file_that_is_not_what_its_record_says_is_made_again(job, harm):
    run(job)
    harm(job)
    assert kept(job) is None


def test_a_damaged_record_is_none(job):
    run(job)
    job.record.write_text(job.record.read_text().replace("tt", "bb"))
    assert kept(job) is None
