"""Running a program again and again, each time with other words and a time limit; it may crash or hang."""

import errno
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

from jetimg.common.errors import MachineFault
from jetimg.common.machine_faults import reason

# A shell's exit code for a program that cannot be run.
NOT_STARTED = 127

# Of the system's errors, those that say so; others, as of too little memory, are the machine's.
_NO_PROGRAM = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOEXEC, errno.ELOOP, errno.ENAMETOOLONG))

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

        Raises:
            MachineFault: there was no memory, or no place among the processes, to start it.
        """
        ...

    def close(self) -> None:
        """Ends what still runs, or waits for another run."""
        ...


def program(words: Sequence[str]) -> Program:
    """A program by its words: `jetimg` stays in one process, others get a process for each run."""
    return SharedProcess(words) if words[0] == OURS else OwnProcess(words)


@contextmanager
def ending_what_it_started() -> Iterator[None]:
    """SIGTERM, as of a scheduler, ends this process as Ctrl-C does: by an exception, which closes its programs."""

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # another one must not break off the closing
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _starting(words: Sequence[str]) -> Iterator[None]:
    """While a process is started: signals that end this one wait until somebody knows whom to end with it."""
    waiting: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _: waiting.append(got)) for number in signals]
    try:
        yield
    except OSError as error:
        if error.errno in _NO_PROGRAM:
            raise
        raise MachineFault(f"{words[0]}: not started: {reason(error)}; the machine is at fault") from error
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
        for late in waiting:
            signal.raise_signal(late)


class OwnProcess:
    """Any program: a process for each run."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str], log: Path, seconds: float) -> int | None:
        """See `Program`."""
        with log.open("a") as stream:
            try:
                with _starting(self.words):
                    self._process = subprocess.Popen(
                        [*self.words, *arguments], stdout=stream, stderr=stream, start_new_session=True
                    )
            except OSError as error:
                print(error, file=stream)
                return NOT_STARTED
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.close()

    def close(self) -> None:
        """See `Program`."""
        if self._process is not None:
            _end(self._process.pid, partial(_wait, self._process))
            self._process.wait()
            self._process = None


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
        assert self._process.pid is not None
        _end(self._process.pid, self._process.join)
        self._process.kill()  # it may not lead a group yet
        self._process.join()
        self._process = None

    def _start(self) -> None:
        # Not a fork: libraries of this process may have threads, whose locks a fork would keep for ever.
        context = multiprocessing.get_context("spawn")
        self._link, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with theirs, _starting(self.words):
            process.start()
            self._process = process


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
