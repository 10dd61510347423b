"""Making one Delphes file with a command that may fail: tried, checked, recorded.

A job that crashes, hangs or writes a short or broken file is tried again with the same command, hence
the same seed, then recorded as failed. The record, a small JSON file, is always made: one lost file of
thousands must not stop a campaign, and must not vanish.
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detector import Detector
from detector.common.atomic import check_not_superseded
from jetimg.common.atomic import atomic_write
from jetimg.common.checksums import sha256
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import SimulationRecord
from jetimg.imaging.verdicts import Verdict, check

# A shell's exit code for a command that cannot be run.
NOT_STARTED = 127

# Seconds between asking a job to end and killing it.
GRACE = 10


@dataclass(frozen=True)
class AttemptJob:
    """A command that makes a Delphes file.

    Attributes:
        command: its words.
        output: the file it makes.
        events: events that the file must hold.
        seconds: time limit of one try.
        tries: how often it is tried at most.
        log: file for what it prints.
    """

    command: Sequence[str]
    output: Path
    events: int
    seconds: float
    tries: int
    log: Path


def attempt(job: AttemptJob, record_file: Path, detector: Detector, settings: ImageSettings) -> SimulationRecord:
    """Runs a job until its file is good or its tries are used up, and writes the record.

    A file that failed its check is removed, so that only good files stand under their names.

    Raises:
        DataError: the record cannot be written, or another process has begun to make this file.
        MachineFault: the file cannot be read, for a reason that is not the file's; there is no record then.
    """
    job.output.parent.mkdir(parents=True, exist_ok=True)
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(record_file) as partial:
        # What is made now may have other bytes than its old record says, and would be taken for damaged.
        record_file.unlink(missing_ok=True)
        # Another process that makes the same record removes this file. Then this process stops and changes nothing.
        partial.touch()
        record = _tried(job, partial, record_file, detector, settings)
        check_not_superseded(partial, record_file)
        partial.write_text(record.text())
    return record


def _tried(
    job: AttemptJob, partial: Path, record_file: Path, detector: Detector, settings: ImageSettings
) -> SimulationRecord:
    record = SimulationRecord(str(job.output), expected=job.events)
    for number in range(1, job.tries + 1):
        check_not_superseded(partial, record_file)
        job.output.unlink(missing_ok=True)
        start = time.monotonic()
        code = _run(job, number)
        check_not_superseded(partial, record_file)
        found = _judge(job, code, detector, settings)
        record.tries.append({"exit": code, "seconds": round(time.monotonic() - start, 1), "verdict": found.verdict})
        record.verdict, record.reason, record.entries = found.verdict, found.reason, found.entries
        if found.ok:
            record.sha256 = sha256(job.output)
            return record
    check_not_superseded(partial, record_file)
    job.output.unlink(missing_ok=True)
    record.reason = f"{record.reason} ({job.tries} tries; log: {job.log})"
    return record


def _run(job: AttemptJob, number: int) -> int | None:
    """Runs the command once; its exit code, or None if it was stopped at the time limit."""
    with job.log.open("a" if number > 1 else "w") as log:
        print(f"try {number}: {' '.join(job.command)}", file=log, flush=True)
        try:
            process = subprocess.Popen(job.command, stdout=log, stderr=log, start_new_session=True)
        except OSError as error:
            print(error, file=log)
            return NOT_STARTED
        try:
            return process.wait(timeout=job.seconds)
        except subprocess.TimeoutExpired:
            print(f"stopped after {job.seconds:g} s", file=log)
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and everything it started, politely first."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _judge(job: AttemptJob, code: int | None, detector: Detector, settings: ImageSettings) -> Verdict:
    if code is None:
        return Verdict(str(job.output), "timed-out", f"still running after {job.seconds:g} s", expected=job.events)
    if code != 0:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        how += ": no such program" if code == NOT_STARTED else ""
        return Verdict(str(job.output), "crashed", how, expected=job.events)
    return check(job.output, detector, settings, job.events)
