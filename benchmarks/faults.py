"""Random faults, by seed, in every kind of file that the pipeline reads: which are noticed, and which are not.

    python -m benchmarks.faults --seed 1 --rounds 20 [--seconds 600] [--only checkpoint record]

Each fault strikes in a process of its own. Damage (one bit, eight bytes, a cut) has to end in an error or a verdict of
one line, or change nothing of what is read. A fault of the machine (no more open files, an error of the disk, too
little memory, no room to write) has to end the work without a verdict on the file, and the next try has to give the
same. So has the next try after a kill at a random moment of the work. A clock that jumps by years, back and forth,
and a file from the past or the future have to change nothing.
"""

import argparse
import errno
import itertools
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faulty_files import Kind, kinds
from detector.common.errors import DataError as SimulationError
from jetimg.common.errors import DataError, MachineFault
from jetimg.common.machine_faults import is_machine_fault
from jetimg.imaging import delphes_stream

DAMAGE, MACHINE, KILL, CLOCK = ("bit", "bytes", "cut"), ("files", "disk", "memory", "room"), "kill", "clock"
COLUMNS = ("tried", "noticed", "no effect", "silent", "crashed", "wrong blame", "different after")
# Seconds after which a process is stopped, and counted as crashed.
PATIENCE = 20


@dataclass(frozen=True)
class Outcome:
    """One of COLUMNS, and what was said."""

    column: str
    said: str = ""


def main(arguments: list[str] | None = None) -> Mapping[str, Counter[str]]:
    """Strikes, and prints a table; what was not noticed is named below it."""
    options = _options(arguments)
    rng, begun = np.random.default_rng(options.seed), time.monotonic()
    table: dict[str, Counter[str]] = {}
    named: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        made = kinds(Path(folder), options.only)
        for number in range(options.rounds):
            for kind in made:
                for fault in (*DAMAGE, *MACHINE, KILL, CLOCK):
                    if time.monotonic() - begun > options.seconds:
                        break
                    found = _strike(kind, fault, rng)
                    row = table.setdefault(f"{kind.name}: {_group(fault)}", Counter())
                    row.update(("tried", found.column))
                    print(f"{number} {kind.name} {fault}: {found.column}", file=sys.stderr, flush=True)
                    if found.column not in ("noticed", "no effect"):
                        named.append(f"round {number}, {kind.name}, {fault}: {found.column}: {found.said}")
    print(_printed(table))
    print(*named, sep="\n")
    return table


def _group(fault: str) -> str:
    return "damage" if fault in DAMAGE else "machine" if fault in MACHINE else fault


