"""How things are measured: whole processes or pieces of work, ours and the rival's in turn, medians."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Usage:
    """What a process used: processor and wall seconds, MB at its peak."""

    processor: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Figure:
    """One figure of the suite: less is better.

    Attributes:
        key: its name.
        text: what was measured.
        unit: of ours, rival and target.
        ours: median.
        rival: median of what it is held against; None if there is nothing.
        rival_text: what that is.
        ratio: ours / rival, the median of the ratios of neighbouring runs.
        target: what ours has to be at most; None if there is no aim.
        rival_elsewhere: the rival was measured at another time: its ratio says little about this run.
        also: more of what was found on the way.
    """

    key: str
    text: str
    unit: str
    ours: float
    rival: float | None = None
    rival_text: str = ""
    ratio: float | None = None
    target: float | None = None
    rival_elsewhere: bool = False
    also: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, rounded to four digits."""
        met = None if self.target is None else self.ours <= self.target
        return {name: _rounded(value) for name, value in (asdict(self) | {"met": met}).items()}


@dataclass(frozen=True)
class Pairs:
    """Ours and a rival, measured in turn."""

    ours: Sequence[float]
    rival: Sequence[float]

    def figure(self, key: str, text: str, unit: str, rival_text: str, **more: Any) -> Figure:
        """The medians, and the median of the ratios, with the least and the greatest of them."""
        ratios = [a / b for a, b in zip(self.ours, self.rival, strict=True)]
        ours, rival = statistics.median(self.ours), statistics.median(self.rival)
        spread = {"rounds": len(ratios), "least ratio": min(ratios), "greatest ratio": max(ratios)}
        more["also"] = spread | more.get("also", {})
        return Figure(key, text, unit, ours, rival, rival_text, statistics.median(ratios), **more)


def in_turn(ours: Callable[[], float], rival: Callable[[], float], rounds: int) -> Pairs:
    """Calls both in turn; each returns what it took."""
    pairs = [(ours(), rival()) for _ in range(rounds)]
    return Pairs(*zip(*pairs, strict=True))


def processor_ms(work: Callable[[], Any], n: int) -> float:
    """Processor milliseconds of this process that some work takes, for each of n events."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000 / n


def run(command: Sequence[str], core: int | None = None) -> Usage:
    """What a command uses, pinned to a core if one is named.

    Processor seconds are the wall seconds on a core of its own; on a busy machine they are less disturbed by others.
    """
    return finish(start(command, core), command)


def start(command: Sequence[str], core: int | None = None) -> "subprocess.Popen[str]":
    """Starts a command under `launch.py`."""
    launcher = [sys.executable, "-I", str(Path(__file__).with_name("launch.py")), "any" if core is None else str(core)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*launcher, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)


def finish(process: "subprocess.Popen[str]", command: Sequence[str]) -> Usage:
    """Waits for a started command."""
    text, _ = process.communicate()
    found = json.loads(text) if process.returncode == 0 else {"status": process.returncode}
    if found.pop("status"):
        raise SystemExit(f"failed: {' '.join(command)}")
    return Usage(**found)


def first_core() -> int:
    """A core that this process may use."""
    return min(os.sched_getaffinity(0))


def command(package: str, *arguments: object) -> list[str]:
    """The command line of one of our packages."""
    return [sys.executable, "-m", package, *map(str, arguments)]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value
