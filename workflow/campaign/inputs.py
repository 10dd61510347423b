"""Names of input files: which of them a campaign can work with, which files they stand for, and what became of those.

Nothing is opened; a name that cannot be used is refused with its key, before anything runs.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from glob import glob, has_magic
from hashlib import sha256
from pathlib import Path

from workflow.campaign.errors import ConfigError

REMOTE = "://"

# What Linux's file systems take, in bytes.
MAX_NAME, MAX_PATH = 255, 4095


def check_name(key: str, name: str) -> None:
    """Refuses names that Snakemake, a list of names or a command line cannot carry.

    Raises:
        ConfigError: with the key of the configuration, the name, and why.
    """
    if reason := _why_not(name):
        raise ConfigError(f"{key}: {ascii(name)[1:-1] if not name.isprintable() else name}: {reason}")


def _why_not(name: str) -> str:
    try:
        parts = [len(part) for part in name.encode().split(b"/")]
    except UnicodeEncodeError:
        return "the name is not UTF-8; rename the file"
    if not name:
        return "an empty name"
    if not name.isprintable():
        return "the name has line breaks or other characters that cannot be printed; rename the file"
    if max(parts) > MAX_NAME or sum(parts) + len(parts) > MAX_PATH:
        return f"a name of {max(parts)} bytes; file systems take {MAX_NAME}, and {MAX_PATH} in a whole path"
    if "{" in name or "}" in name:
        return "braces are Snakemake's wildcards; rename it"
    if name[0] in "-@":
        return f"a name that begins with {name[0]!r} is taken for an option or a list; write ./{name}"
    if name[0] == "~":
        return "~ is not expanded; give the whole path"
    return ""


def expand_names(key: str, patterns: Iterable[str], before: Sequence[str] = ()) -> list[str]:
    """Files by name: patterns expanded and sorted, other names as given, there or not.

    A pattern that matches nothing stays as it is, and a file that matched in the last run and is gone keeps its name:
    both become bad files, and nothing vanishes.

    Args:
        key: where the patterns stand in the configuration.
        patterns: names, patterns (`*`, `?`, `[...]`, `**`), or addresses.
        before: names of the last run.

    Raises:
        ConfigError: a name that cannot be used, or a folder that cannot be read.
    """
    names: list[str] = []
    for pattern in patterns:
        check_name(key, pattern)
        found = _found(key, pattern, before) if is_pattern(pattern) else []
        names += found or [pattern]
    return names


def _found(key: str, pattern: str, before: Sequence[str]) -> list[str]:
    _check_folders(key, pattern)
    found = {*glob(pattern, recursive=True), *(name for name in before if _matches(name, pattern))}
    for name in found:
        check_name(key, name)
    return sorted(found)


def is_pattern(name: str) -> bool:
    """Whether a name stands for all files that match it; addresses never do."""
    return has_magic(name) and REMOTE not in name


def _matches(name: str, pattern: str) -> bool:
    """Whether a pattern finds a file of this name; a pattern that is kept as a bad file does not find itself."""
    if name == pattern:
        return False
    if "**" in pattern:
        return fnmatchcase(name, pattern) or fnmatchcase(name, pattern.replace("**/", ""))
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _check_folders(key: str, pattern: str) -> None:
    """Refuses folders that cannot be listed: `glob` leaves them out without a word."""
    parents = [str(parent) for parent in Path(pattern).parents]
    for folder in {folder for parent in parents for folder in glob(parent, recursive=True)}:
        if Path(folder).is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise ConfigError(f"{key}: {pattern}: the folder {folder} cannot be read; no file in it would be found")


def is_file(key: str, name: str) -> bool:
    """Whether a file is there.

    Raises:
        ConfigError: nobody can tell, as its folder cannot be entered, say: that is no verdict on the file.
    """
    try:
        return stat.S_ISREG(Path(name).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(f"{key}: {name}: {error.strerror}") from error


def why_no_file(name: str) -> str:
    """Why a name or pattern that was given stands for no file."""
    if is_pattern(name):
        return "matches no file"
    return f"a folder; name its files: {name.rstrip('/')}/*.root" if Path(name).is_dir() else "no such file"


def fingerprint(names: Iterable[str]) -> str:
    """A text that changes with size, modification time and inode of the files that are there.

    Snakemake looks only for files that are newer than what was made of them. A repaired file that keeps its old time
    (`cp -p`, `rsync -a`) is not, so rules take this text as a parameter.
    """
    digest = sha256()
    for name in names:
        try:
            found = Path(name).stat()
        except OSError:
            continue
        digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ino}\n".encode())
    return digest.hexdigest()[:16]
