"""Values of an image's hits and background as a network wants them, computed on the hits alone."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import Matrix, Vector, native
from jetimg.loader.sparse import SparseBatch

Normalisation = Literal["channel", "image", "max", "log", "raw"]

# What "raw" and "log" images measure pt in, GeV.
PT_UNIT = 100.0


class Normalised(NamedTuple):
    """What a batch's images consist of.

    Attributes:
        background: float32 (3, images), value of pixels without a hit.
        value: float32 (hits), value of those with one.
        scale: float32 (images), GeV: the energy that a network which sees only these values can measure pt in.
    """

    background: NDArray[np.float32]
    value: NDArray[np.float32]
    scale: NDArray[np.float32]


def normalise(batch: SparseBatch, normalisation: Normalisation) -> Normalised:
    """Background, values and pt scale of images.

    Normalisations, each of one image x in GeV:
        channel: (x - mean) / standard deviation over the pixels of each channel.
        image: the same over the pixels of all channels.
        max: x / largest pixel value of each channel, as in Jet-SSD (arXiv:2105.05785).
        log: ln(1 + x), which keeps the energy scale.
        raw: x.
    The first three hide the energy scale: pt is then measured in units of the image's largest pixel value, as the
    PF-Jet-SSD research code does; otherwise in units of 100 GeV.

    Args:
        batch: the images.
        normalisation: as above.
    """
    if normalisation in ("raw", "log"):
        value = np.log1p(batch.value) if normalisation == "log" else batch.value
        nothing = np.zeros(batch.counts.shape, np.float32)
        return Normalised(nothing, value, np.full(len(batch), PT_UNIT, np.float32))
    counts, value = np.ascontiguousarray(batch.counts, np.int64).ravel(), np.ascontiguousarray(batch.value, np.float32)
    moments = np.empty((3, len(counts)))
    _moments(counts, value, moments)
    maximum, total, squares = moments.reshape(3, *batch.counts.shape)
    scale = _or_one(maximum.max(axis=0)).astype(np.float32)
    if normalisation == "max":
        mean, width = np.zeros_like(maximum), _or_one(maximum)
    else:
        n_pixels = batch.shape[0] * batch.shape[1]
        mean, width = _mean_and_deviation(total / n_pixels, squares / n_pixels, normalisation == "image")
    offset, factor = mean.astype(np.float32), (1 / width).astype(np.float32)
    normalised = np.empty_like(value)
    _scale(counts, value, offset.ravel(), factor.ravel(), normalised)
    return Normalised(-offset * factor, normalised, scale)


_Float64s = NDArray[np.float64]


def _mean_and_deviation(mean: _Float64s, square: _Float64s, over_channels: bool) -> tuple[_Float64s, _Float64s]:
    """Over all pixels, those without a hit too, from the mean of values and of their squares; (3, images) each."""
    if over_channels:
        mean, square = (np.broadcast_to(one.mean(axis=0), one.shape) for one in (mean, square))
    return mean, _or_one(np.sqrt(np.maximum(square - mean**2, 0)))


@native
def _moments(counts: Vector[np.int64], value: Vector[np.float32], moments: Matrix[np.float64]) -> None:
    """Maximum, sum and sum of squares of some values after the other; 0 of none.

    In float64: the variance is a small difference of sums. Four sums each, which a processor adds up side by side.
    """
    first = 0
    for k in range(len(counts)):
        mine = value[first : first + counts[k]]
        a = b = c = d = e = f = g = h = 0.0
        most = np.float32(0)
        for i in range(len(mine) // 4 * 4, len(mine)):
            x = np.float64(mine[i])
            a, e, most = a + x, e + x * x, max(most, mine[i])
        for i in range(0, len(mine) // 4 * 4, 4):
            w, x = np.float64(mine[i]), np.float64(mine[i + 1])
            y, z = np.float64(mine[i + 2]), np.float64(mine[i + 3])
            a, b, c, d = a + w, b + x, c + y, d + z
            e, f, g, h = e + w * w, f + x * x, g + y * y, h + z * z
            most = max(most, mine[i], mine[i + 1], mine[i + 2], mine[i + 3])
        moments[0, k], moments[1, k], moments[2, k] = most, (a + b) + (c + d), (e + f) + (g + h)
        first += counts[k]


@native
def _scale(
    counts: Vector[np.int64],
    value: Vector[np.float32],
    offset: Vector[np.float32],
    factor: Vector[np.float32],
    scaled: Vector[np.float32],
) -> None:
    """Of each image's channel: value less the offset, times the factor."""
    first = 0
    for k in range(len(counts)):
        mine, found = value[first : first + counts[k]], scaled[first : first + counts[k]]
        for i in range(len(mine)):
            found[i] = (mine[i] - offset[k]) * factor[k]
        first += counts[k]


def _or_one(divisor: NDArray[np.float64]) -> NDArray[np.float64]:
    """The divisor, or 1 where it is 0: in an image without hits."""
    return np.where(divisor > 0, divisor, 1.0)
