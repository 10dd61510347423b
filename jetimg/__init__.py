"""Events to images, boxes and shards."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jetimg.loader.load import load as load
    from jetimg.loader.torch_dataset import JetImages as JetImages

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`jetimg.load` and `jetimg.JetImages` are found on first use, so that `import jetimg` needs no torch."""
    if name == "load":
        from jetimg.loader.load import load

        return load
    if name == "JetImages":
        from jetimg.loader.torch_dataset import JetImages

        return JetImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
