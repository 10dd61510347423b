from pathlib import Path

import pytest

from detector.common.errors import CallError
from detector.common.outputs import OutputKind, begins_with, check_output

KIND = OutputKind("letters", (".abc",), begins_with(b"abc", b"ABC"))


@pytest.mark.parametrize("content", [None, b"", b"abcdef", b"ABC"])
def test_a_new_file_and_one_of_its_kind(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.abc"
    if content is not None:
        path.write_bytes(content)
    check_output(path, KIND, [tmp_path / "other", None])
    check_output(None, KIND)


def test_what_is_refused(tmp_path: Path) -> None:
    path, link = tmp_path / "x.abc", tmp_path / "link"
    path.write_bytes(b"ab")
    link.symlink_to(path)
    (tmp_path / "folder.abc").mkdir()
    for output, inputs, words in (
        (path, [], "no such output"),
        (path, [path], "this is an input"),
        (path, [link], "this is an input"),
        (tmp_path / "folder.abc", [], "a folder"),
        (tmp_path / "x.ab", [], "letters end in .abc"),
    ):
        with pytest.raises(CallError, match=words):
            check_output(output, KIND, inputs)
    assert path.read_bytes() == b"ab"
