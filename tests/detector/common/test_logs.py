import logging

import pytest
import typer
from typer.testing import CliRunner

from detector.common import logs, progress


@pytest.fixture(autouse=True)
def _as_before():
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in logs.OURS}
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def call():
    """A command inside a group inside the root command; each takes the options of the log."""
    outer, inner = typer.Typer(callback=logs.options), typer.Typer(callback=logs.options)
    outer.add_typer(inner, name="group")

    @inner.command()
    def work() -> None:
        logging.getLogger("models.some").info("an epoch of 100 % [red]")
        logging.getLogger("models.some").warning("a warning")
        logging.getLogger("library").info("of no interest")
        print("made")

    return lambda *words: CliRunner().invoke(outer, words)


def test_messages_go_to_stderr_and_the_result_to_stdout(call) -> None:
    result = call("group", "work")
    assert result.stdout == "made\n"
    assert result.stderr == "an epoch of 100 % [red]\na warning\n"


@pytest.mark.parametrize("words", [("--quiet", "group", "work"), ("group", "--quiet", "work")])
def test_quiet_leaves_warnings_and_the_result(call, words) -> None:
    result = call(*words)
    assert (result.stdout, result.stderr) == ("made\n", "a warning\n")
    assert logs.is_quiet()
    assert not call("group", "work").stderr.startswith("a warning"), "the next call shows all again"


def test_verbose_adds_time_and_module(call) -> None:
    lines = call("--verbose", "group", "work").stderr.splitlines()
    assert lines[0].endswith("INFO models.some: an epoch of 100 % [red]")
    assert len(lines) == 2


def test_both_at_once_are_refused(call) -> None:
    assert call("--quiet", "--verbose", "group", "work").exit_code == 2


def test_quiet_hides_the_progress_bar(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for level, drawn in ((logging.INFO, True), (logging.WARNING, False)):
        logs.set_up(level)
        with progress.bar("work", 2) as done:
            done(1)
        assert ("work" in capsys.readouterr().err) == drawn
