"""Plots of losses and latencies, whose modules load matplotlib only to draw."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from jetimg.plotting import figures
from jetimg.plotting.figures import COLOURS
from models.export import latency
from models.training import history


def test_they_have_the_style_of_all_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: dict[Path, Figure] = {}
    monkeypatch.setattr(figures, "save", lambda figure, path: saved.update({path: figure}))
    losses = dict.fromkeys(history.PARTS, 1.0)
    history.plot(tmp_path / "loss", [{"epoch": 1, "train": losses, "validation": losses}])
    times = {"median_ms": 2.0, "p10_ms": 1.0, "p90_ms": 3.0}
    results = [{"name": name, "batch_size": size, **times} for name in "abcdefgh" for size in (1, 2)]
    latency.plot(tmp_path / "latency", results, {"processor": "made up", "threads": 1})
    assert len(saved) == 2
    for figure in saved.values():
        (axes,) = figure.axes
        assert {one.get_color() for one in axes.lines} <= set(COLOURS)
        assert not axes.spines["top"].get_visible()
        legend = axes.get_legend() or figure.legends[0]
        assert not legend.get_frame_on()


def test_times_at_one_batch_size_are_bars_with_their_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr(figures, "save", lambda figure, _: saved.append(figure))
    times = {"median_ms": 4.0, "p10_ms": 2.0, "p90_ms": 10.0}
    latency.plot(
        tmp_path, [{"name": name, "batch_size": 2, **times} for name in "ab"], {"processor": "made up", "threads": 1}
    )
    (axes,) = saved[0].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert [bar.get_width() for bar in axes.patches] == [2, 2], "ms an image, not a batch"
    (spread,) = [one for one in axes.collections if len(one.get_segments()) == 2]
    assert spread.get_segments()[0][:, 0].tolist() == [1, 5]
