"""A stand-in for Zenodo on loopback: the deposit API, the records API, and what goes wrong with both.

It does what zenodo-mock leaves out: checksums, bearer tokens, Zenodo's status codes. Faults are queued by
the test and used up one by one.
"""

# ruff: noqa: N815, RET503 - http.server's names; a handler ends with its answer, early or late.

import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "stand-in-token-0123456789abcdef"


@dataclass
class Deposit:
    number: int
    files: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    submitted: bool = False


@dataclass
class Zenodo:
    """The server's state, and what it shall do wrong.

    Attributes:
        faults: for the next requests whose "METHOD path" matches: (pattern, fault). A fault is a status,
            "drop" (close without an answer), "cut" (half of a download), "corrupt" (one byte changed,
            on the way up or down), "lost" (do it, then close without an answer), "html" (a page
            in place of an answer), "race" (a second draft of the same).
        log: "METHOD path" of every request.
        listing: changes a record's list of files before it is sent.
        echo: what the server puts into every DOI.
        pace: seconds that each block of 4 KiB of a download or upload takes.
    """

    url: str = ""
    deposits: dict[int, Deposit] = field(default_factory=dict)
    faults: list[tuple[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    listing: Any = None
    pace: float = 0.0
    bucket_host: str | None = None
    echo: str = ""

    def fault(self, request: str) -> Any:
        for place, (pattern, fault) in enumerate(self.faults):
            if re.search(pattern, request):
                del self.faults[place]
                return fault
        return None

    def requests(self, pattern: str) -> list[str]:
        return [request for request in self.log if re.search(pattern, request)]

    def add_record(self, files: dict[str, bytes], number: int = 1) -> str:
        """A published record that nobody had to upload."""
        self.deposits[number] = Deposit(number, dict(files), {"title": "record"}, submitted=True)
        return str(number)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    zenodo: Zenodo

    def log_message(self, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_DELETE = do_GET

    def answer(self) -> None:
        request = f"{self.command} {unquote(self.path)}"
        self.zenodo.log.append(request)
        fault = self.zenodo.fault(request)
        if fault == "drop":
            return self.hang_up()
        if fault == "html":
            self.body()
            return self.page()
        if isinstance(fault, int):
            self.body()
            return self.send(fault, {"message": f"fault {fault}, {self.headers.get('Authorization')}"})
        if "/deposit/" in self.path or self.command != "GET":
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.body()
                return self.send(401, {"message": "unauthorized"})
            if "access_token" in self.path:
                return self.send(400, {"message": "token in the URL"})
        for method, pattern, function in ROUTES:
            if method == self.command and (match := re.fullmatch(pattern, unquote(self.path))):
                return function(self, fault, *match.groups())
        return self.send(404, {"message": f"no such place: {self.path}"})

    def body(self) -> bytes:
        content = bytearray()
        left = int(self.headers.get("Content-Length", 0))
        while left:
            block = self.rfile.read(min(left, 4096))
            if not block:
                break
            content += block
            left -= len(block)
            time.sleep(self.zenodo.pace)
        return bytes(content)

    def page(self) -> None:
        """What a proxy in between says."""
        text = b"<html>\n<h1>Log in</h1>\n</html>\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text)

    def hang_up(self) -> None:
        """A reset, not an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def send(self, status: int, content: Any) -> None:
        text = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def deposit(self, number: str) -> Deposit | None:
        return self.zenodo.deposits.get(int(number))

    # The deposit API.

    def create(self, fault: Any) -> None:
        content = json.loads(self.body() or b"{}").get("metadata", {})
        number = max([999, *self.zenodo.deposits]) + 1
        self.zenodo.deposits[number] = Deposit(number, metadata=content)
        if fault == "race":  # another process made the same a moment before
            self.zenodo.deposits[number + 1] = Deposit(number + 1, metadata=content)
            number += 1
        if fault == "lost":
            return self.hang_up()
        self.send(201, self.described(number))

    def described(self, number: int) -> dict[str, Any]:
        deposit = self.zenodo.deposits[number]
        host = self.zenodo.bucket_host or self.zenodo.url
        return {
            "id": number,
            "submitted": deposit.submitted,
            "state": "done" if deposit.submitted else "unsubmitted",
            "links": {"bucket": f"{host}/api/files/bucket-{number}"},
            "metadata": deposit.metadata
            | {"prereserve_doi": {"doi": f"10.5072/zenodo.{number}{self.zenodo.echo}", "recid": number}},
        }

    def list_deposits(self, fault: Any) -> None:
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["size"][0]), int(query["page"][0])
        numbers = sorted(self.zenodo.deposits, reverse=True)[(page - 1) * size : page * size]
        self.send(200, [self.described(number) for number in numbers])

    def delete_deposit(self, fault: Any, number: str) -> None:
        del self.zenodo.deposits[int(number)]
        self.send(204, None)

    def get_deposit(self, fault: Any, number: str) -> None:
        known = int(number) in self.zenodo.deposits
        self.send(200, self.described(int(number))) if known else self.send(404, {"message": "gone"})

    def describe(self, fault: Any, number: str) -> None:
        content = json.loads(self.body())["metadata"]
        if missing := {"title", "upload_type", "description", "creators"} - set(content):
            return self.send(400, {"message": f"missing {sorted(missing)}"})
        self.zenodo.deposits[int(number)].metadata = content
        self.send(200, self.described(int(number)))

    def list_files(self, fault: Any, number: str) -> None:
        files = self.zenodo.deposits[int(number)].files
        self.send(
            200,
            [{"id": f"id-{k}", "filename": k, "filesize": len(v), "checksum": md5(v)} for k, v in files.items()],
        )

    def put_file(self, fault: Any, number: str, name: str) -> None:
        if fault == "cut":
            self.rfile.read(int(self.headers["Content-Length"]) // 2)
            return self.hang_up()
        content = self.body()
        if len(content) < int(self.headers["Content-Length"]):
            return self.hang_up()
        deposit = self.zenodo.deposits[int(number)]
        if deposit.submitted:
            return self.send(403, {"message": "published"})
        if fault == "corrupt":
            content = damaged(content)
        deposit.files[name] = content
        if fault == "lost":
            return self.hang_up()
        self.send(201, {"key": name, "size": len(content), "checksum": f"md5:{md5(content)}"})

    def delete_file(self, fault: Any, number: str, name: str) -> None:
        del self.zenodo.deposits[int(number)].files[name]
        self.send(204, None)

    def publish(self, fault: Any, number: str) -> None:
        deposit = self.zenodo.deposits[int(number)]
        if deposit.submitted or not deposit.files or not deposit.metadata:
            return self.send(400, {"message": "nothing to publish, or published already"})
        deposit.submitted = True
        if fault == "lost":
            return self.hang_up()
        self.send(202, self.described(int(number)))

    # The records API.

    def record(self, fault: Any, number: str) -> None:
        deposit = self.deposit(number)
        if deposit is None or not deposit.submitted:
            return self.send(404, {"message": "no such record"})
        files = [
            {
                "id": key,
                "key": key,
                "size": len(content),
                "checksum": f"md5:{md5(content)}",
                "links": {"self": f"{self.zenodo.url}/api/records/{number}/files/{key}/content"},
            }
            for key, content in deposit.files.items()
        ]
        content = {"id": int(number), "metadata": {"title": "record"} | deposit.metadata, "files": files}
        if self.zenodo.listing is not None:
            content = self.zenodo.listing(content)
        self.send(200, content)

    def download(self, fault: Any, number: str, name: str) -> None:
        deposit = self.deposit(number)
        if deposit is None or name not in deposit.files:
            return self.send(404, {"message": "no such file"})
        content = deposit.files[name]
        if fault == "corrupt":
            content = damaged(content)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(0.05)  # what was sent should arrive before the reset
            return self.hang_up()
        try:
            for start in range(0, len(content), 4096):
                self.wfile.write(content[start : start + 4096])
                time.sleep(self.zenodo.pace)
        except OSError:
            self.close_connection = True


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DEPOSITS = "/api/deposit/depositions"
ROUTES = [
    ("POST", DEPOSITS, Handler.create),
    ("GET", rf"{DEPOSITS}\?.*", Handler.list_deposits),
    ("DELETE", rf"{DEPOSITS}/(\d+)", Handler.delete_deposit),
    ("GET", rf"{DEPOSITS}/(\d+)", Handler.get_deposit),
    ("PUT", rf"{DEPOSITS}/(\d+)", Handler.describe),
    ("GET", rf"{DEPOSITS}/(\d+)/files", Handler.list_files),
    ("DELETE", rf"{DEPOSITS}/(\d+)/files/id-(.+)", Handler.delete_file),
    ("POST", rf"{DEPOSITS}/(\d+)/actions/publish", Handler.publish),
    ("PUT", r"/api/files/bucket-(\d+)/(.+)", Handler.put_file),
    ("GET", r"/api/records/(\d+)", Handler.record),
    ("GET", r"/api/records/(\d+)/files/(.+)/content", Handler.download),
]


@contextmanager
def serve() -> Iterator[Zenodo]:
    """A running stand-in."""
    zenodo = Zenodo()
    handler = type("BoundHandler", (Handler,), {"zenodo": zenodo})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    zenodo.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield zenodo
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
