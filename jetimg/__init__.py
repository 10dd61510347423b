"""Events to images, boxes and shards."""

__version__ = "0.1.0"
