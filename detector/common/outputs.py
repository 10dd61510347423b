"""The file that a command makes: never one that it reads, and never in the place of something else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from detector.common.errors import CallError


@dataclass(frozen=True)
class OutputKind:
    """What a command makes.

    Attributes:
        what: the name of several, for messages.
        suffixes: that their names have, in small letters; any if none are given.
        is_one: whether a file that is there is of this kind, so that a new one may take its place.
    """

    what: str
    suffixes: tuple[str, ...] = ()
    is_one: Callable[[Path], bool] = lambda _: True


def check_output(output: Path | None, kind: OutputKind, inputs: Iterable[Path | None] = ()) -> None:
    """Refuses an output that would take the place of something else, before anything is made.

    Args:
        output: the file to make; None: none.
        kind: what it will be.
        inputs: files that are read; None stands for one that is not given.

    Raises:
        CallError: another kind of name, a folder, an input, or a file of another kind.
    """
    if output is None:
        return
    if kind.suffixes and output.suffix.lower() not in kind.suffixes:
        raise CallError(f"--output {output}: {kind.what} end in {' or '.join(kind.suffixes)}")
    if output.is_dir():
        raise CallError(f"--output {output}: a folder; give the name of a file")
    if not output.exists():
        return
    if any(path is not None and path.exists() and path.samefile(output) for path in inputs):
        raise CallError(f"--output {output}: this is an input; it would be written over. Give another name")
    if output.is_file() and output.stat().st_size and not kind.is_one(output):
        raise CallError(
            f"--output {output}: there is a file that is no such output ({kind.what}); remove it, or give another name"
        )


def begins_with(*starts: bytes) -> Callable[[Path], bool]:
    """Whether a file begins with one of these bytes, for `OutputKind.is_one`."""

    def is_one(path: Path) -> bool:
        with path.open("rb") as file:
            return file.read(max(map(len, starts))).startswith(starts)

    return is_one
