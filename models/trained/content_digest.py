"""The digest of a checkpoint's content, whatever the container: names, types, shapes and every bit of the tensors."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

import torch


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None:
        """Takes more bytes."""


def content_digest(content: Any) -> str:
    """The sha256 of tensors, numbers, texts, and lists and mappings of these, in their order.

    Raises:
        TypeError: something else.
    """
    digest = hashlib.sha256()
    _add(digest, content)
    return digest.hexdigest()


def _add(digest: _Hash, content: Any) -> None:
    if isinstance(content, torch.Tensor):
        values = content.detach().cpu().contiguous().reshape(-1)
        digest.update(f"tensor {content.dtype} {tuple(content.shape)}\n".encode())
        digest.update(values.view(torch.uint8).numpy().tobytes())
    elif isinstance(content, Mapping):
        digest.update(f"mapping {len(content)}\n".encode())
        for key, value in content.items():
            _add(digest, key)
            _add(digest, value)
    elif isinstance(content, list | tuple):
        digest.update(f"list {len(content)}\n".encode())
        for value in content:
            _add(digest, value)
    elif content is None or isinstance(content, bool | int | float | str):
        text = repr(content).encode()
        digest.update(f"{type(content).__name__} {len(text)} ".encode() + text)
    else:
        raise TypeError(f"a checkpoint holds no {type(content).__name__}")
