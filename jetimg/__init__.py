"""Events to images, boxes and shards."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`jetimg.JetImages` is found on first use, so that `import jetimg` does not need torch."""
    if name == "JetImages":
        from jetimg.loader.torch_dataset import JetImages

        return JetImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
