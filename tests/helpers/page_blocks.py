"""Blocks of code in the pages: found, and the words of their commands checked without running anything.

A block is run unless a comment right above it says why not:

    <!-- only its words are tested: it needs a token of Zenodo -->
"""

import importlib.util
import re
import shlex
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from typer.main import get_command

from jetimg.cli.main import app

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"(?:^<!-- only its words are tested: (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Of the shell, and programs of others: nothing of ours in their words.
OUTSIDE = {"export", "cd", "git", ".", "conda", "pre-commit", "DelphesPythia8", "root2pileup", "done", "pip-audit"}


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: where it stands.
        line: number of its first line.
        language: of the fence; empty for commands.
        text: what stands in it.
        why_not_run: the reason of its comment; empty where there is none.
    """

    page: Path
    line: int
    language: str
    text: str
    why_not_run: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_shell(self) -> bool:
        return self.language in ("", "sh", "bash")

    def commands(self) -> list[str]:
        """The commands of a shell block, each on one line, without comments."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order; pictures in Mermaid are none."""
    text = page.read_text()
    return [
        Block(page, text[: found.start(3)].count("\n") + 1, found[2], found[3], found[1] or "")
        for found in FENCE.finditer(text)
        if found[2] != "mermaid"
    ]


def words(command: str) -> list[str]:
    """Words as a shell sees them, without its loops and comments."""
    split = shlex.split(command, comments=True)
    return split[1:] if split[:1] == ["do"] else split


def check(command: str) -> None:
    """Every program, sub-command, option, target and extra of ours in a command is there.

    Raises:
        ValueError: one is not; the message names it.
    """
    first, *rest = words(command) or ["done"]
    if first in OUTSIDE or first == "for":
        return
    if first not in CHECKS:
        raise ValueError(f"{first}: a program that no test knows")
    CHECKS[first](rest)


def _jetimg(rest: list[str]) -> None:
    """By the parser of the command itself."""
    command, name, arguments, parent = get_command(app), "jetimg", rest, None
    while True:
        parent = command.make_context(name, list(arguments), parent=parent)  # a wrong option ends here
        if not hasattr(command, "resolve_command"):
            return
        name, command, arguments = command.resolve_command(parent, [*parent._protected_args, *parent.args])


def _snakemake(rest: list[str]) -> None:
    """By Snakemake's own parser, and the names of rules."""
    from snakemake.cli import get_argument_parser

    profile = [rest[rest.index("--profile") + 1]] if "--profile" in rest else []
    for name in profile:
        if not (ROOT / name / "config.yaml").is_file():
            raise ValueError(f"--profile {name}: no such profile")
    parsed = get_argument_parser().parse_args(rest)
    if unknown := {name for name in parsed.targets or () if "/" not in name} - _rules():
        raise ValueError(f"no target of the Snakefile: {', '.join(sorted(unknown))}")
    if not (parsed.cores or parsed.executor or profile or parsed.unlock):
        raise ValueError("snakemake without --cores")


@cache
def _rules() -> frozenset[str]:
    texts = [path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]]
    return frozenset(name for text in texts for name in re.findall(r"^(?:rule|checkpoint) (\w+):", text, re.MULTILINE))


def _make(rest: list[str]) -> None:
    targets = re.findall(r"^([\w./]+|\$\(VENV\)/[\w.]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    known = {target.replace("$(VENV)", ".venv") for target in targets}
    if unknown := {word for word in rest if "=" not in word} - known:
        raise ValueError(f"no target of the Makefile: {', '.join(sorted(unknown))}")


def _python(rest: list[str]) -> None:
    """A module of ours, and options that stand in it."""
    if rest[0] != "-m":
        raise ValueError(f"python {rest[0]}: only `python -m MODULE` is known")
    found = importlib.util.find_spec(rest[1])
    if found is None:
        raise ValueError(f"no module {rest[1]}")
    main = ROOT / rest[1].replace(".", "/") / "__main__.py"
    text = (main if main.is_file() else Path(str(found.origin))).read_text()
    if unknown := [word for word in rest[2:] if word.startswith("--") and f'"{word}"' not in text]:
        raise ValueError(f"{rest[1]} has no {', '.join(unknown)}")


def _pip(rest: list[str]) -> None:
    """Extras and locks that there are."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in rest:
        for name in re.findall(r"\[([\w,-]+)\]", word):
            if unknown := set(name.split(",")) - set(extras):
                raise ValueError(f"no extra {', '.join(sorted(unknown))}")
        if word.endswith(".lock") and not (ROOT / word).is_file():
            raise ValueError(f"no file {word}")


def _pytest(rest: list[str]) -> None:
    for word in rest:
        if not word.startswith("-") and not (ROOT / word).exists():
            raise ValueError(f"no tests {word}")


CHECKS = {
    "jetimg": _jetimg,
    "snakemake": _snakemake,
    "make": _make,
    "python": _python,
    "pip": _pip,
    "pytest": _pytest,
}
