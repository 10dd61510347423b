"""Dotted names of our modules in comments, docstrings and pages lead to something that there is."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("detector", "jetimg", "models", "workflow")
FOLDERS = (*PACKAGES, "tests", "benchmarks", "tools")
CODE = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
# The change log names what was there at the time.
PAGES = [path for path in sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))) if path.name != "CHANGELOG.md"]
NAME = re.compile(rf"(?<![\w./@-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
# What looks like a module and is none: the group of entry points.
OTHERS = {"jetimg.commands"}


def prose(path: Path) -> str:
    """Comments and docstrings of a program; a page as it is."""
    text = path.read_text()
    if path.suffix != ".py":
        return text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, documented)]
    return "\n".join([*comments, *docstrings])


def defined(tree: ast.Module | ast.ClassDef) -> dict[str, ast.AST]:
    """What a module or a class defines or imports, by name."""
    found: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = node
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found[node.attr] = node
        elif isinstance(node, ast.alias):
            found[node.asname or node.name] = node
    return found


def leads_somewhere(name: str) -> bool:
    parts = name.split(".")
    path = ROOT / parts.pop(0)
    while parts and path.is_dir() and ((path / parts[0]).is_dir() or (path / f"{parts[0]}.py").is_file()):
        path /= parts.pop(0)
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not parts:
        return True
    found = defined(ast.parse(module.read_text())).get(parts[0])
    if isinstance(found, ast.ClassDef) and len(parts) > 1:
        return parts[1] in defined(found)
    return found is not None


def names(path: Path) -> Iterator[str]:
    for match in NAME.finditer(prose(path)):
        # A package and an ending is the name of a file.
        if match[0] not in OTHERS and not re.fullmatch(r"\w+\.(yaml|json|md)", match[0]):
            yield match[0]


@pytest.mark.parametrize("path", [*CODE, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_modules_lead_somewhere(path: Path) -> None:
    assert [name for name in names(path) if not leads_somewhere(name)] == []


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("jetimg.event_file.layout", True),
        ("models.networks.postprocess.detect", True),
        ("jetimg.event_file.store.Reader.steps", True),
        ("jetimg.event_file.store.Reader.no_such_method", False),
        ("jetimg.truth", False),
        ("models.evaluate", False),
        ("models.training.train.no_such_function", False),
    ],
)
def test_what_there_is_and_what_not(name: str, there: bool) -> None:
    assert leads_somewhere(name) == there
