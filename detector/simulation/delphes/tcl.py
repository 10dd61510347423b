"""Text in Tcl, as Delphes reads it: modules, numbers, names of files.

Delphes brings its own, old Tcl (8.0); only `set`, `add` (its `lappend`), `for`, `foreach` and `expr` are
used, as in Delphes' own cards.
"""

import re
from typing import NamedTuple

UNSAFE = re.compile(r"[^\w./+-]", re.ASCII)


class Module(NamedTuple):
    """A module of a card.

    Attributes:
        kind: Delphes' class.
        name: what ExecutionPath and the inputs of later modules call it.
        lines: its parameters.
        why: a remark above it; without braces, which Tcl would count even here.
    """

    kind: str
    name: str
    lines: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        body = "\n".join(f"  {line}" if line else "" for line in self.lines)
        return f"# {self.why}\nmodule {self.kind} {self.name} {{\n{body}\n}}\n"


def number(given: float) -> str:
    """A number with 15 digits, without zeros behind."""
    return f"{given:.15g}"


def word(text: str) -> str:
    """A text, such as a file's name, as one word of Tcl.

    Raises:
        ValueError: a line break in it.
    """
    if "\n" in text or not text:
        raise ValueError(f"not a name that a card can hold: {text!r}")
    return UNSAFE.sub(lambda match: "\\" + match[0], text)


def sets(**parameters: str | float | bool) -> tuple[str, ...]:
    """A `set` for each parameter; names are Delphes', texts are taken as they stand."""
    return tuple(f"set {name} {value(given)}" for name, given in parameters.items())


def adds(name: str, *values: str | float) -> tuple[str, ...]:
    """An `add` to the list `name` for each value."""
    return tuple(f"add {name} {value(given)}" for given in values)


def value(given: str | float | bool) -> str:
    """A parameter's value in Tcl; a text is taken as it stands."""
    if isinstance(given, bool):
        return "true" if given else "false"
    return given if isinstance(given, str) else number(given)
