"""Tables for the terminal and for markdown, one look for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Sheet:
    """A table: names on the left of each row, numbers flush right; texts are taken as they are.

    Attributes:
        title: above the table.
        columns: headings; the first column, and columns whose heading ends in a space, are flush left.
        rows: cells; see `cell`.
        note: below the table.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""

    def __rich__(self) -> Table:
        """For the terminal."""
        made = Table(title=Text(self.title), caption=Text(self.note), title_justify="left", caption_justify="left")
        for column, left in zip(self.columns, self._left(), strict=True):
            made.add_column(Text(column.strip()), justify="left" if left else "right", overflow="fold")
        for row in self.rows:
            made.add_row(*(Text(cell(value)) for value in row))
        return made

    def markdown(self) -> str:
        """A section of a markdown text."""
        lines = [
            f"## {self.title}\n",
            _line(column.strip() for column in self.columns),
            _line(":--" if left else "--:" for left in self._left()),
            *(_line(cell(value) for value in row) for row in self.rows),
        ]
        return "\n".join([*lines, *([f"\n{self.note}"] if self.note else [])]) + "\n"

    def _left(self) -> list[bool]:
        return [number == 0 or column.endswith(" ") for number, column in enumerate(self.columns)]


def _line(cells: Iterable[str]) -> str:
    return " | ".join(["", *(text.replace("|", "\\|") for text in cells), ""]).strip()


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and what they are, without headings."""
    made = Table(
        title=Text(title, style="bold"), title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0)
    )
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(Text(name), Text(cell(value)))
    return made


def cell(value: object) -> str:
    """A value in a table: None is "-", whole numbers have separators, other numbers 4 digits."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def size(n_bytes: float) -> str:
    """A number of bytes with its unit, in powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n_bytes) < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} TB"
