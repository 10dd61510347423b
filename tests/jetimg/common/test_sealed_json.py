"""JSON files with a checksum of their content: no flipped bit changes what is read."""

import json
import logging
from pathlib import Path

import pytest

from jetimg.common.sealed_json import KEY, opened, sealed

CONTENT = {"name": "tt/é\ud800.root", "entries": 5, "share": 0.1, "none": None, "rows": [{"b": True, "a": [1e-30, ""]}]}
FILE = Path("some.json")


def test_what_was_sealed_is_opened() -> None:
    text = sealed(CONTENT)
    assert opened(FILE, text.encode()) == CONTENT
    assert sealed(CONTENT) == text
    assert sealed({}) != sealed({"a": 1})


def test_any_flipped_bit_is_refused_or_changes_nothing() -> None:
    text = sealed(CONTENT).encode()
    refused = 0
    for place in range(8 * len(text)):
        damaged = bytearray(text)
        damaged[place // 8] ^= 1 << place % 8
        try:
            found = opened(FILE, bytes(damaged))
        except ValueError:
            refused += 1
        else:  # a name of the checksum that is none is a key that the file's reader does not know
            assert found == CONTENT or found.keys() - CONTENT.keys()
    assert refused > 0.9 * 8 * len(text)


def test_spaces_and_the_order_of_keys_do_not_matter() -> None:
    content = json.loads(sealed(CONTENT))
    text = json.dumps(dict(sorted(content.items())), indent=7)
    assert opened(FILE, text.encode()) == CONTENT


def test_a_file_without_a_checksum_is_read_and_said_to_be_unchecked(caplog: pytest.LogCaptureFixture) -> None:
    path = Path("old.json")
    with caplog.at_level(logging.INFO):
        assert opened(path, b'{"a": 1}') == opened(path, b'{"a": 1}') == {"a": 1}
        assert opened(FILE, sealed({"a": 1}).encode()) == {"a": 1}
        assert opened(FILE, b"[1]") == [1]
    (said,) = caplog.messages
    assert said.startswith("old.json: without a checksum of its content")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1, "content_sha256": 7}', '{"content_sha256": ""}'])
def test_what_is_none_or_other_than_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        opened(FILE, text.encode())
    assert KEY not in text or "other content than was written" in str(refused.value)
