"""A real XRootD server on loopback, and a way to it that can be cut; started and stopped here."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

USER = "xrootd"  # the server does not run as root
CONTENT = """\
all.export /
all.adminpath {folder}/admin
all.pidpath {folder}/admin
oss.localroot {folder}/data
xrd.port {port}
xrd.network nodnr
"""


def why_not() -> str:
    """Why no server can be started here, or nothing."""
    if shutil.which("xrootd") is None:
        return "no xrootd here (Debian: apt-get install xrootd-server)"
    if os.geteuid() == 0 and subprocess.run(["id", USER], capture_output=True, check=False).returncode != 0:
        return f"no user {USER} (Debian: apt-get install xrootd-server)"
    return ""


@contextmanager
def xrootd(*files: Path) -> Iterator[int]:
    """Serves files by their names, in the folder //; the server's port.

    Raises:
        RuntimeError: it does not start; with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="jetimg-xrootd-") as name:
        folder, port = Path(name), _free_port()
        _prepare(folder, port, files)
        command = ["xrootd", *(["-R", USER] if os.geteuid() == 0 else []), "-n", "jetimg"]
        command += ["-c", str(folder / "server.cfg"), "-l", str(folder / "server.log")]
        with (folder / "out").open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, start_new_session=True)
        try:
            _wait_for(port, process, folder)
            yield port
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _prepare(folder: Path, port: int, files: tuple[Path, ...]) -> None:
    for name in ("data", "admin"):
        (folder / name).mkdir()
    for file in files:
        shutil.copy(file, folder / "data")
    (folder / "server.cfg").write_text(CONTENT.format(folder=folder, port=port))
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, USER)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path, seconds: float = 60) -> None:
    for _ in range(int(10 * seconds)):
        if process.poll() is not None:
            break
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    said = "".join(path.read_text() for path in (folder / "out", *folder.rglob("server.log")))
    raise RuntimeError(f"xrootd did not start: {said}")


class Way:
    """A port that leads to a server, until `limit` bytes have come back from it; then no more come.

    Attributes:
        port: of this way.
        limit: bytes that still come; None: all.
        hang: whether the way then stays open and silent; else it is closed, and closes all that come after.
    """

    def __init__(self, server: int) -> None:
        self.server = server
        self.limit: int | None = None
        self.hang = False
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Closes this way and all connections on it."""
        for each in (self._listening, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self.server))
                self._open += [client, server]
                threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while content := source.recv(65_536):
                if counted and self.limit is not None:
                    content, self.limit = content[: self.limit], max(0, self.limit - len(content))
                    if not content and self.hang:
                        continue
                    if not content:
                        break
                target.sendall(content)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
