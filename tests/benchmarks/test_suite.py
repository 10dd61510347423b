"""The benchmark suite runs and writes what it should; it is never asked how fast anything is."""

import json
import os
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import machine, measure, padded, rivals, scale, scaling
from benchmarks.__main__ import SECTIONS, main
from benchmarks.inputs import Shard
from benchmarks.plot import draw
from jetimg.loader.torch_dataset import JetImages, dense

# Keys of figures of each section.
KEYS = {
    "convert": ["convert", "bytes_lossless", "bytes_rounded"],
    "rivals": ["against_uproot"],
    "cores": ["convert_two_cores"],
    "images": ["images"],
    "loader": [
        "read",
        "shard_bytes",
        "loader",
        "ahead",
        "workers",
        "ranks",
        "padded_bytes",
        "padded_read",
        "padded_dense",
    ],
    "simulation": ["simulation"],
}
FIELDS = {"text", "unit", "ours", "rival", "rival_text", "ratio", "target", "rival_elsewhere", "also", "met"}


# "rivals", "cores" and "simulation" start more programs than a test's few seconds allow.
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
    printed = capsys.readouterr().out
    assert "numpy.histogram2d" in printed
    assert "the machine was" in printed


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


def test_rivals_that_are_absent_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = []

    def no_other_process(command: list[str], core: int) -> measure.Usage:
        assert core in os.sched_getaffinity(0)
        lines.append(command)
        return measure.Usage(2.0 if "jetimg" in command else 1.0, 3.0, 10.0)

    monkeypatch.setattr(rivals, "run", no_other_process)
    no_python, published = str(tmp_path / "python"), f"{sys.executable} x.py {{input}} --to {{output}}"
    found = list(rivals.figures(tmp_path, 2, 5, coffea=no_python, published=published))
    assert [(one.key, one.ratio, one.also["rounds"]) for one in found] == [
        ("against_uproot", 2.0, 5),
        ("against_published", 2.0, 5),
    ]
    assert f"coffea             absent: {no_python} cannot import it" in capsys.readouterr().out
    assert len(lines) == 3 * 6
    paths = [str(tmp_path / name) for name in ("delphes-2.root", "published.h5")]
    assert lines[2] == [sys.executable, "x.py", paths[0], "--to", paths[1]]
    monkeypatch.setattr(rivals, "has_coffea", lambda _: True)
    assert [one.key for one in rivals.figures(tmp_path, 2, 1, None, None)] == ["against_uproot", "against_coffea"]
    assert "published          absent: give its command" in capsys.readouterr().out
    assert len(lines[-2]) - len(lines[-3]) > 0  # ours converts the files that coffea reads
    assert lines[-1][4:] == lines[-2][-len(lines[-1][4:]) :]


def test_padded_arrays_give_the_same_images(tmp_path: Path) -> None:
    shard = Shard.make(tmp_path, 12)
    padded.write(shard.ours, tmp_path / "padded.h5", 8, 360)
    found = torch.cat(list(padded.batches(tmp_path / "padded.h5", 8, (340, 360), 12)))
    expected = torch.cat([dense(batch, "cpu", "channel").pixels for batch in JetImages([shard.ours], 8)])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_a_busy_machine_is_called_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load", lambda: [1.1, 0.5, 0.2])
    assert "was quiet" in machine.quiet([0.2, 0.2, 0.2])
    assert "NOT quiet" in machine.quiet([0.9, 0.2, 0.2])
    monkeypatch.setattr(machine, "load", lambda: [3.0, 0.5, 0.2])
    assert "NOT quiet" in machine.quiet([0.2, 0.2, 0.2])


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


def test_the_share_of_starting_is_that_of_all_processes() -> None:
    """By hand: 10 ms an event, 0.6 s a file and 1.5 s a process to simulate; 0.4 ms and 0.5 s to convert."""
    parts = scaling.Parts(simulate=scaling.Simulating(1.5, 0.6, 0.010), convert=scaling.Line(0.5, 0.0004))
    campaign = scaling.Campaign(files=1000, events=1000, files_per_job=10)
    one = scaling.model(parts, campaign, 1)
    work = 1000 * 1000 * 0.0104
    starts = 1000 * 2.1 + 100 * 0.5
    assert one.core_hours == pytest.approx((work + starts) / 3600)
    assert one.start_share == pytest.approx(starts / (work + starts))
    # 500 cores: two rounds of simulations of 12.1 s, then one of 100 conversions of 4.5 s.
    assert one.minutes_on(500) == pytest.approx((2 * 12.1 + 4.5) / 60)
    assert scaling.model(parts, campaign, 10).start_share == pytest.approx((100 * 7.5 + 50) / (work + 800))


def test_a_line_goes_through_two_points() -> None:
    line = scaling.Line.through((10, 1.1), (1010, 11.1))
    assert (line.start, line.each) == (pytest.approx(1.0), pytest.approx(0.01))


def test_the_start_of_a_process_and_of_a_file_are_told_apart() -> None:
    """By hand: 1.5 s a process, 0.6 s a file, 10 ms an event; jobs of 1 and 3 files of 20 events, 1 file of 220."""
    found = scaling.Simulating.of(20, 2.3, 3.9, (220, 4.3))
    assert (found.start, found.file, found.each) == (pytest.approx(1.5), pytest.approx(0.6), pytest.approx(0.010))


def test_the_page_names_load_and_command() -> None:
    parts = scaling.Parts(simulate=scaling.Simulating(1.5, 0.6, 0.010), convert=scaling.Line(0.5, 0.0004))
    rows = [scaling.Row(1, 100, 0.6, 0.7, 120.0), scaling.Row(2, 100, 0.65, 0.8, 120.0)]
    text = scaling.page(rows, parts, {"processor": "A", "cores": 2, "load": [7.0], "load_at_end": [9.0], "commit": "x"})
    assert "load 7 at the start, 9 at the end" in text
    assert "python -m benchmarks.scaling" in text
    assert "| 2 | 100 |" in text