def _printed(table: Mapping[str, Counter[str]]) -> str:
    total: Counter[str] = sum(table.values(), Counter())
    rows = [*sorted(table.items()), ("all", total)]
    lines = [f"| file: fault | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    return "\n".join(lines + [f"| {name} | {' | '.join(str(row[each]) for each in COLUMNS)} |" for name, row in rows])


def _strike(kind: Kind, fault: str, rng: np.random.Generator) -> Outcome:
    """One fault of a kind; the file is whole again afterwards."""
    good = kind.path.read_bytes()
    try:
        if fault in DAMAGE:
            kind.path.write_bytes(_damaged(good, fault, rng))
            return _after_damage(kind, _in_child(kind.read))
        if fault == KILL:
            return _after_kill(kind, _in_child(kind.read, rng.uniform(0, 1.2) * kind.seconds))
        amount = int(rng.integers(0, 24))
        return _after_machine(kind, fault, _in_child(lambda: _failing(kind, fault, amount)))
    finally:
        kind.path.write_bytes(good)


def _damaged(good: bytes, fault: str, rng: np.random.Generator) -> bytes:
    place, content = int(rng.integers(0, len(good))), bytearray(good)
    if fault == "cut":
        return good[:place]
    if fault == "bit":
        content[place] ^= 1 << int(rng.integers(0, 8))
    else:
        content[place : place + 8] = rng.bytes(8)
    return bytes(content[: len(good)])


def _after_damage(kind: Kind, found: Any) -> Outcome:
    if isinstance(found, MachineFault) or (isinstance(found, Exception) and is_machine_fault(found)):
        return Outcome("wrong blame", repr(found))
    if isinstance(found, DataError):
        return Outcome("noticed" if "\n" not in str(found) else "crashed", str(found))
    if isinstance(found, BaseException):
        return Outcome("crashed", repr(found))
    return Outcome("no effect" if found == kind.expected else "silent")


def _after_machine(kind: Kind, fault: str, found: Any) -> Outcome:
    if isinstance(found, BaseException):
        machine = is_machine_fault(found) or (fault == "room" and "cannot be written" in str(found))
        if not machine:
            return Outcome("wrong blame" if isinstance(found, DataError) else "crashed", repr(found))
    elif found != kind.expected:
        return Outcome("silent")
    again = _in_child(kind.read)
    if again != kind.expected:
        return Outcome("different after", repr(again))
    return Outcome("noticed" if isinstance(found, BaseException) else "no effect")


def _after_kill(kind: Kind, found: Any) -> Outcome:
    """What was left behind must not matter to the next try; nor must work that had ended before the kill."""
    again = _in_child(kind.read)
    if again != kind.expected:
        return Outcome("different after", repr(again))
    return Outcome("no effect" if found == kind.expected else "noticed")


def _failing(kind: Kind, fault: str, amount: int) -> Any:
    """Reads a file while the machine fails: sooner or later, by the amount."""
    if fault == CLOCK:
        with _jumping_clock(kind.path, amount):
            return kind.read()
    with {"files": _no_files, "disk": _bad_disk, "memory": _no_memory, "room": _no_room}[fault](amount):
        return kind.read()


@contextmanager
def _limited(limit: int, size: int) -> Iterator[None]:
    before = resource.getrlimit(limit)
    resource.setrlimit(limit, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(limit, before)


@contextmanager
def _no_files(amount: int) -> Iterator[None]:
    with _limited(resource.RLIMIT_NOFILE, len(list(Path("/proc/self/fd").iterdir())) - 1 + amount // 8):
        yield


@contextmanager
def _no_memory(amount: int) -> Iterator[None]:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    with _limited(resource.RLIMIT_AS, pages * resource.getpagesize() + (amount << 20)):
        yield


@contextmanager
def _no_room(amount: int) -> Iterator[None]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
    with _limited(resource.RLIMIT_FSIZE, amount << 12):
        yield


@contextmanager
def _bad_disk(amount: int) -> Iterator[None]:
    """The disk fails at some read of a Delphes file; other kinds are read by libraries that cannot be reached so."""
    reads = iter(range(10**9))

    class Failing(FileIO):
        def readinto(self, buffer: Any) -> int | None:  # type: ignore[override]
            if next(reads) >= amount:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().readinto(buffer)

    whole, delphes_stream.FileIO = delphes_stream.FileIO, Failing  # type: ignore[attr-defined, misc]
    try:
        yield
    finally:
        delphes_stream.FileIO = whole  # type: ignore[attr-defined]


@contextmanager
def _jumping_clock(path: Path, amount: int) -> Iterator[None]:
    """Each look at the clock is years before or after the last one; the file is as old or as new."""
    years = (amount - 12) * 31_557_600
    now, now_ns, jumps = time.time, time.time_ns, itertools.cycle((years, -years))
    os.utime(path, times=(now() + years, now() + years))
    time.time, time.time_ns = lambda: now() + next(jumps), lambda: now_ns() + next(jumps) * 10**9
    try:
        yield
    finally:
        time.time, time.time_ns = now, now_ns


def _in_child(work: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What a function returns or raises in a process of its own; RuntimeError if that dies or is killed as too slow."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(work, writing)
    os.close(writing)
    content, end = b"", time.monotonic() + patience
    while select.select([reading], [], [], max(0, end - time.monotonic()))[0]:
        block = os.read(reading, 1 << 16)
        if not block:
            break
        content += block
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return pickle.loads(content) if content else RuntimeError(f"no answer, status {status}")


def _answer(work: Callable[[], Any], writing: int) -> None:
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        found = work()
    except BaseException as error:
        text = str(error)[:2000]
        found = MachineFault(text) if is_machine_fault(error) else error
        if isinstance(found, DataError | SimulationError):
            found = DataError(text)
        elif not isinstance(found, MachineFault):
            found = RuntimeError(f"{type(error).__name__}: {text}")
    with suppress(BaseException):
        os.write(writing, pickle.dumps(found))
    os._exit(0)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument("--rounds", type=int, default=20, help="how often each fault strikes each kind of file")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--only", nargs="+", help="some kinds of file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
