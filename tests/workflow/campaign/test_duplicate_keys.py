"""Keys that stand twice."""

import pytest

from workflow.campaign.duplicate_keys import refuse_duplicate_keys
from workflow.campaign.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: 1\nb: {c: 1}\na: 2\n", "the key `a` stands twice, in line 1 and in line 3"),
        ("s:\n  tt: {files: [a], events: 2, files: [b]}\n", "the key `files` stands twice, in line 2 and in line 2"),
        ("- {x: 1}\n- - {y: 1, y: 1}\n", "the key `y`"),
        ('{"a": {"b": 1,\t"b": 1}}', "the key `b` stands twice"),
        ("a: [1, 2", "not YAML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, hint):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        refuse_duplicate_keys([path])
    assert hint in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))


def test_what_is_right_passes(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: &a {x: 1}\nb: &b {x: 2}\nc: {<<: *a, <<: *b}\nd: *a\n1: {x: 1}\n")
    refuse_duplicate_keys([path, path])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        refuse_duplicate_keys([tmp_path / "none.yaml"])
