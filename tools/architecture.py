"""Writes the picture and the table of rooms in docs/architecture.md. Run it by `make pages`.

Rooms and their order are those that tests/test_imports.py enforces, what each is for is the first line of its
docstring, and what it imports is read from its modules. The flow of files stands here; a test compares it with
the commands.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.test_imports import FLOORS, MODULES, imported, module_name, room

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- written by `make pages`: begin -->", "<!-- end -->"


class Step(NamedTuple):
    """One step of the pipeline: what is read, by which room and command, and what is made."""

    source: str
    room: str
    command: str
    target: str


FLOW = (
    Step("detector description", "detector.geometry", "detector describe", "pixel grid and cells"),
    Step("pixel grid and cells", "detector.simulation", "detector simulate", "Delphes files"),
    Step("Delphes files", "jetimg.imaging", "convert", "event files"),
    Step("Delphes files", "jetimg.validation", "compare", "tables and pictures"),
    Step("event files", "jetimg.dataset", "plan", "plan"),
    Step("event files", "jetimg.composition", "compose", "event files"),
    Step("plan", "jetimg.dataset", "shard", "shards and manifest"),
    Step("shards and manifest", "jetimg.reports", "summary", "tables and pictures"),
    Step("shards and manifest", "jetimg.release", "release", "release for Zenodo"),
    Step("shards and manifest", "models.training", "models train", "checkpoints"),
    Step("checkpoints", "models.compress", "models quantize", "checkpoints"),
    Step("checkpoints", "models.evaluation", "models evaluate", "evaluation"),
    Step("checkpoints", "models.evaluation", "models masks", "evaluation"),
    Step("checkpoints", "models.export", "models export", "ONNX files"),
    Step("Delphes files", "models.inference", "models detect", "detections"),
    Step("checkpoints", "models.inference", "models detect", "detections"),
    Step("ONNX files", "models.export", "models benchmark", "latency"),
    Step("shards and manifest", "models.classify", "models classify", "classification"),
    Step("shards and manifest", "jetimg.pages", "view", "event viewer"),
    Step("detections", "jetimg.pages", "view", "event viewer"),
    Step("tables and pictures", "jetimg.pages", "report", "report"),
    Step("evaluation", "jetimg.pages", "report", "report"),
    Step("classification", "jetimg.pages", "report", "report"),
)


@cache
def rooms() -> dict[str, set[str]]:
    """Each room by its full name, from the ground up, with the rooms of all packages that it imports."""
    found: dict[str, set[str]] = {f"{package}.{floor}": set() for package, floors in FLOORS.items() for floor in floors}
    for path in MODULES:
        own = _room_of(module_name(path))
        for name in imported(path):
            if own and name.split(".")[0] in FLOORS and (other := _room_of(name)) and other != own:
                found[own].add(other)
    return found


def _room_of(module: str) -> str | None:
    package, floor = room(module)
    return f"{package}.{FLOORS[package][floor]}" if floor < len(FLOORS[package]) else None


def purpose(name: str) -> str:
    """The first line of a room's docstring."""
    path = ROOT.joinpath(*name.split("."))
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def picture() -> str:
    """Rooms, by package, and the files that go from one to the next, in Mermaid's words."""
    lines = ["```mermaid", "flowchart LR"]
    drawn: dict[str, list[str]] = defaultdict(list)
    for step in FLOW:
        package, _, floor = step.room.partition(".")
        if floor not in drawn[package]:
            drawn[package].append(floor)
    for package in FLOORS:
        if drawn[package]:
            lines.append(f"  subgraph {package}")
            lines += [f"    {_id(f'{package}.{floor}')}[{package}/{floor}]" for floor in drawn[package]]
            lines.append("  end")
    files = dict.fromkeys(name for step in FLOW for name in (step.source, step.target))
    lines += [f"  {_id(name)}([{name}])" for name in files]
    entering = dict.fromkeys((step.source, step.room) for step in FLOW)
    lines += [f"  {_id(source)} --> {_id(name)}" for source, name in entering]
    lines += [f'  {_id(step.room)} -- "jetimg {step.command}" --> {_id(step.target)}' for step in FLOW]
    return "\n".join([*lines, "```"])


def _id(name: str) -> str:
    return re.sub(r"\W", "_", name)


def table() -> str:
    """Rooms from the ground up, what each is for, and which it imports."""
    lines = ["| room | what is in it | imports, beside `common` |", "| :-- | :-- | :-- |"]
    for name, others in rooms().items():
        if not name.endswith("__main__"):
            ordered = [other for other in rooms() if other in others and not other.endswith(".common")]
            lines.append(f"| `{name.replace('.', '/')}` | {purpose(name)} | {', '.join(ordered) or 'nothing'} |")
    return "\n".join(lines)


def page() -> str:
    """The page with picture and table as they are now; the rest of it as it stands."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{picture()}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page())
