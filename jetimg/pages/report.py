"""The report of a campaign: one HTML file of all its tables and pictures, each with the command that makes it again."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetimg.common.errors import DataError
from jetimg.common.tables import size
from jetimg.pages import page
from jetimg.pages.report_sections import SECTIONS
from jetimg.pages.results_folder import Results

TEMPLATE = "report.html"
VIEWER = "events.html"


@dataclass(frozen=True)
class Tile:
    """A number at the head of the report, and what it counts."""

    number: str
    text: str


def write(folder: Path, output: Path) -> list[str]:
    """Writes the report of what is in a folder of results.

    Args:
        folder: a campaign's results, such as results/demo; what is not there is left out.
        output: the HTML file; it appears complete.

    Returns:
        Titles of its sections.

    Raises:
        DataError: nothing of a campaign is there, a file is damaged, or the report cannot be written.
    """
    results = Results.of(folder)
    sections = [section for make in SECTIONS if (section := make(results)).parts]
    if not sections:
        raise DataError(f"{folder}: no results of a campaign; expected summary/summary.md, pictures/*.png, ...")
    content = {
        "title": folder.resolve().name,
        "folder": str(folder),
        "tiles": _tiles(results),
        "sections": sections,
        "viewer": _viewer(folder, output),
    }
    page.write(TEMPLATE, content, output)
    return [section.title for section in sections]


def _viewer(folder: Path, output: Path) -> str:
    """The way from the report to the event viewer; empty where there is none."""
    path = folder / VIEWER
    return Path(os.path.relpath(path.resolve(), output.resolve().parent)).as_posix() if path.is_file() else ""


def _tiles(results: Results) -> list[Tile]:
    made: list[Tile] = []
    for path in results.find("summary/summary.json"):
        content = results.json(path)
        try:
            made += _of_summary(content)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: not a summary; `jetimg summary --output` writes one") from error
    networks = len(results.find("networks/*/*/network.pt"))
    return made + ([Tile(f"{networks}", "network" if networks == 1 else "networks")] if networks else [])


def _of_summary(content: Any) -> list[Tile]:
    samples = content["samples"]
    events, jets = (sum(int(sample[key]) for sample in samples) for key in ("images", "jets"))
    balance = ("✓", "every event accounted for") if content["balances"] else ("✗", "events are missing")
    return [
        Tile(f"{events:,}", "events"),
        Tile(f"{jets:,}", "jets with boxes"),
        Tile(f"{len(samples)}", "samples"),
        Tile(f"{content['n_shards']:,}", f"shards, {size(content['n_bytes'])}"),
        Tile(*balance),
    ]
