"""`jetimg` for workflows of tests, in processes forked from one that has imported the libraries of others already.

Those of networks take four to ten seconds of each command, and are the same each time. Our own modules are imported
anew in each process, as in a user's; words, folder, environment, output and exit code are the caller's.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LIBRARIES = ("awkward", "h5py", "matplotlib.pyplot", "pydantic", "rich.progress", "typer", "uproot")
OF_NETWORKS = ("torch", "torch._dynamo", "torch.export", "onnxscript", "onnxruntime", "brevitas.nn", "brevitas.quant")
# Stands in the place of `jetimg`: hands all over, and waits for the exit code. None comes from what was killed.
PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as link:
    link.connect({address!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(link, [len(call).to_bytes(8, "big")], [0, 1, 2])
    link.sendall(call)
    code = link.recv(1)
sys.exit(code[0] if code else "jetimg was killed")
"""


class Call(NamedTuple):
    """What a caller hands over; the streams are its standard input, output and error."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    streams: list[int]


@cache
def folder() -> Path:
    """A folder with the program `jetimg`; what it needs runs until this process ends."""
    made = tempfile.TemporaryDirectory(prefix="jetimg-")
    program = Path(made.name) / "jetimg"
    address = f"{program}.socket"
    program.write_text(PROGRAM.format(python=sys.executable, address=address))
    program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(100)
        server = subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdin=listener)
    for at_the_end in (made.cleanup, server.wait, server.kill):  # the last one first
        atexit.register(at_the_end)
    return program.parent


def _serve(listener: socket.socket) -> None:
    """Forks a process for each call."""
    _import(LIBRARIES)
    while True:
        link, _ = listener.accept()
        with link:
            call = _received(link)
            if call.arguments[:1] == ["models"]:
                _import(OF_NETWORKS)
            if os.fork() == 0:
                listener.close()
                _run(call, link)
        for stream in call.streams:
            os.close(stream)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _import(names: Sequence[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            import_module(name)


def _received(link: socket.socket) -> Call:
    size, streams, _, _ = socket.recv_fds(link, 8, 3)
    with link.makefile("rb") as stream:
        return Call(*json.loads(stream.read(int.from_bytes(size, "big"))), streams)


def _run(call: Call, link: socket.socket) -> None:
    """In the forked process, which ends here."""
    code = 1
    try:
        for number, stream in enumerate(call.streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(call.folder)
        os.environ.clear()
        os.environ.update(call.environment)
        sys.modules["__main__"] = ModuleType("__main__")  # what it spawns must not begin as this module
        from workflow.campaign.programs import jetimg_in_this_process

        code = jetimg_in_this_process(["jetimg", *call.arguments])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        link.sendall(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=os.dup(0)))
