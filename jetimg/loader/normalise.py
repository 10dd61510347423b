"""Values of an image's hits and background as a network wants them, computed on the hits alone."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    maximum = _over_hits(np.maximum, batch, batch.value)
    scale = _or_one(maximum.max(axis=0)).astype(np.float32)
    if normalisation == "max":
        mean, width = np.zeros_like(maximum), _or_one(maximum)
    else:
        mean, width = _mean_and_deviation(batch, over_channels=normalisation == "image")
    offset, factor = mean.astype(np.float32), (1 / width).astype(np.float32)
    counts = batch.counts.ravel()
    value = (batch.value - np.repeat(offset, counts)) * np.repeat(factor, counts)
    return Normalised(-offset * factor, value, scale)


def _mean_and_deviation(batch: SparseBatch, over_channels: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Over all pixels, those without a hit too; (3, images) each."""
    # In float64: the variance is a small difference of sums.
    value = batch.value.astype(np.float64)
    n_pixels = batch.shape[0] * batch.shape[1]
    moments = np.stack([_over_hits(np.add, batch, power) for power in (value, value**2)]) / n_pixels
    if over_channels:
        moments = np.broadcast_to(moments.mean(axis=1, keepdims=True), moments.shape)
    mean, square = moments
    return mean, _or_one(np.sqrt(np.maximum(square - mean**2, 0)))


def _over_hits(reduction: np.ufunc, batch: SparseBatch, value: NDArray[Any]) -> NDArray[np.float64]:
    """A reduction over the hits of each channel of each image, 0 where there are none; (3, images)."""
    counts = batch.counts.ravel()
    filled = counts > 0
    reduced = np.zeros(len(counts))
    if filled.any():
        reduced[filled] = reduction.reduceat(value, (np.cumsum(counts) - counts)[filled])
    return reduced.reshape(batch.counts.shape)


def _or_one(divisor: NDArray[np.float64]) -> NDArray[np.float64]:
    """The divisor, or 1 where it is 0: in an image without hits."""
    return np.where(divisor > 0, divisor, 1.0)
