"""Running a program again and again, each time with other words and a time limit; it may crash or hang."""

import multiprocessing
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

# A shell's exit code for a program that cannot be run.
NOT_STARTED = 127

# Seconds between asking a process to end and killing it.
GRACE = 10

OURS = "jetimg"


class Program(Protocol):
    """A program that can be run."""

    words: Sequence[str]

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int | None:
        """Runs it once.

        Args:
            arguments: words that follow the program's own.
            log: file that what it prints is added to.
            seconds: time limit; it and everything that it started is ended then.

        Returns:
            its exit code, minus a signal's number if it was killed; None if it was stopped at the time limit.
        """
        ...

    def close(self) -> None:
        """Ends what still waits for another run."""
        ...


def program(words: Sequence[str]) -> Program:
    """A program by its words: `jetimg` stays in one process, others get a process for each run."""
    return SharedProcess(words) if words[0] == OURS else OwnProcess(words)


@contextmanager
def ending_what_it_started() -> Iterator[None]:
    """SIGTERM, as of a scheduler, ends this process as Ctrl-C does: by an exception, which closes its programs."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class OwnProcess:
    """Any program: a process for each run."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int | None:
        """See `Program`."""
        with log.open("a") as stream:
            try:
                process = subprocess.Popen(
                    [*self.words, *arguments], stdout=stream, stderr=stream, start_new_session=True
                )
            except OSError as error:
                print(error, file=stream)
                return NOT_STARTED
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process.pid, partial(_wait, process))
            process.wait()

    def close(self) -> None:
        """Nothing waits."""


class SharedProcess:
    """`jetimg`, in a process that makes one file after the other: it imports and loads everything once.

    After a run that did not go well the next one gets a new process.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self._process: BaseProcess | None = None

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int | None:
        """See `Program`."""
        if self._process is None:
            self._start()
        assert self._process is not None
        code: int | None = None
        try:
            self._link.send(([*self.words, *arguments], log))
            if self._link.poll(seconds):
                code = self._link.recv()
        except (EOFError, OSError):  # its end of the link is gone, and so is the process
            self._process.join()
            code = self._process.exitcode
        if code != 0:
            self.close()
        return code

    def close(self) -> None:
        """See `Program`."""
        if self._process is None:
            return
        self._link.close()
        process, self._process = self._process, None
        assert process.pid is not None
        _end(process.pid, process.join)
        process.kill()  # it may not lead a group yet
        process.join()

    def _start(self) -> None:
        # Not a fork: libraries of this process may have threads, whose locks a fork would keep for ever.
        context = multiprocessing.get_context("spawn")
        self._link, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()


def _serve(link: Connection) -> None:
    """Runs what the link brings, in the process that all runs share; ends with the one who asks."""
    os.setsid()
    with suppress(EOFError, OSError):
        while True:
            words, log = link.recv()
            link.send(_run(words, log))


def _run(words: Sequence[str], log: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("a") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        return jetimg_in_this_process(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def jetimg_in_this_process(words: Sequence[str]) -> int:
    """Runs a command of `jetimg`, whose name is the first word; its exit code."""
    from jetimg.cli.main import main

    sys.argv = list(words)
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(leader: int, wait: Callable[[int], object]) -> None:
    """Ends a process and everything that it started, politely first.

    Args:
        leader: number of the process, which leads a group.
        wait: waits so many seconds for the process to end.
    """
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(leader, sign)
        except ProcessLookupError:
            break
        wait(GRACE)


def _wait(process: subprocess.Popen[bytes], seconds: int) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
