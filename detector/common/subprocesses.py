"""Runs another program: with a time limit, its output in a log, and no child process left behind."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from detector.common.errors import DataError

GRACE = 5.0  # s between asking a process to end and killing it
TAIL = 10  # lines of the log that an error repeats


def run(command: Sequence[str], folder: Path, log: Path, limit: float) -> None:
    """Runs a program; its output and errors are added to the log.

    Args:
        command: program and arguments.
        folder: where it runs.
        log: file to add to.
        limit: s, after which the program and its children are killed.

    Raises:
        DataError: it failed, was killed, or took too long; the message holds the end of the log.
    """
    name = Path(command[0]).name
    with log.open("ab") as words, ends_with_us():
        process = _start(command, folder, words)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise DataError(f"{name} was stopped after {limit:g} s, its time limit{_tail(log)}") from None
        finally:
            _stop(process)
    if code:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise DataError(f"{name} {how}{_tail(log)}")


def _start(command: Sequence[str], folder: Path, words: IO[bytes]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
        )
    except OSError as error:
        raise DataError(f"{command[0]} cannot be started: {error.strerror}") from error


@contextmanager
def ends_with_us() -> Iterator[None]:
    """Turns SIGTERM, as batch systems send it, into an exception, so that the child can be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends the process and all that it started, if any is left: they share its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _tail(log: Path) -> str:
    """The end of the log, for a message."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL:]
    return f"; log: {log}" + "".join(f"\n  {line}" for line in lines)
