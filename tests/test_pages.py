"""Pages that a program writes are as it writes them now (`make pages` makes them again), and links lead somewhere."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer.main import get_command

from jetimg.cli.main import app
from tools import architecture, configuration, dependencies, pictures

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_page_of_dependencies_is_as_written_now() -> None:
    assert dependencies.PAGE.read_text() == dependencies.page(), "run `make pages`"


def test_every_dependency_has_a_reason_and_every_reason_a_dependency() -> None:
    named = [line for lines in dependencies.groups().values() for line in lines]
    assert len(named) == len(dependencies.WHY)
    assert set(dependencies.LICENCES) <= set(dependencies.WHY)


def test_a_dependency_without_a_licence_is_an_error() -> None:
    with pytest.raises(KeyError, match="no-such-package"):
        dependencies.licence("no-such-package")


def test_picture_and_table_of_rooms_are_as_written_now() -> None:
    assert architecture.PAGE.read_text() == architecture.page(), "run `make pages`"


def test_every_picture_of_the_docs_has_a_recipe_and_a_page_that_shows_it() -> None:
    there = {path.stem for path in pictures.PICTURES.glob("*.png")}
    assert there == {name for made in pictures.RECIPES.values() for name in made}
    text = "".join(page.read_text() for page in PAGES)
    assert not [name for name in there if f"pictures/{name}.png" not in text]


def test_the_page_of_the_configuration_is_as_written_now() -> None:
    assert configuration.PAGE.read_text() == configuration.page(), "run `make pages`"


def test_every_key_of_the_configuration_says_what_it_means() -> None:
    silent = [
        f"{path}.{key}"
        for path, part in configuration.sections(configuration.Config.model_json_schema())
        for key, value in part["properties"].items()
        if not value.get("description")
    ]
    assert silent == []


def test_every_room_says_what_it_is_for() -> None:
    assert not [name for name in architecture.rooms() if not architecture.purpose(name)]


@pytest.mark.parametrize("step", architecture.FLOW, ids=lambda step: step.command)
def test_the_picture_has_commands_and_rooms_that_there_are(step: architecture.Step) -> None:
    group, _, name = step.command.rpartition(" ")
    typed = app if not group else entry_points(group="jetimg.commands")[group].load()
    assert name in get_command(typed).commands  # type: ignore[attr-defined]
    assert step.room in architecture.rooms()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"\w+:", target):
            path, _, heading = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), target
            if heading:
                assert heading in headings(linked), target


def headings(page: Path) -> set[str]:
    """Anchors of a page, as web hosts of repositories make them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_need_nothing_from_outside(page: Path) -> None:
    text = page.read_text()
    assert "../shared" not in text
    assert "design.md" not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_stand_before_configfile(page: Path) -> None:
    """`--configfile` takes every word that follows it, a target too."""
    for line in page.read_text().splitlines():
        assert not re.search(r"snakemake .*--configfile \S+\.yaml [a-z_]+\b", line), line
        assert not re.search(r"snakemake .*--configfile \S+\.yaml .*--cores \d+ [a-z_]+\b", line), line
