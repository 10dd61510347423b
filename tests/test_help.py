"""Every command explains itself: texts with brackets may be taken for markup, and then help is a traceback."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import jetimg
from jetimg.cli.main import app


def commands(found: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, and of every group of commands; some groups are found when they are asked."""
    yield before
    context = typer.Context(found)
    for name in found.list_commands(context):
        command = found.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


@pytest.fixture(scope="module")
def everything() -> list[tuple[str, ...]]:
    return list(commands(typer.main.get_command(app)))


def test_every_command_has_help(everything: list[tuple[str, ...]]) -> None:
    assert ("models", "benchmark") in everything
    for words in everything:
        ran = CliRunner().invoke(app, [*words, "--help"])
        assert ran.exit_code == 0, f"jetimg {' '.join(words)} --help: {ran.exception}"
        assert "Usage" in ran.output


def test_the_version_is_that_of_the_package() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert (ran.exit_code, ran.output) == (0, f"jetimg {jetimg.__version__}\n")
