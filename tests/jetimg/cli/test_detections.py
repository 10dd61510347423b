"""`jetimg inspect` of a file of detections."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.detections.table import DetectionTable
from jetimg.detections.write import create
from jetimg.event_file.store import InputFile
from tests.helpers.detections import ABOUT

# Of the second event: a t across the seam, a b without pt, and an H that nobody is sure of.
FOUND = DetectionTable.of(
    np.array([0, 3]),
    class_id=np.array([1, 0, 2]),
    score=np.array([0.9, 0.5, 0.1]),
    pt=np.array([512.0, np.nan, 300.0]),
    eta=np.zeros(3),
    phi=np.array([3.1, 0.0, 1.0]),
    box=np.array([[100, 340, 146, 386], [100, 157, 146, 203], [100, 214, 146, 260]]),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """What was found in an event file, and in a bad one."""
    path = tmp_path_factory.mktemp("found") / "found.h5"
    with create(path, ABOUT) as writer:
        writer.add(InputFile("bad.root", "", 0, "truncated", "cut off"), DetectionTable.empty())
        writer.add(InputFile("made.h5", "ab" * 32, 2), FOUND)
    return path


def test_inspect_counts_detections(made) -> None:
    done = CliRunner().invoke(app, ["inspect", str(made)])
    assert done.exit_code == 0, done.output
    for text in ("detections", "some.pt", "truncated", "2 files, 1 of them bad", "score 0.5"):
        assert text in done.output
    (row,) = (line for line in done.output.splitlines() if line.startswith("│ t "))
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["t", "1", "1", "1", "1", "1"]
