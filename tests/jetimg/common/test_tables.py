import io

import pytest
from rich.console import Console

from jetimg.common.tables import Sheet, cell, size


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (769973, "769,973"), (4.8551, "4.855"), (1234.5, "1,234"), (0, "0"), (True, "True"), ("a", "a")],
)
def test_cells(value, text):
    assert cell(value) == text


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 B"), (999, "999 B"), (15_520, "15.5 kB"), (5e10, "50 GB"), (2e12, "2 TB")]
)
def test_sizes(n, text):
    assert size(n) == text


def test_markdown():
    sheet = Sheet("Title", ("name", "text ", "|eta|"), [("a|b", None, 1.5)], "A note.")
    assert sheet.markdown() == (
        "## Title\n\n| name | text | \\|eta\\| |\n| :-- | :-- | --: |\n| a\\|b | - | 1.5 |\n\nA note.\n"
    )


def test_brackets_are_no_markup_on_the_terminal():
    text = io.StringIO()
    Console(file=text, width=80).print(Sheet("[red]Title", ("[b]name",), [("file[1].root",)], "[i]note"))
    for part in ("[red]Title", "[b]name", "file[1].root", "[i]note"):
        assert part in text.getvalue()
