"""A job of several files: one that fails does not stop the others, and what is there is kept."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from detector import load
from jetimg.cli.main import app
from jetimg.imaging.settings import ImageSettings
from workflow.campaign.simulation_job import SimulationJob, make, table

STAND_IN = Path(__file__).parents[2] / "helpers" / "stand_in.py"


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv("FAULTS", str(tmp_path / "faults.json"))
    options = "--sample tt --events 2 --seed 1 --backend embedded"
    files = [(f"{number:05d}", ["--mass", f"{mass}", "--pool", "none"]) for number, mass in enumerate((600, 800, 900))]
    program = [sys.executable, str(STAND_IN)]
    return SimulationJob(program, options.split(), files, tmp_path / "tt", tmp_path / "logs", [], 2, 20.0, 1)


def command(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output


def run(job, **faults):
    (job.logs.parent / "faults.json").write_text(json.dumps({f"tt/{k[1:]}": fault for k, fault in faults.items()}))
    made = list(make(job, load(), ImageSettings()))
    return [record for record, _ in made], [before for _, before in made]


def test_a_failure_is_one_line_among_the_others(job):
    records, _ = run(job, _1="exit")
    assert [record.verdict for record in records] == ["ok", "crashed", "ok"]
    lines = [line.split("\t") for line in table(records).splitlines()]
    assert lines[0] == ["file", "verdict", "events", "sha256"]
    assert lines[1] == ["00000.root", "ok", "2", records[0].sha256]
    assert lines[2] == ["00001.root", "crashed", "0", "-"]
    assert "900.0 GeV" in (job.logs / "00002.log").read_text()


def test_a_job_that_was_stopped_goes_on_where_it_was(job):
    for _ in zip(range(1), make(job, load(), ImageSettings()), strict=False):
        pass  # and is stopped
    first = (job.folder / "00000.json").stat().st_mtime_ns
    _, before = run(job)
    assert before == [True, False, False]
    assert (job.folder / "00000.json").stat().st_mtime_ns == first


def test_only_a_marked_file_is_made_again(job):
    failed, _ = run(job, _1="exit")
    (job.folder / "00001.again").touch()
    records, before = run(job)
    assert before == [True, False, True]
    assert [record.verdict for record in records] == ["ok"] * 3
    assert table(records) != table(failed)


def test_other_options_or_a_newer_pool_make_the_files_again(job, tmp_path):
    run(job)
    files = [(job.files[0][0], ["--mass", "700", "--pool", "none"]), *job.files[1:]]
    assert run(replace(job, files=files))[1] == [False, True, True]
    (tmp_path / "pool").touch()
    assert run(replace(job, made_from=[tmp_path / "pool"]))[1] == [False, False, False]


def test_a_scheduler_that_ends_the_job_ends_what_it_started(job, tmp_path):
    """Both the program of a user, which hangs, and ours, in the process that all files share."""
    (tmp_path / "faults.json").write_text(json.dumps({"tt/0": "hang"}))
    hanging = f"{sys.executable} {STAND_IN}", ["--pool", "none", "--backend", "none", "--mass", "1", "--seed", "1"]
    ours = "jetimg detector gun", ["--particle", "pi0", "--seed", "1"]
    for program, options in (hanging, ours):
        call = ["-m", "jetimg", "campaign", "simulate", "--program", program, "--file=00000", "--events", "100000"]
        call += ["--folder", tmp_path, "--logs", tmp_path, "--output", tmp_path / "job.tsv"]
        arguments = [*map(str, call), "--", "--sample", "tt", "--events", "100000", *options]
        running = subprocess.Popen([sys.executable, *arguments])
        log = tmp_path / "00000.log"
        while not (log.exists() and (started := psutil.Process(running.pid).children(recursive=True))):
            time.sleep(0.1)
        log.unlink()
        running.terminate()
        assert running.wait(60) == 128 + signal.SIGTERM
        assert not [one for one in psutil.wait_procs(started, timeout=60)[1] if one.status() != psutil.STATUS_ZOMBIE]
    assert not (tmp_path / "job.tsv").exists()


def test_several_files_of_one_process_are_those_of_a_process_each(tmp_path):
    """The same bytes, with our own detector simulation."""
    shot = ["--particle", "pi0", "--sample", "pi0", "--events", "3", "--seed", "1"]
    files = [f"--file={number:05d}" for number in range(2)]
    call = ["campaign", "simulate", "--program", "jetimg detector gun", *files, "--folder", tmp_path / "shared"]
    call += ["--logs", tmp_path / "logs", "--events", 3, "--output", tmp_path / "job.tsv", "--", *shot]
    command(*call)
    assert (tmp_path / "job.tsv").read_text().count("\tok\t3\t") == 2
    for number in range(2):
        command("detector", "gun", *shot, "--index", number, "--output", tmp_path / f"{number}.root")
        assert (tmp_path / f"{number}.root").read_bytes() == (tmp_path / f"shared/0000{number}.root").read_bytes()
    assert len({(tmp_path / f"{number}.root").read_bytes() for number in range(2)}) == 2
