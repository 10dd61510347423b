"""The benchmark suite runs and writes what it should; it is never asked how fast anything is."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import machine, measure, scale
from benchmarks.__main__ import SECTIONS, main
from benchmarks.plot import draw

# Keys of figures of each section.
KEYS = {
    "convert": ["convert", "bytes_lossless", "bytes_rounded"],
    "cores": ["convert_two_cores"],
    "images": ["images"],
    "loader": ["read", "shard_bytes", "loader"],
    "simulation": ["simulation"],
}
FIELDS = {"text", "unit", "ours", "rival", "rival_text", "ratio", "target", "rival_elsewhere", "also", "met"}


# "cores" and "simulation" start more programs than a test's few seconds allow.
def test_the_suite_writes_figures_and_plot_of_tiny_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--output", str(tmp_path), "--only", "convert", "images", "loader"])
    found = json.loads((tmp_path / "benchmarks.json").read_text())
    assert found["quick"]
    assert [row["key"] for row in found["figures"]] == KEYS["convert"] + KEYS["images"] + KEYS["loader"]
    assert all(row.keys() == {"key"} | FIELDS for row in found["figures"])
    assert all(row["ours"] > 0 and row["ratio"] > 0 for row in found["figures"])
    assert {"processor", "features", "cores", "load", "load_at_end", "libraries", "commit"} <= found["machine"].keys()
    assert "no networks given" in found["network"]["skipped"]
    assert (tmp_path / "benchmarks.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["benchmarks.json", "benchmarks.png"]
    assert "numpy.histogram2d" in capsys.readouterr().out


def test_every_section_has_its_figures() -> None:
    assert set(KEYS) == set(SECTIONS)


def test_memory_is_the_command_s_own() -> None:
    """A process that was started by a large one used to be counted as just as large."""
    ballast = bytearray(400_000_000)
    used = measure.run([sys.executable, "-I", "-S", "-c", "pass"])
    assert len(ballast) > used.memory * 1e6 * 4
    assert 1 < used.memory < 80
    larger = measure.run([sys.executable, "-I", "-S", "-c", "x = bytearray(200_000_000); x[::4096] = x[::4096]"])
    assert 190 < larger.memory < 300


def test_a_command_that_fails_ends_the_suite() -> None:
    with pytest.raises(SystemExit, match=r"failed: .*exit"):
        measure.run([sys.executable, "-c", "raise SystemExit('exit')"])


def test_ratios_are_those_of_neighbouring_runs() -> None:
    """On a machine that gets slower, the ratio of medians of each would say the same; one odd run must not count."""
    ours, rival = iter([2.0, 40.0, 8.0]), iter([1.0, 2.0, 4.0])
    figure = measure.in_turn(lambda: next(ours), lambda: next(rival), 3).figure("x", "", "s", "other", target=7.0)
    assert (figure.ours, figure.rival, figure.ratio) == (8.0, 2.0, 2.0)
    assert figure.as_dict()["met"] is False


def test_a_plot_whole_or_not_at_all(tmp_path: Path) -> None:
    row = measure.Figure("x", "work", "s", 2.0, 3.0, "other", 2 / 3, 1.5).as_dict()
    draw([row], tmp_path / "x.png", "here")
    before = (tmp_path / "x.png").read_bytes()
    with pytest.raises(KeyError):
        draw([row | {"unit": 1} | {"rival": 1.0}, {"key": "y", "rival": 1.0, "target": None}], tmp_path / "x.png", "")
    assert (tmp_path / "x.png").read_bytes() == before


def test_the_machine_says_what_it_is() -> None:
    found = machine.describe()
    assert found["cores"] >= 1
    assert len(found["load"]) == 3
    assert found["processor"]


def test_full_size_is_each_step_s_time_times_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 10 ms an event and 3 s a file to simulate; 3.6 ms an event for all other steps."""
    monkeypatch.setattr(scale, "EVENTS", 1_000_000)
    steps = [
        {"step": "simulate", "events": 100, "processor": 4.0, "bytes": 1},
        {"step": "simulate", "events": 300, "processor": 6.0, "bytes": 300 * 70_000},
    ]
    for name in ("check", "convert", "plan", "shard", "manifest", "verify"):
        steps.append({"step": name, "events": 10, "processor": 9.0, "bytes": 1})
        steps.append({"step": name, "events": 1000, "processor": 3.6, "bytes": 12_000_000})
    found = {row["step"]: row for row in scale.extrapolate(steps)}
    assert found["simulate"]["core_hours"] == pytest.approx(1e6 * (0.010 + 0.003) / 3600, abs=0.01)
    assert found["convert"] == {
        "step": "convert",
        "core_hours": 1.0,
        "disk_gb": 12.0,
        "days_on_2": 0.02,
        "hours_on_500": 0.002,
    }
    assert found["all"]["core_hours"] == pytest.approx(3.61 + 6.0, abs=0.01)
    assert found["all"]["disk_gb"] == pytest.approx(70 + 12 + 12)
