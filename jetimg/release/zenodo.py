"""Zenodo's deposit API, as far as publishing needs it.

Dropped connections and faults of the server are tried again with growing pauses. The token goes to the
server that was named and to no other: redirects and links that lead elsewhere are refused.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

import requests
import tenacity
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from jetimg.common.errors import DataError
from jetimg.release import token as tokens

PRODUCTION = "https://zenodo.org"
SANDBOX = "https://sandbox.zenodo.org"

# Seconds to connect, and to wait for an answer; after a large file the server needs its time.
TIMEOUT = (30, 600)

# Deposits in a list at once, and lists that are looked through for a marker.
PAGE, MAX_PAGES = 100, 50

# Where the token may go unencrypted.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def server(production: bool) -> str:
    """Zenodo itself, or its sandbox."""
    return PRODUCTION if production else SANDBOX


class Links(BaseModel):
    """Where a deposit's files go."""

    bucket: str


class Deposit(BaseModel):
    """A deposit: a record before, or after, it is published."""

    model_config = ConfigDict(extra="ignore")

    id: int
    submitted: bool = False
    links: Links | None = None
    metadata: dict[str, Any] = Field(default={})

    @property
    def doi(self) -> str:
        """The reserved DOI; empty if the server says none."""
        reserved = self.metadata.get("prereserve_doi")
        return str(reserved.get("doi", "")) if isinstance(reserved, dict) else ""


@dataclass(frozen=True)
class Patience:
    """How often to try, and how long to wait between: seconds, growing from the first to the longest."""

    tries: int = 6
    first: float = 1.0
    longest: float = 60.0


class NoAnswer(DataError):
    """None in all tries; what was asked for may have been done."""


class _Retry(Exception):
    """Worth another try."""


