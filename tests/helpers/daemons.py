"""Programs that run while a test does, each in a process group of its own; what they say goes to one file."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SAID = "daemons.log"


class Daemons:
    """Programs by name.

    Args:
        folder: for what they say.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, name: str, *command: str) -> None:
        """Starts a program."""
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
        with (self._folder / SAID).open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=os.environ | {"PATH": path}
            )

    def stop(self, name: str) -> None:
        """Ends a program, politely first."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        self._end(process)

    def kill(self, name: str) -> None:
        """Kills a program."""
        self._end(self._running.pop(name))

    def stop_all(self) -> None:
        """Ends all programs, the last first."""
        for name in reversed(list(self._running)):
            self.stop(name)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(ready: Callable[[], bool], what: str, folder: Path, seconds: float = 60) -> None:
    """Waits until something is true.

    Raises:
        RuntimeError: it does not become so; with what the programs said.
    """
    for _ in range(int(10 * seconds)):
        if ready():
            return
        time.sleep(0.1)
    raise RuntimeError(f"{what} did not start; {(folder / SAID).read_text()}")
