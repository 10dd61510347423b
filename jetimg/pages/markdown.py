"""Pages of results, which are markdown, as parts of an HTML page."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault

# Bytes of a text that is put into a page.
MAX_BYTES = 5_000_000


def read_text(path: Path) -> str:
    """A text of results.

    Raises:
        DataError: it cannot be read, is no text, or larger than a page should hold.
    """
    try:
        if (n_bytes := path.stat().st_size) > MAX_BYTES:
            raise DataError(f"{path}: {n_bytes} bytes; a page holds texts of up to {MAX_BYTES}")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def as_html(text: str, level: int = 3) -> Markup:
    """Markdown as HTML: tables, lists, code; HTML in it becomes text, and pictures and its title are left out.

    Args:
        text: the markdown.
        level: of the headings that are `##` in it.
    """
    tokens = _without_pictures(_without_title(_parser().parse(text)))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + level - 2)}"
    return Markup(_parser().renderer.render(tokens, _parser().options, {}))


def _without_title(tokens: Sequence[Token]) -> Sequence[Token]:
    start = 3 if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1" else 0
    return tokens[start:]


def _without_pictures(tokens: Sequence[Token]) -> list[Token]:
    """Leaves out paragraphs that hold only pictures, and headings that then stand above nothing."""
    kept: list[Token] = []
    blocks = iter(tokens)
    for token in blocks:
        group = [token]
        if token.type in ("paragraph_open", "heading_open"):
            group += [next(blocks), next(blocks)]
        if token.type == "paragraph_open" and _is_only_pictures(group[1]):
            continue
        kept += group
    while len(kept) >= 3 and kept[-1].type == "heading_close":
        del kept[-3:]
    return kept


def _is_only_pictures(inline: Token) -> bool:
    inside = inline.children or []
    return any(child.type == "image" for child in inside) and all(
        child.type in ("image", "softbreak", "hardbreak") for child in inside
    )


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("image", _nothing)
    made.add_render_rule("table_open", _scrolled)
    made.add_render_rule("table_close", _end)
    return made


def _nothing(*_: Any) -> str:
    return ""


def _scrolled(*_: Any) -> str:
    return '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'


def _end(*_: Any) -> str:
    return "</table></div>"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """A table of texts and numbers; the first column and columns whose heading ends in a space are flush left."""
    right = ['class="right"' if k and not name.endswith(" ") else "" for k, name in enumerate(columns)]
    head = Markup("").join(
        Markup("<th scope=col {}>{}</th>").format(Markup(r), c) for r, c in zip(right, columns, strict=True)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td {}>{}</td>").format(Markup(r), cell) for r, cell in zip(right, row, strict=True)
            )
        )
        for row in rows
    )
    return Markup("{}<thead><tr>{}</tr></thead><tbody>{}</tbody>{}").format(
        Markup(_scrolled()), head, body, Markup(_end())
    )
