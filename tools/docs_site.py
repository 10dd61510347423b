"""The docs as a site: a hook of mkdocs (`make docs`, mkdocs.yml).

The start page is README.md. Pages of the repository that others link to are in the site too, other files as they are; a
link to code leads to the API page of its room. Commands and API pages are written from the code.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.core import TyperGroup
from typer.main import get_command

from jetimg.cli.main import app
from tools import architecture

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
ABROAD = re.compile(r"\w+:|//")
# Where files from outside docs/ stand in the site.
OTHERS = "repository"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the API pages to the navigation, a section for each package."""
    packages: dict[str, list[str]] = {}
    for room in architecture.rooms():
        packages.setdefault(room.partition(".")[0], []).append(_api_page(room))
    assert config.nav is not None
    config.nav.append({"Python API": [{package: pages} for package, pages in packages.items()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is not in docs/: the start page, commands, API, and the files that pages link to."""
    made = {"commands.md": commands()} | {_api_page(room): api(room) for room in architecture.rooms()}
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    waiting = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    seen = set(waiting)
    while waiting:
        page = waiting.pop()
        if page.is_file() and page.suffix == ".md":
            new = [ROOT / path for path in _links(page) if ROOT / path not in seen]
            seen.update(new)
            waiting += new
        if page.is_file() and ROOT / "docs" not in page.parents and not _is_code(page):
            files.append(File.generated(config, _uri(page), abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leads the links of a page of the repository to where the files are in the site."""
    source = _source(page.file.src_uri)
    if source is None:
        return markdown

    def replaced(match: re.Match[str]) -> str:
        if ABROAD.match(match[1]):
            return match[0]
        path = ROOT / posixpath.normpath(posixpath.join(source.parent.relative_to(ROOT).as_posix(), match[1]))
        return posixpath.relpath(_uri(path), posixpath.dirname(page.file.src_uri) or ".") + (match[2] or "")

    return LINK.sub(replaced, markdown)


def commands() -> str:
    """Every command with its arguments and options, as Markdown."""
    lines = ["# Commands", ""]
    for name, command in _commands(get_command(app), "jetimg"):
        lines += [f"## {name}", "", (command.help or "").replace("\b", "").strip(), ""]
        rows = [
            f"| {_typed(parameter)} | {_said(parameter)} |" for parameter in command.params if parameter.name != "help"
        ]
        lines += ["| argument or option | meaning |", "|---|---|", *rows, ""] if rows else []
    return "\n".join(lines)


def api(room: str) -> str:
    """The API page of a room: each of its modules."""
    folder = ROOT / room.replace(".", "/")
    modules = [room] if not folder.is_dir() else [f"{room}.{path.stem}" for path in sorted(folder.glob("[!_]*.py"))]
    parts = [f"# {room}", architecture.purpose(room), *(f"::: {module}" for module in modules)]
    return "\n\n".join(parts) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield name, command
        return
    context = command.make_context(name, ["--help"], resilient_parsing=True)
    for part in command.list_commands(context):
        found = command.get_command(context, part)
        if found is not None and not found.hidden:
            yield from _commands(found, f"{name} {part}")


def _typed(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))
    return f"`{parameter.metavar or parameter.name.upper()}`"


def _said(parameter: Any) -> str:
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|").replace("\n", " ")
    default = parameter.default
    shown = not callable(default) and default not in (None, False, True, "", ()) and not parameter.required
    return f"{text} Default: `{default}`." if shown else text


def _links(page: Path) -> Iterator[str]:
    """Files of the repository that a page links to, by their names in it."""
    for match in LINK.finditer(page.read_text()):
        if not ABROAD.match(match[1]):
            yield posixpath.normpath(posixpath.join(page.parent.relative_to(ROOT).as_posix(), match[1]))


def _uri(path: Path) -> str:
    """Where a file of the repository is in the site."""
    name = path.relative_to(ROOT)
    if name.parts[0] == "docs":
        inside = name.relative_to("docs")
        return (inside / "README.md" if path.is_dir() else inside).as_posix()
    if name == Path("README.md"):
        return "index.md"
    if _is_code(path):
        return _api_page(".".join(name.with_suffix("").parts[:2]))
    return f"{OTHERS}/{name.as_posix()}"


def _source(uri: str) -> Path | None:
    """The file of the repository that a page of the site is; None for what is written from the code."""
    if uri == "index.md":
        return ROOT / "README.md"
    path = ROOT / uri.removeprefix(f"{OTHERS}/") if uri.startswith(f"{OTHERS}/") else ROOT / "docs" / uri
    return path if path.is_file() else None


def _is_code(path: Path) -> bool:
    """Whether a file or folder is of a room."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts[:2]) in architecture.rooms()


def _api_page(room: str) -> str:
    return f"api/{room.replace('.', '/')}.md"
