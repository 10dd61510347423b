"""What a release of the tests says of itself."""

from typing import Any

from jetimg.release.metadata import Metadata

SAID: dict[str, Any] = {
    "title": "Jet images for object detection",
    "creators": [{"name": "Doe, Jane"}],
    "licence": "CC-BY-4.0",
}


def metadata(**more: Any) -> Metadata:
    """Title, creators and licence, and more."""
    return Metadata(**(SAID | more))
