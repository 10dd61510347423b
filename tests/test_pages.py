"""Pages and pictures that a program writes are as it writes them now: `make pages` makes them again."""

import pytest

from tools import dependencies


def test_the_page_of_dependencies_is_as_written_now() -> None:
    assert dependencies.PAGE.read_text() == dependencies.page(), "run `make pages`"


def test_every_dependency_has_a_reason_and_every_reason_a_dependency() -> None:
    named = [line for lines in dependencies.groups().values() for line in lines]
    assert len(named) == len(dependencies.WHY)
    assert set(dependencies.LICENCES) <= set(dependencies.WHY)


def test_a_dependency_without_a_licence_is_an_error() -> None:
    with pytest.raises(KeyError, match="no-such-package"):
        dependencies.licence("no-such-package")
