"""Making one Delphes file with a program that may fail: tried, checked, recorded.

A job that crashes, hangs or writes a short or broken file is tried again with the same words, hence
the same seed, then recorded as failed. The record, a small JSON file, is always made: one lost file of
thousands must not stop a campaign, and must not vanish.
"""

import shlex
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detector import Detector
from detector.common.atomic import check_not_superseded
from jetimg.common.atomic import atomic_write
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import SimulationRecord, check_bytes, read_record
from jetimg.imaging.verdicts import Verdict, check
from workflow.campaign.programs import NOT_STARTED, Program


@dataclass(frozen=True)
class AttemptJob:
    """A Delphes file that a program makes.

    Attributes:
        arguments: words that follow the program's own, but for the output.
        output: the file it makes.
        events: events that the file must hold.
        seconds: time limit of one try.
        tries: how often it is tried at most.
        log: file for what it prints.
        made_from: files that this one has to be newer than.
    """

    arguments: Sequence[str]
    output: Path
    events: int
    seconds: float
    tries: int
    log: Path
    made_from: Sequence[Path] = ()

    @property
    def record(self) -> Path:
        """The JSON file for what became of it."""
        return self.output.with_suffix(".json")


def attempt(job: AttemptJob, running: Program, detector: Detector, settings: ImageSettings) -> SimulationRecord:
    """Runs a program until its file is good or its tries are used up, and writes the record.

    A file that failed its check is removed, so that only good files stand under their names.

    Raises:
        DataError: the record cannot be written, or another process has begun to make this file.
        MachineFault: the file cannot be read, for a reason that is not the file's; there is no record then.
    """
    job.output.parent.mkdir(parents=True, exist_ok=True)
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(job.record) as partial:
        # What is made now may have other bytes than its old record says, and would be taken for damaged.
        job.record.unlink(missing_ok=True)
        # Another process that makes the same record removes this file. Then this process stops and changes nothing.
        partial.touch()
        record = _tried(job, running, partial, detector, settings)
        check_not_superseded(partial, job.record)
        partial.write_text(record.text())
    return record


def kept(job: AttemptJob) -> SimulationRecord | None:
    """The record of a file that was made before in this very way, good or bad, and is what its record says; or None.

    So a job that was killed goes on where it was, and one that makes a single file again leaves the others alone. A
    program that was killed (SIGKILL) is no verdict on the file: the kernel does so where memory is short, and the next
    try of a job on a cluster has more of it.

    Raises:
        MachineFault: the file or its record cannot be read.
    """
    try:
        record = read_record(job.record)
        if record is None or record.arguments != list(job.arguments) or record.expected != job.events:
            return None
        if record.tries and record.tries[-1]["exit"] == -signal.SIGKILL:
            return None
        made = job.record.stat().st_mtime_ns
        if any(path.exists() and path.stat().st_mtime_ns >= made for path in job.made_from):
            return None
        if record.verdict == "ok":
            check_bytes(job.output)
    except DataError:  # a damaged record, or file
        return None
    return record


def _tried(
    job: AttemptJob, running: Program, partial: Path, detector: Detector, settings: ImageSettings
) -> SimulationRecord:
    record = SimulationRecord(str(job.output), expected=job.events, arguments=list(job.arguments))
    for number in range(1, job.tries + 1):
        check_not_superseded(partial, job.record)
        job.output.unlink(missing_ok=True)
        start = time.monotonic()
        code = _run(job, running, number)
        check_not_superseded(partial, job.record)
        found = _judge(job, code, detector, settings)
        record.tries.append({"exit": code, "seconds": round(time.monotonic() - start, 1), "verdict": found.verdict})
        record.verdict, record.reason, record.entries = found.verdict, found.reason, found.entries
        if found.ok:
            record.sha256 = sha256(job.output)
            return record
    check_not_superseded(partial, job.record)
    job.output.unlink(missing_ok=True)
    record.reason = f"{record.reason} ({job.tries} tries; log: {job.log})"
    return record


def _run(job: AttemptJob, running: Program, number: int) -> int | None:
    """Runs the program once; its exit code, or None if it was stopped at the time limit."""
    arguments = [*job.arguments, "--output", str(job.output)]
    with job.log.open("a" if number > 1 else "w") as log:
        print(f"try {number}: {shlex.join([*running.words, *arguments])}", file=log)
    code = running.run(arguments, job.log, job.seconds)
    if code is None:
        with job.log.open("a") as log:
            print(f"stopped after {job.seconds:g} s", file=log)
    return code


def _judge(job: AttemptJob, code: int | None, detector: Detector, settings: ImageSettings) -> Verdict:
    if code is None:
        return Verdict(str(job.output), "timed-out", f"still running after {job.seconds:g} s", expected=job.events)
    if code != 0:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        how += ": no such program" if code == NOT_STARTED else ""
        return Verdict(str(job.output), "crashed", how, expected=job.events)
    return check(job.output, detector, settings, job.events)
