"""Records of simulated files: read, refused in one line, or somebody else's."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from jetimg.common.errors import DataError
from jetimg.imaging.simulation_record import SimulationRecord, read_record

GOOD = SimulationRecord("tt/00000.root", "ok", "", 5, 5, "0" * 64, [{"exit": 0, "seconds": 1.5, "verdict": "ok"}])


def record(folder: Path, content: object) -> Path:
    path = folder / "00000.json"
    path.write_text(json.dumps(content))
    return path


def test_no_flipped_bit_of_a_record_passes(tmp_path: Path) -> None:
    """Each text in it is one that nothing else repeats."""
    path = tmp_path / "00000.json"
    path.write_text(GOOD.text())
    good = path.read_bytes()
    assert read_record(path) == GOOD
    same = 0
    for place in np.random.default_rng(1).permutation(8 * len(good))[:1000]:
        damaged = bytearray(good)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with suppress(DataError):
            assert read_record(path) == GOOD
            same += 1  # a space that became another
    assert same < 100


def test_a_record_reads_back(tmp_path: Path) -> None:
    assert read_record(record(tmp_path, asdict(GOOD))) == GOOD
    assert read_record(tmp_path / "none.json") is None


@pytest.mark.parametrize("content", [[], 3, "text", {}, {"verdict": "ok", "events": [1, 2]}])
def test_other_json_files_are_somebody_else_s(tmp_path: Path, content: object) -> None:
    assert read_record(record(tmp_path, content)) is None


@pytest.mark.parametrize(
    "change",
    [{"file": {"": None}}, {"entries": "many"}, {"tries": 3}, {"sha256": "\u00e9\n"}, {"new": 1}, {"verdict": None}],
)
def test_a_strange_record_is_refused_in_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="a damaged record of a simulation") as refused:
        read_record(record(tmp_path, asdict(GOOD) | change))
    assert "\n" not in str(refused.value)


def test_a_cut_or_deep_record_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path, asdict(GOOD))
    for text in (path.read_text()[:-5], "[" * 100_000):
        path.write_text(text)
        with pytest.raises(DataError, match="a damaged record"):
            read_record(path)
