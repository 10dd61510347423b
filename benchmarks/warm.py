"""`jetimg` in forks of a process that has imported and compiled everything: a command starts in milliseconds.

Thousands of commands on tiny files would measure nothing but Python's imports, two seconds of processor time each. What
runs is what `jetimg` runs, with the folder, environment, output and exit code of the one who called.

    with jetimg(folder) as server:      # folder/jetimg is the program to put on PATH
        ...
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from workflow.campaign.programs import jetimg_in_this_process

ROOT = Path(__file__).parents[1]

# Python without its site packages, so that it starts in hundredths of a second.
CLIENT = """\
#!{python} -IS
import json, os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
call = {{"arguments": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
socket.send_fds(link, [b"x"], [0, 1, 2])
link.sendall(json.dumps(call).encode() + b"\\n")
answer = link.recv(8)
sys.exit(int(answer) if answer else 70)  # no answer: its process was killed
"""


@contextmanager
def jetimg(folder: Path, modules: Sequence[str] = ()) -> Iterator[int]:
    """Serves `folder/jetimg`; the number of the process whose children run the commands.

    Args:
        folder: for the program.
        modules: what is imported beforehand; if none, all that commands import, and what they have compiled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(1000)
        server = subprocess.Popen([sys.executable, "-m", __name__, *modules], cwd=ROOT, stdin=listening)
    client = folder / "jetimg"
    client.write_text(CLIENT.format(python=os.path.realpath(sys.executable), address=address))
    client.chmod(0o755)
    try:
        yield server.pid
    finally:
        server.terminate()
        server.wait()


def used(server: int) -> float:
    """Processor seconds of all commands that have ended, those that they started among them."""
    fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _serve(listening: socket.socket, modules: Sequence[str]) -> None:
    """Forks for each call, until it is ended."""
    os.setpgid(0, 0)
    if modules:
        _import(modules)
    else:
        _warm_up()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Ended commands are collected here, one by one, so that what they took is counted.
    signal.signal(signal.SIGCHLD, _collect)
    while True:
        link, _ = listening.accept()
        if not os.fork():
            listening.close()
            _answer(link)
        link.close()


def _collect(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _import(modules: Sequence[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in modules:
            importlib.import_module(module)


def _warm_up() -> None:
    """Imports what commands import, and has numba load what it has compiled: by converting a file."""
    from jetimg.cli.main import main

    _import(("jetimg.dataset.manifest", "jetimg.dataset.shard", "jetimg.dataset.verify", "workflow.campaign.attempt"))
    with tempfile.TemporaryDirectory() as name:
        data = str(ROOT / "tests/data/tt.root")
        sys.argv = ["jetimg", "--quiet", "convert", data, "--sample", "tt", "--output", f"{name}/tt.h5"]
        with suppress(SystemExit):
            main()


def _answer(link: socket.socket) -> None:
    """In the forked process: runs the command, answers with its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(link, 1, 3)
    with link.makefile("rb") as lines:
        call = json.loads(lines.readline())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.modules["__main__"] = ModuleType("__main__")  # what it spawns must not begin as this module
    threading.Thread(target=_end_with, args=(link,), daemon=True).start()
    code = jetimg_in_this_process(["jetimg", *call["arguments"][1:]])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    link.sendall(str(code).encode())
    os._exit(0)


def _end_with(link: socket.socket) -> None:
    """Ends this process when the one who called is gone: killed by the scheduler, say."""
    if not link.recv(1):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(socket.socket(fileno=os.dup(0)), sys.argv[1:])
