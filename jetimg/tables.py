"""Tables for the terminal, one look for all of them."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> Table:
    """A table: a name on the left of each row, numbers flush right; texts are taken as they are.

    Args:
        title: above the table.
        columns: headings; the first column, and columns whose heading ends in a space, are flush left.
        rows: cells; None is shown as "-", whole numbers with separators, other numbers with 4 digits.
        caption: below the table.
    """
    made = Table(title=Text(title), caption=Text(caption), title_justify="left", caption_justify="left")
    for number, column in enumerate(columns):
        left = number == 0 or column.endswith(" ")
        made.add_column(Text(column.strip()), justify="left" if left else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell(value)) for value in row))
    return made


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
    """A value as it stands in a table."""
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
