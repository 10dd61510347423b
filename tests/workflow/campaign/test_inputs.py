"""Names of input files: what is refused, and with which words."""

import os

import pytest

from workflow.campaign.errors import ConfigError
from workflow.campaign.inputs import check_name, expand_names, is_file


@pytest.mark.parametrize("name", ["a.root", "my data/a b.root", "$(touch X).root", "a'b.root", "müon.root", "x" * 255])
def test_names_that_work(name):
    check_name("samples.tt.files", name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a{1}.root", "samples.tt.files: a{1}.root: braces"),
        ("a\nb.root", r"a\\nb.root: the name has line breaks"),
        ("a\x00.root", "cannot be printed"),
        (os.fsdecode(b"a\xff.root"), r"a\\udcff.root: the name is not UTF-8; rename the file"),
        ("x" * 300, "a name of 300 bytes; file systems take 255"),
        ("x/" * 2100, "4095 in a whole path"),
        ("-a.root", "write ./-a.root"),
        ("@a.root", "write ./@a.root"),
        ("", "an empty name"),
    ],
)
def test_names_that_do_not(name, why):
    with pytest.raises(ConfigError, match=why.replace("{", r"\{")) as error:
        check_name("samples.tt.files", name)
    assert str(error.value).isprintable()


def test_a_pattern_that_finds_a_name_that_does_not_work_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-a.root").touch()
    with pytest.raises(ConfigError, match=r"files: -a\.root: "):
        expand_names("files", ["*.root"])
    assert expand_names("files", ["./*.root"]) == ["./-a.root"]


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    closed = tmp_path / "a/closed"
    closed.mkdir(parents=True)
    monkeypatch.setattr("os.access", lambda path, _: str(path) != str(closed))
    for pattern in (f"{tmp_path}/a/*/*.root", f"{tmp_path}/**/*.root", f"{closed}/*.root"):
        with pytest.raises(ConfigError, match=r"the folder .*/a/closed cannot be read"):
            expand_names("files", [pattern])
    assert expand_names("files", [f"{tmp_path}/a/*"]) == [str(closed)]


def test_a_file_that_nobody_can_look_at_is_no_missing_file(tmp_path):
    assert not is_file("files", str(tmp_path / "none"))
    (tmp_path / "file").touch()
    assert not is_file("files", str(tmp_path / "file/none"))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match=r"files: .*/loop: Too many levels"):
        is_file("files", str(tmp_path / "loop"))


def test_a_file_that_vanished_is_found_by_any_kind_of_pattern(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = ["d/a.root", "d/e/f/b.root", "c.root"]
    assert expand_names("files", ["d/**/*.root"], before) == ["d/a.root", "d/e/f/b.root"]
    assert expand_names("files", ["*.root"], before) == ["c.root"]
    assert expand_names("files", ["*/*.root", "c.root"], before) == ["d/a.root", "c.root"]
