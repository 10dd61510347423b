"""Hits as text in a page: compressed by zlib, then base64. `data.js` unpacks them."""

import base64
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Values are kept on a logarithmic scale of this step: to within 0.2 %.
LOG_STEP = 0.004

# Bytes of a pixel's distance from the one before: an image has less than 2^24 pixels.
PIXEL_BYTES, VALUE_BYTES = 3, 2


def pack(content: Any) -> str:
    """JSON, compressed."""
    return _text(json.dumps(content, separators=(",", ":"), allow_nan=False).encode())


def pack_hits(pixel: NDArray[np.uint32], value: NDArray[np.floating], faintest: float) -> str:
    """The hits of a channel of an event.

    Planes of bytes, which compress well, all with one byte a hit: three of each pixel's distance from the one before,
    low byte first; then two of round(ln(value / faintest) / LOG_STEP).

    Args:
        pixel: (hits), flat, ascending, below 2^24.
        value: (hits), GeV, above 0.
        faintest: GeV; smaller values become this.

    Raises:
        ValueError: more pixels than this holds.
    """
    if len(pixel) and int(pixel[-1]) >= 1 << 8 * PIXEL_BYTES:
        raise ValueError(f"pixel {pixel[-1]}: a page holds images of up to {1 << 8 * PIXEL_BYTES:,} pixels")
    steps = pixel.astype(np.int64)
    steps[1:] -= steps[:-1].copy()
    level = np.rint(np.log(np.maximum(value.astype(np.float64), faintest) / faintest) / LOG_STEP)
    levels = np.minimum(level, (1 << 8 * VALUE_BYTES) - 1).astype(np.int64)
    return _text(_planes(steps, PIXEL_BYTES) + _planes(levels, VALUE_BYTES))


def _planes(numbers: NDArray[np.int64], n_bytes: int) -> bytes:
    return b"".join((numbers >> 8 * k & 0xFF).astype(np.uint8).tobytes() for k in range(n_bytes))


def _text(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()
