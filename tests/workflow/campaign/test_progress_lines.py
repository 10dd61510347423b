"""Who has no terminal sees how far a run is."""

import logging
import subprocess
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from workflow.campaign import progress_lines
from workflow.campaign.progress_lines import ProgressLines


def record(done, event=LogEvent.PROGRESS):
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, None, None, None)
    made.event, made.done, made.total = event, done, 1200
    return made


def test_a_line_a_minute_and_one_at_the_end(monkeypatch, capsys):
    clock = iter((1000.0, 1030.0, 1061.0, 1062.0))
    monkeypatch.setattr(progress_lines.time, "monotonic", lambda: next(clock))
    lines = ProgressLines()
    lines.emit(record(0, LogEvent.JOB_FINISHED))
    for done in (1, 2, 1100, 1200):
        lines.emit(record(done))
    printed = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert printed == ["1 of 1,200 jobs done", "1,100 of 1,200 jobs done", "1,200 of 1,200 jobs done"]


@pytest.mark.parametrize(("logger", "lines"), [(["--logger", "rich"], 2), ([], 0)], ids=["bars", "lines of its own"])
def test_a_run_without_a_terminal(tmp_path, logger, lines):
    (tmp_path / "Snakefile").write_text(
        "from workflow.campaign.progress_lines import lines_without_terminal\n"
        "lines_without_terminal(workflow)\n"
        "rule all:\n    input: expand('{i}.txt', i=range(3))\n"
        "rule one:\n    output: '{i}.txt'\n    shell: 'touch {output}'\n"
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--workflow-profile", "none", *logger]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stderr.count("of 4 jobs done") == lines
    assert done.stderr.count("4 of 4 jobs done") == (1 if lines else 0)
