"""HTML files that need no other file, no server and no network."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jetimg.common.atomic import write_text
from jetimg.plotting.figures import COLOURS, ink


@cache
def _environment() -> Environment:
    loader = PackageLoader("jetimg.pages", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals["include_as_is"] = _include_as_is
    made.globals["class_colours"] = _class_colours
    return made


def _include_as_is(name: str) -> Markup:
    """A style sheet or program of ours, put into the page unchanged."""
    loader = _environment().loader
    assert loader is not None
    text = loader.get_source(_environment(), name)[0]
    if re.search(r"</(script|style)", text, re.IGNORECASE):
        raise ValueError(f"{name}: it would end the element that it is put into")
    return Markup(text)


def _class_colours() -> Markup:
    """The colours of classes, those of all pictures, as variables of a style sheet: --class-0 and its ink."""
    pairs = (f"--class-{k}: {colour}; --ink-{k}: {ink(colour)};" for k, colour in enumerate(COLOURS))
    return Markup("\n".join(pairs))


def render(template: str, content: Mapping[str, Any]) -> str:
    """A page; texts of the content are escaped where they stand in it."""
    return _environment().get_template(template).render(content)


def write(template: str, content: Mapping[str, Any], output: Path) -> None:
    """Writes a page in one step.

    Args:
        template: its name in the folder `templates` of this room.
        content: what the template names.
        output: the HTML file.

    Raises:
        DataError: the file cannot be written.
    """
    write_text(output, render(template, content))
