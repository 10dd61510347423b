"""Ours against target and rival, as bars on a logarithmic axis: the target, where there is one, is 1."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from jetimg.plotting.figures import FAINT, colour, save, styled

OURS, RIVAL = colour(0), FAINT


def draw(figures: list[dict[str, Any]], path: Path, note: str) -> None:
    """Draws figures that have a rival or a target.

    Args:
        figures: as `Figure.as_dict` gives them.
        path: PNG file.
        note: what the measurement was taken on.
    """
    with styled():
        save(_figure([row for row in figures if row["rival"] or row["target"]][::-1], note), path)


def _figure(rows: list[dict[str, Any]], note: str) -> Figure:
    picture = Figure(figsize=(10, 1.2 + 0.75 * len(rows)), layout="constrained")
    axes = picture.subplots()
    for place, row in enumerate(rows):
        scale = row["target"] or row["rival"]
        _bar(axes, place + 0.19, row["ours"] / scale, f"{row['ours']:g} {row['unit']}", OURS, "")
        if row["rival"]:
            where = f"{row['rival']:g}: {row['rival_text']}" + (", measured elsewhere" * row["rival_elsewhere"])
            _bar(axes, place - 0.19, row["rival"] / scale, where, RIVAL, "//" if row["rival_elsewhere"] else "")
        if row["target"]:
            axes.plot([1, 1], [place - 0.42, place + 0.42], color="black", linewidth=2)
    axes.set_xscale("log")
    values = [row[name] / (row["target"] or row["rival"]) for row in rows for name in ("ours", "rival") if row[name]]
    axes.set_xlim(min(values) / 4, max(*values, 1.0) * 60)  # room for the texts
    axes.set_yticks(range(len(rows)), [row["key"] for row in rows])
    axes.set_xlabel("share of the target (black line), or of the rival where there is no target; less is better")
    axes.set_title(f"Ours (blue) and what it is held against (grey)\n{note}", fontsize=9)
    return picture


def _bar(axes: Any, place: float, length: float, text: str, fill: str, hatch: str) -> None:
    axes.barh(place, length, 0.36, color=fill, hatch=hatch, edgecolor="white")
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # so that the target's line does not cross it
    axes.text(length * 1.1, place, text, va="center", fontsize=7.5, bbox=box)
