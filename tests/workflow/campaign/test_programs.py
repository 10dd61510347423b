"""Programs that are run again and again: codes, logs, limits, and one process for all runs of `jetimg`."""

import os
import sys
import time

import psutil
import pytest

from workflow.campaign.programs import OwnProcess, SharedProcess, program


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.txt"


@pytest.fixture
def jetimg():
    running = program(["jetimg"])
    yield running
    running.close()


def test_others_get_a_process_for_each_run(log):
    running = program(["sh", "-c"])
    assert isinstance(running, OwnProcess)
    codes = [running.run([line], log, 10) for line in ("echo one", "echo two >&2; exit 3", "kill -9 $$")]
    assert codes == [0, 3, -9]
    assert log.read_text() == "one\ntwo\n"
    assert OwnProcess(["/nonexistent"]).run([], log, 10) == 127


def test_what_a_program_started_ends_with_it(log, tmp_path):
    assert OwnProcess(["sh", "-c"]).run([f"sleep 600 & echo $! > {tmp_path}/pid; wait"], log, 1) is None
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 60  # it was told to end, and does when it has a core
    while not ended(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def ended(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_jetimg_stays_in_one_process(jetimg, log, tmp_path):
    assert isinstance(jetimg, SharedProcess)
    assert jetimg.run(["--version"], log, 60) == 0
    process = jetimg._process
    assert jetimg.run(["check", "--help"], tmp_path / "other.txt", 60) == 0
    assert jetimg._process is process
    assert process.pid != os.getpid()
    assert log.read_text().startswith("jetimg ")
    assert "Usage: jetimg check" in (tmp_path / "other.txt").read_text()
    jetimg.close()
    assert not process.is_alive()


def test_after_a_failure_there_is_another_process(jetimg, log):
    assert jetimg.run(["no-such-command"], log, 60) == 2
    assert "no-such-command" in log.read_text()
    assert jetimg._process is None
    assert jetimg.run(["--version"], log, 60) == 0


def test_a_process_that_is_killed_is_told_by_its_signal(log):
    running = SharedProcess([sys.executable])
    running._start()
    running._process.kill()
    assert running.run([], log, 60) == -9
    assert running._process is None


def test_a_run_that_hangs_is_stopped(log, tmp_path):
    """At once: the process has not yet begun to lead a group of its own."""
    running = program(["jetimg"])
    start = time.monotonic()
    assert running.run(["--version"], log, 0) is None
    assert running._process is None
    assert time.monotonic() - start < 60
