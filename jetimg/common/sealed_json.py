"""JSON files with a checksum of their own content: a flipped bit in a text that nothing else repeats is noticed.

The checksum is of what a file says, not of its bytes: spaces, and the order of keys, may change. It stands in the file
under KEY. Who changes such a file by hand takes that key out. A file without it is read, and said to be unchecked.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

KEY = "content_sha256"

logger = logging.getLogger(__name__)


def sealed(content: Mapping[str, Any]) -> str:
    """The text of a JSON file, with its checksum.

    Args:
        content: what JSON can say, with texts as keys.
    """
    return json.dumps({**content, KEY: _digest(content)}, indent=1) + "\n"


def opened(path: Path, text: bytes) -> Any:
    """What a JSON file says, less its checksum.

    Args:
        path: the file, for messages.
        text: what it holds.

    Raises:
        ValueError: no JSON, or other content than was written.
    """
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("lists in lists, too deep to read") from error
    if not isinstance(content, dict):
        return content
    if (expected := content.pop(KEY, None)) is None:
        _say_unchecked(path)
    elif _digest(content) != expected:
        raise ValueError(f"other content than was written, by its `{KEY}`; if changed by hand, take that key out")
    return content


def _digest(content: Mapping[str, Any]) -> str:
    """The sha256 of a text that is the same for the same content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@cache
def _say_unchecked(path: Path) -> None:
    logger.info(
        "%s: without a checksum of its content, as older versions wrote it; a flipped bit may not be seen", path
    )
