"""Programs that are run again and again: codes, logs, limits, and one process for all runs of `jetimg`."""

import errno
import multiprocessing.util
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from jetimg.common.errors import MachineFault
from workflow.campaign.programs import OwnProcess, SharedProcess, ending_what_it_started, program


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
    wait_for_end(int((tmp_path / "pid").read_text()))


def wait_for_end(pid):
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


@pytest.fixture
def starting(monkeypatch):
    """Wraps how processes are started, of both kinds, in a function of the test's own."""

    def use(wrap):
        class Popen(subprocess.Popen):
            def __init__(self, *arguments, **options):
                wrap(lambda: super(Popen, self).__init__(*arguments, **options))

        spawn = multiprocessing.util.spawnv_passfds
        monkeypatch.setattr(subprocess, "Popen", Popen)
        monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", lambda *words: wrap(lambda: spawn(*words)))

    return use


@pytest.mark.parametrize("words", [["sleep", "600"], ["jetimg"]], ids=["own", "shared"])
def test_a_scheduler_that_ends_a_process_while_it_starts_another_ends_both(words, log, starting):
    """And it may say so more than once."""

    def ended_meanwhile(start):
        pid = start()
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
        return pid

    starting(ended_meanwhile)
    others = set(psutil.Process().children())
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end, ending_what_it_started(), closing(program(words)) as running:
        running.run([], log, 60)
    assert end.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    for child in set(psutil.Process().children()) - others:
        assert "resource_tracker" in " ".join(child.cmdline()), child  # of multiprocessing, for all processes


@pytest.mark.parametrize("words", [["sleep"], ["jetimg"]], ids=["own", "shared"])
def test_a_machine_without_room_for_a_process_is_no_fault_of_the_program(words, log, starting):
    def full(_):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    starting(full)
    with pytest.raises(MachineFault, match=f"{words[0]}: not started: Cannot allocate memory"):
        program(words).run(["0"], log, 60)
