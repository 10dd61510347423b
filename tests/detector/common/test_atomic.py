"""Files that appear complete or not at all."""

import pytest

from detector.common.atomic import atomic_write, write_text
from detector.common.errors import DataError


def test_a_file_appears_under_its_name_at_the_end(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic_write(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
    assert [(path.name, path.read_text()) for path in target.parent.iterdir()] == [("a.txt", "whole")]


def test_after_an_error_nothing_is_left_and_what_was_there_stays(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(KeyError):
        _fails(target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_the_newest_of_several_writers_wins_and_the_others_say_so(tmp_path):
    """A job that a killed Snakemake left running must not write into what its successor makes."""
    target = tmp_path / "a[1].txt"
    with pytest.raises(DataError, match="another process has begun to make it"):
        _overtaken(target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(target.name, "whole")]


def _fails(target):
    with atomic_write(target) as partial:
        partial.write_text("half")
        raise KeyError


def _overtaken(target):
    with atomic_write(target) as orphan:
        orphan.write_text("an orphan's half")
        with atomic_write(target) as partial:
            assert not orphan.exists()
            partial.write_text("whole")
