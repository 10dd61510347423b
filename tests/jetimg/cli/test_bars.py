"""Bars of the commands know how much there is to do, and end there."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from detector.common import progress
from jetimg.cli.main import app
from tests.helpers.release_metadata import SAID

# What is typed after `jetimg`; each makes what the next ones read.
TYPED = [
    "check tt.root bb.root",
    "convert tt.root --sample tt --output tt.h5",
    "convert bb.root --sample bb --output bb.h5",
    "convert hh.root --sample hh --output hh.h5",
    "plan tt.h5 bb.h5 hh.h5 --test hh --validation-fraction 0 --test-fraction 0 --output plan.json",
    "shard plan.json --output set/train-00000.h5",
    "shard plan.json --output set/test-00000.h5",
    "manifest plan.json set",
    "verify set",
    "verify tt.h5",
    "summary set",
    "audit tt.root",
    "view set tt.h5 --output events.html",
    "export set --to npz --output npz",
    "export tt.h5 bb.h5 --to root --output root",
    "release set --metadata metadata.yaml --output release",
    "verify release",
    "export-reference tt.h5 bb.h5 --output theirs.h5",
    "import-reference theirs.h5 --output imported.h5",
    "models classical set --kind orders --output orders.h5",
    "models detect fast tt.root bb.root --output found.h5",
    "export found.h5 --to root --output found",
]


@dataclass
class Drawn:
    """A bar: how much there was to do, and what was done."""

    total: int | None
    done: int = 0


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Drawn]:
    """The bars that commands draw, as on a terminal."""
    found: list[Drawn] = []

    @contextmanager
    def bar(
        _: str, total: int | Callable[[], int | None] | None, in_bytes: bool = False
    ) -> Iterator[Callable[[int], None]]:
        mine = Drawn(total() if callable(total) else total)
        found.append(mine)

        def advance(done: int) -> None:
            mine.done += done

        yield advance

    monkeypatch.setattr(progress, "bar", bar)
    return found


def test_a_bar_ends_at_its_total(
    bars: list[Drawn], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for sample in ("tt", "bb", "hh"):
        shutil.copy(data / f"{sample}.root", tmp_path)
    Path("metadata.yaml").write_text(yaml.safe_dump(SAID))
    for line in TYPED:
        bars.clear()
        ran = CliRunner().invoke(app, line.split())
        assert ran.exit_code == 0, f"{line}: {ran.output}{ran.exception or ''}"
        (bar,) = bars
        assert bar.done == bar.total, line
