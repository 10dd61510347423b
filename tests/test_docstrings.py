"""Sections of docstrings name what there is: "Args" the parameters, in their order; "Attributes" attributes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("detector", "jetimg", "models", "workflow")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def section(node: Definition, title: str) -> list[str] | None:
    """Names in a section of a docstring, None without the section; what is no name stands there as it is."""
    found = re.search(rf"^{title}:\n((?: +\S.*\n|\n)+)", f"{ast.get_docstring(node)}\n", re.MULTILINE)
    if found is None:
        return None
    entries = [line.strip() for line in found[1].splitlines() if re.match(r" {4}\S", line)]
    parsed = [re.match(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*): ", entry) for entry in entries]
    return [
        name.strip("*")
        for names, entry in zip(parsed, entries, strict=True)
        for name in (names[1].split(", ") if names else [entry])
    ]


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = node.args
    named = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [one.arg for one in named if one is not None and one.arg not in ("self", "cls")]


def attributes(node: ast.ClassDef) -> set[str]:
    """Fields and properties of a class, and what its methods set."""
    found = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    for item in node.body:
        if isinstance(item, ast.Assign | ast.AnnAssign):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    inside = (item for item in ast.walk(node) if isinstance(item, ast.Attribute))
    return found | {item.attr for item in inside if isinstance(item.ctx, ast.Store)}


def wrong(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            if unknown := set(section(node, "Attributes") or ()) - attributes(node):
                yield f"line {node.lineno}, {node.name}: no attributes: {', '.join(sorted(unknown))}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = section(node, "Args")
            if named is not None and named != parameters(node):
                yield f"line {node.lineno}, {node.name}: takes {parameters(node)}, documented are {named}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_name_parameters_and_attributes(path: Path) -> None:
    assert list(wrong(ast.parse(path.read_text()))) == []


def test_a_wrong_docstring_is_found() -> None:
    text = 'def f(a, *b, c=1):\n    """F.\n\n    Args:\n        {}\n    """\n'
    for lines, right in (("a: x.\n        b, c: y.", True), ("a: x.", False), ("b: x.\n        a, c: y.", False)):
        assert (list(wrong(ast.parse(text.format(lines)))) == []) == right
    assert list(wrong(ast.parse('class C:\n    """C.\n\n    Attributes:\n        a: x.\n    """\n    b: int\n')))
