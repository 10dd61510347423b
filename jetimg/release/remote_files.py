"""What a Zenodo record says it holds, checked before anything is fetched.

zenodo-get writes a file wherever the record names it, `../x` included, and takes `filename` over `key`;
so every name, link and size is looked at here first.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity

from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, parts
from jetimg.release.zenodo import PRODUCTION, SANDBOX, TIMEOUT, Patience

# A record of 100 files is about 100 kB of JSON.
MAX_JSON = 10_000_000
MAX_FILES = 1000
# Lists and texts are read whole.
MAX_TEXT = 64_000_000
READ_WHOLE = (manifest.NAME, parts.NAME, checksums.SHA256, checksums.MD5)

_DOI = re.compile(r"(?:https?://doi\.org/|doi:)?(10\.5281|10\.5072)/zenodo\.(\d{1,18})", re.IGNORECASE)
_SERVERS = {"10.5281": PRODUCTION, "10.5072": SANDBOX}


@dataclass(frozen=True)
class Source:
    """A record: its server and number."""

    server: str
    number: str

    @property
    def url(self) -> str:
        """Where its description is."""
        return f"{self.server}/api/records/{self.number}"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a record: name, bytes, md5."""

    name: str
    size: int
    md5: str


def source(text: str, server: str) -> Source:
    """The record that a DOI or number names.

    Args:
        text: a DOI of Zenodo or of its sandbox, or a record's number.
        server: that of a number; a DOI says its own unless the server is neither of the two.

    Raises:
        DataError: neither.
    """
    if re.fullmatch(r"\d{1,18}", text):
        return Source(server, text)
    match = _DOI.fullmatch(text.strip())
    if match is None:
        raise DataError(f"{text!r}: not a record; expected a DOI such as 10.5281/zenodo.4883651, or a record's number")
    return Source(_SERVERS[match[1]] if server in _SERVERS.values() else server, match[2])


def listing(record: Source, max_bytes: int, patience: Patience) -> list[RemoteFile]:
    """The files of a record, all of them harmless by name, place and size.

    Args:
        record: the record.
        max_bytes: most bytes of all files together.
        patience: how often to try.

    Raises:
        DataError: no such record, or one that is refused; the message names the file.
    """
    content = _described(record, patience)
    entries = content.get("files")
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{record.url}: lists no files: closed, or not a record")
    if len(entries) > MAX_FILES:
        raise DataError(f"{record.url}: {len(entries)} files; at most {MAX_FILES} are taken")
    files = [_file(entry, record) for entry in entries]
    seen: set[str] = set()
    for file in files:
        if file.name.lower() in seen:
            raise DataError(f"{record.url}: two files named {file.name!r}: refused")
        seen.add(file.name.lower())
    if (total := sum(file.size for file in files)) > max_bytes:
        raise DataError(
            f"{record.url}: {total} bytes; at most {max_bytes} are taken: raise --max-bytes if that is right"
        )
    return files


def _file(entry: Any, record: Source) -> RemoteFile:
    if not isinstance(entry, dict):
        raise DataError(f"{record.url}: {entry!r} is not a file")
    name = entry.get("key")
    for given in (name, entry.get("filename", name)):
        if not isinstance(given, str) or not checksums.safe_name(given):
            raise DataError(f"{record.url}: file {given!r}: not a plain file name (it may lead elsewhere): refused")
        if given != name:
            raise DataError(f"{record.url}: file {name!r} is also called {given!r}: refused")
    size, checksum = entry.get("size"), str(entry.get("checksum", ""))
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or entry.get("filesize", size) != size:
        raise DataError(f"{record.url}: file {name!r}: size {size!r}: refused")
    if not re.fullmatch(r"md5:[0-9a-f]{32}", checksum):
        raise DataError(f"{record.url}: file {name!r}: checksum {checksum[:80]!r}; expected md5 and 32 digits")
    if name in READ_WHOLE and size > MAX_TEXT:
        raise DataError(f"{record.url}: file {name!r}: {size} bytes; at most {MAX_TEXT} are taken")
    _refuse_other_server(entry, str(name), record)
    return RemoteFile(str(name), size, checksum.removeprefix("md5:"))


def _refuse_other_server(entry: dict[str, Any], name: str, record: Source) -> None:
    """zenodo-get follows the record's own links."""
    links = entry.get("links", {})
    link = links.get("self", record.url) if isinstance(links, dict) else None
    try:
        there, here = urlsplit(str(link)), urlsplit(record.server)
    except ValueError:
        there = None
    if there is None or (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise DataError(f"{record.url}: file {name!r}: its link leads to {str(link)[:200]!r}, another server: refused")


class _Retry(Exception):
    """Worth another try."""


def _described(record: Source, patience: Patience) -> dict[str, Any]:
    tries = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(_Retry),
        stop=tenacity.stop_after_attempt(patience.tries),
        wait=tenacity.wait_random_exponential(patience.first, patience.longest),
    )
    try:
        content = tries(_fetch, record)
    except tenacity.RetryError as error:
        reason = error.last_attempt.exception()
        raise DataError(f"{record.url}: no answer in {patience.tries} tries: {reason}; call again to go on") from None
    if not isinstance(content, dict):
        raise DataError(f"{record.url}: not the description of a record")
    return content


def _fetch(record: Source) -> Any:
    try:
        with requests.get(record.url, timeout=TIMEOUT, stream=True) as answer:
            if answer.status_code == 429 or answer.status_code >= 500:
                raise _Retry(f"status {answer.status_code}")
            if answer.status_code != 200:
                raise DataError(f"{record.url}: status {answer.status_code}: no such record, or not open")
            text = b""
            for block in answer.iter_content(1 << 16):
                text += block
                if len(text) > MAX_JSON:
                    raise DataError(f"{record.url}: a description of more than {MAX_JSON} bytes: refused")
    except requests.RequestException as error:
        raise _Retry(f"connection lost ({type(error).__name__})") from None
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"{record.url}: not JSON: {error}") from error
