"""Runs zenodo-get until a record's files are here, each with its size and md5.

What zenodo-get does not do by itself, as tried with version 3.1: it stops at the first bad checksum, it
leaves what a cut connection gave under the final name, it fetches whole files again, and with -e it calls
bad files a success. So it is asked only for what is missing, its result is not believed but measured, and
what is wrong is removed before the next try.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from jetimg.common.errors import DataError
from jetimg.release.remote_files import RemoteFile, Source
from jetimg.release.token import VARIABLE
from jetimg.release.zenodo import SANDBOX, Patience

# Seconds between looks at how far zenodo-get is.
_LOOK = 0.2


# Log and caches of zenodo-get itself may be as large as this, however small the files.
_MIN_LIMIT = 1 << 20


def fetch(
    record: Source,
    files: Sequence[RemoteFile],
    folder: Path,
    patience: Patience,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Brings a record's files into a folder; those that are there and right are not fetched again.

    Args:
        record: the record.
        files: its files, checked, in the record's order.
        folder: the folder, of our own making.
        patience: how often to try, and how long to wait between.
        progress: called with the number of bytes that came since its last call.

    Raises:
        DataError: a file does not come, or not as the record says; what is right stays for the next call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures = dict.fromkeys(_wrong(files, folder), 0)
    progress(sum(file.size for file in files if file not in failures))
    said, idle = "", 0
    while failures and min(failures.values()) < patience.tries and idle < patience.tries:
        # Those that failed least come first: one bad file does not keep the others from coming.
        fewest = min(failures.values())
        asked = [file for file, count in failures.items() if count == fewest]
        if fewest or idle:
            time.sleep(min(patience.first * 2 ** max(fewest, idle), patience.longest))
        _remove(asked, folder)
        said = _run(record, asked, folder, patience, progress)
        bad = _wrong(asked, folder)
        came_wrong = [file for file in bad if (folder / file.name).exists()]
        idle = idle + 1 if len(bad) == len(asked) and not came_wrong else 0
        failures = _counted(failures, asked, list(bad), came_wrong)
    if failures:
        complaint = _complaint(record, _wrong(list(failures), folder), said)
        _remove(list(failures), folder)
        raise DataError(complaint)


def _wrong(files: Sequence[RemoteFile], folder: Path) -> dict[RemoteFile, str]:
    """The files that are not there as the record says, and what was found in their place."""
    found = ((file, _look_at(folder / file.name, file)) for file in files)
    return {file: text for file, text in found if text}


def _counted(
    failures: dict[RemoteFile, int], asked: list[RemoteFile], bad: list[RemoteFile], came_wrong: list[RemoteFile]
) -> dict[RemoteFile, int]:
    """The files that are still to come, with how often each has failed.

    zenodo-get stops at its first fault: what comes after that in the list has not failed.
    """
    failed = came_wrong or bad[:1]
    return {file: n + (file in failed) for file, n in failures.items() if file not in asked or file in bad}


def _remove(files: Sequence[RemoteFile], folder: Path) -> None:
    for file in files:
        (folder / file.name).unlink(missing_ok=True)


def _look_at(path: Path, file: RemoteFile) -> str:
    """What is wrong with a file; nothing if it is right."""
    if path.is_symlink() or not path.is_file():
        return "missing"
    if (size := path.stat().st_size) != file.size:
        return f"{size} bytes, {file.size} in the record"
    with path.open("rb") as content:
        md5 = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "" if md5 == file.md5 else f"md5 {md5}, {file.md5} in the record"


def _run(
    record: Source, files: Sequence[RemoteFile], folder: Path, patience: Patience, progress: Callable[[int], None]
) -> str:
    """One run of zenodo-get for these files; returns its last words."""
    limit = max(_MIN_LIMIT, *(file.size for file in files)) + 1
    call = [sys.executable, "-m", "jetimg.release.limited", str(limit), "zenodo_get"]
    call += ["--output-dir", str(folder.resolve()), "--keep", "--retry", "0", "--verbosity", "1"]
    call += ["--max-http-retries", str(patience.tries - 1), "--backoff-factor", str(patience.first)]
    call += ["--sandbox"] if record.server == SANDBOX else []
    for file in files:
        call += ["--glob", file.name]
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    here = 0
    log = folder.with_name(f"{folder.name}.log")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*call, record.number], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK)
                here = _tell(files, folder, here, progress)
        except BaseException:
            process.kill()
            raise
    words = log.read_bytes()[-2000:].decode(errors="replace")
    log.unlink()
    return words


def _tell(files: Sequence[RemoteFile], folder: Path, before: int, progress: Callable[[int], None]) -> int:
    """Tells how many bytes came; returns how many there are."""
    now = 0
    for file in files:
        with suppress(FileNotFoundError):
            now += (folder / file.name).stat().st_size
    progress(now - before)
    return now


def _complaint(record: Source, wrong: dict[RemoteFile, str], said: str) -> str:
    lines = [f"{record.url}: {file.name}: {text}: refused" for file, text in wrong.items()]
    last = [f"zenodo-get: {line.strip()}" for line in said.splitlines() if "ERROR" in line][-2:]
    return "\n".join([*lines, *last, "call again to fetch what is missing"])