class Api:
    """A session with a server of Zenodo's kind."""

    def __init__(self, url: str, token: SecretStr, patience: Patience = Patience()) -> None:
        """Prepares a session; nothing is sent.

        Raises:
            DataError: the server would get the token unencrypted.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise DataError(f"{url}: not https, so the token could be read on the way")
        self.url = url.rstrip("/")
        self._origin = (parts.scheme, parts.netloc)
        self._token = token
        self._session = requests.Session()
        # An object for the header, not the header itself: otherwise ~/.netrc would win over it.
        self._session.auth = _Bearer(token)
        self._patience = patience

    def find_or_create(self, marker: str, content: Mapping[str, Any]) -> Deposit:
        """The deposit whose notes hold a marker; a new draft if there is none.

        A new draft may be there although its answer was lost, or another process may have made one at the same time. So
        nothing is asked for twice without a look at what there is; of several the oldest is taken, and one that was
        made here in vain is removed.

        Args:
            marker: tells the deposit from all others.
            content: a new draft's metadata, with the marker in its notes.

        Raises:
            DataError: refused, or no answer after all tries.
        """
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NoAnswer),
            stop=tenacity.stop_after_attempt(self._patience.tries),
            wait=tenacity.wait_random_exponential(self._patience.first, self._patience.longest),
            reraise=True,
        )
        return tries(self._find_or_create, marker, content)

    def _find_or_create(self, marker: str, content: Mapping[str, Any]) -> Deposit:
        if found := self.find(marker):
            return found[0]
        answer = self._send("POST", self._base, (200, 201), tries=1, json=dict(content))
        made = self._parsed(answer, self._base)
        there = self.find(marker)
        first = there[0] if there else made  # a new draft may be missing from the list for some seconds
        if first.id < made.id:
            self._send("DELETE", f"{self._base}/{made.id}", (201, 204, 404, 410))
            return first
        return made

    def find(self, marker: str) -> list[Deposit]:
        """Deposits of this account whose notes hold a marker, the oldest first."""
        found: list[Deposit] = []
        for page in range(1, MAX_PAGES + 1):
            address = f"{self._base}?sort=mostrecent&size={PAGE}&page={page}"
            rows = self._json(self._send("GET", address, (200,)), self._base)
            if not isinstance(rows, list):
                raise self._fault(f"{self._base}: not a list of deposits")
            found += [self._deposit(row, self._base) for row in rows if marker in _notes(row)]
            if len(rows) < PAGE:
                break
        return sorted(found, key=lambda deposit: deposit.id)

    def get(self, number: int) -> Deposit | None:
        """A deposit; None if the server has none of that number."""
        answer = self._send("GET", f"{self._base}/{number}", (200, 404, 410))
        return self._parsed(answer, self._base) if answer.status_code == 200 else None

    def describe(self, number: int, content: Mapping[str, Any]) -> Deposit:
        """Sets a draft's metadata."""
        where = f"{self._base}/{number}"
        return self._parsed(self._send("PUT", where, (200, 201), json=dict(content)), where)

    def publish(self, number: int) -> None:
        """Publishes a draft, which cannot be undone."""
        try:
            self._send("POST", f"{self._base}/{number}/actions/publish", (202,))
        except DataError:
            # The answer to an earlier try may have been lost on the way.
            deposit = self.get(number)
            if deposit is None or not deposit.submitted:
                raise

    def files(self, number: int) -> dict[str, str]:
        """md5 of the files of a draft, by name."""
        return {name: md5 for name, (_, md5) in self._listed(number).items()}

    def remove(self, number: int, name: str) -> None:
        """Removes a file from a draft."""
        listed = self._listed(number)
        if name in listed:
            self._send("DELETE", f"{self._base}/{number}/files/{quote(listed[name][0], safe='')}", (204,))

    def _listed(self, number: int) -> dict[str, tuple[str, str]]:
        """Id and md5 of the files of a draft, by name."""
        where = f"{self._base}/{number}/files"
        rows = self._json(self._send("GET", where, (200,)), where)
        try:
            return {
                str(file["filename"]): (str(file.get("id", "")), str(file["checksum"]).removeprefix("md5:"))
                for file in rows
            }
        except (TypeError, KeyError, AttributeError) as error:
            raise self._fault(f"{where}: not a list of files: {error!r}") from error

    def upload(self, deposit: Deposit, path: Path, progress: Callable[[int], None]) -> str:
        """Sends a file and returns the md5 of what arrived.

        Args:
            deposit: the draft.
            path: the file.
            progress: called with the number of bytes sent, and with minus that when a try starts over.
        """
        if deposit.links is None:
            raise self._fault(f"{self._base}/{deposit.id}: the server names no place for files")
        target = f"{deposit.links.bucket}/{quote(path.name)}"
        with _Body(path, progress) as body:
            answer = self._send("PUT", target, (200, 201), data=body)
        try:
            return str(self._json(answer, target)["checksum"]).removeprefix("md5:")
        except (TypeError, KeyError) as error:
            raise self._fault(f"{target}: no checksum in the server's answer") from error

    @property
    def _base(self) -> str:
        return f"{self.url}/api/deposit/depositions"

    def _parsed(self, answer: requests.Response, where: str) -> Deposit:
        return self._deposit(self._json(answer, where), where)

    def _deposit(self, content: Any, where: str) -> Deposit:
        try:
            return Deposit.model_validate(content)
        except ValidationError as error:
            raise self._fault(f"{where}: not a deposit: {error}") from error

    def _json(self, answer: requests.Response, where: str) -> Any:
        """What a server said, without the token, should it have said that.

        Raises:
            DataError: not JSON: a page of a proxy or of another kind of server, say.
        """
        try:
            return tokens.masked_json(answer.json(), self._token)
        except ValueError:
            kind = answer.headers.get("Content-Type", "of no type")
            text = f"{where}: an answer that is not JSON ({kind}): {answer.text[:100]!r}; is this Zenodo's address?"
        raise self._fault(text)

    def _fault(self, text: str) -> DataError:
        """An error of one line, without the token, whatever the server said."""
        return DataError(tokens.masked(" ".join(text.split())[:1000], self._token))

    def _send(
        self, method: str, url: str, expected: tuple[int, ...], tries: int = 0, **content: Any
    ) -> requests.Response:
        """Sends a request until it is answered; as often as patience has it if `tries` is 0.

        Raises:
            NoAnswer: none after all tries.
            DataError: refused; without the token, whatever the server said.
        """
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != self._origin:
            raise self._fault(f"{parts.scheme}://{parts.netloc}: the server wants the token sent there; refused")
        n = tries or self._patience.tries
        trying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Retry),
            stop=tenacity.stop_after_attempt(n),
            wait=tenacity.wait_random_exponential(self._patience.first, self._patience.longest),
        )
        try:
            return trying(self._try, method, url, expected, content)
        except tenacity.RetryError as error:
            reason = error.last_attempt.exception()
            text = f"{method} {url}: no success in {n} {'try' if n == 1 else 'tries'}: {reason}; call again to go on"
        # Raised outside the handler: the chain of causes holds requests with their headers.
        raise NoAnswer(tokens.masked(text, self._token))

    def _try(self, method: str, url: str, expected: tuple[int, ...], content: Mapping[str, Any]) -> requests.Response:
        body = content.get("data")
        if isinstance(body, _Body):
            body.rewind()
        try:
            answer = self._session.request(method, url, timeout=TIMEOUT, allow_redirects=False, **content)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _Retry(f"connection lost ({type(error).__name__})") from None
        if answer.status_code in expected:
            return answer
        said = tokens.masked(" ".join(answer.text[:500].split()), self._token)
        text = f"{method} {url}: status {answer.status_code}: {said}"
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Retry(text)
        raise self._fault(text + _remedy(answer.status_code))


def _remedy(status: int) -> str:
    if status in (401, 403):
        return f"; {tokens.VARIABLE} has to be a token of this server (the sandbox has its own) with deposit:write"
    return ""


def _notes(row: Any) -> str:
    """The notes of a deposit in a list; empty where it has none."""
    found = row.get("metadata") if isinstance(row, dict) else None
    return str(found.get("notes", "")) if isinstance(found, dict) else ""


class _Bearer(requests.auth.AuthBase):
    """Puts the token into a request's header, and shows it nowhere else."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return request


class _Body:
    """A file that is read as it is sent, and says how far it is."""

    def __init__(self, path: Path, progress: Callable[[int], None]) -> None:
        self._path = path
        self._advance = progress
        self._size = path.stat().st_size
        self._sent = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "_Body":
        self._file = self._path.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(1 << 20):
            yield block

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        assert self._file is not None
        block = self._file.read(size)
        self._sent += len(block)
        self._advance(len(block))
        return block

    def rewind(self) -> None:
        """Back to the start, for another try."""
        assert self._file is not None
        self._file.seek(0)
        self._advance(-self._sent)
        self._sent = 0
