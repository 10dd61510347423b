"""Checksums of files, and lists of them as `sha256sum` and `md5sum` write and check them."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jetimg.common.atomic import write_text
from jetimg.common.errors import BadFile, DataError
from jetimg.common.machine_faults import raise_if_machine_fault

SHA256 = "SHA256SUMS"
MD5 = "md5sums.txt"

# A plain file name: nothing that a shell, a server or a glob takes for something else.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,199}")
_LINE = re.compile(r"([0-9a-f]{64}|[0-9a-f]{32}) [ *](.+)")

# Read at once.
_BLOCK = 1 << 20


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file.

    Raises:
        BadFile: not there.
        MachineFault: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise_if_machine_fault(error, path)
        raise BadFile(path, "unreadable", error.strerror or str(error)) from error


@dataclass(frozen=True)
class Sums:
    """Both checksums of a file, hexadecimal."""

    sha256: str
    md5: str


def of(path: Path) -> Sums:
    """Both checksums in one pass.

    Raises:
        DataError: not there.
        MachineFault: it cannot be read.
    """
    long, short = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                long.update(block)
                short.update(block)
    except OSError as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: unreadable: {error.strerror or error}") from error
    return Sums(long.hexdigest(), short.hexdigest())


def safe_name(name: str) -> bool:
    """Whether a name is that of a file in its folder, and of nothing else on any system."""
    return _NAME.fullmatch(name) is not None


def write(folder: Path, sums: Mapping[str, Sums]) -> None:
    """Writes both lists for files of a folder; the list of sha256 names the other one too."""
    write_text(folder / MD5, "".join(f"{sums[name].md5}  {name}\n" for name in sorted(sums)))
    lines = {name: sums[name].sha256 for name in sums} | {MD5: sha256(folder / MD5)}
    write_text(folder / SHA256, "".join(f"{lines[name]}  {name}\n" for name in sorted(lines)))


def read(path: Path) -> dict[str, str]:
    """Checksums by name.

    Raises:
        DataError: not such a list, or it names something outside its folder.
    """
    found: dict[str, str] = {}
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: unreadable: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataError(f"{path}: line {number} is not a checksum, two spaces and a name")
        if not all(safe_name(part) for part in PurePosixPath(match[2]).parts):
            raise DataError(f"{path}: line {number} names {match[2]!r}, which is not a plain file name: refused")
        found[match[2]] = match[1]
    return found


def faults(folder: Path, known: Mapping[str, str]) -> Iterator[str]:
    """What of a folder is not as its SHA256SUMS says, a line each; nothing if it has none.

    Args:
        folder: the folder.
        known: sha256 of files that are held against the folder by other means: only the list is checked.
    """
    if not (folder / SHA256).is_file():
        return
    listed = read(folder / SHA256)
    for name, expected in listed.items():
        path = folder / name
        if name in known:
            found = known[name]
        elif path.is_file() and not path.is_symlink():
            found = sha256(path)
        else:
            yield f"{path}: missing, although {SHA256} lists it"
            continue
        if found != expected:
            yield f"{path}: its sha256 is {found}, in {SHA256} {expected}"
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(present - set(listed) - {SHA256}):
        yield f"{folder / name}: not in {SHA256}"
