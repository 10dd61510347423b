"""Examples as networks take them, made on the device, batch by batch: images, sequences, shower shapes."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.classify.config import Classifier
from models.classify.data import Examples
from models.classify.shower_shapes import NAMES, SIDE, shower_shapes

# Numbers of a hit or particle: ln(1 + pt), eta and phi from the middle to the edges at -1 and 1, 1, which padding has
# not; and the channel or type, one of some that is 1.
HIT = 4
# p1 to p12, and ln(1 + S25): CMS chose among several networks by the energy.
SHAPES = len(NAMES) + 1


class Flips(NamedTuple):
    """Which examples of a batch are mirrored, bool (batch, 1) each."""

    eta: Tensor
    phi: Tensor


class Inputs:
    """The examples on a device, as one architecture takes them.

    Attributes:
        label: int64 (examples).
    """

    def __init__(self, examples: Examples, classifier: Classifier, device: torch.device) -> None:
        self._shape, self._pool, self._network = examples.shape, classifier.task.pool, classifier.network
        self.label = torch.from_numpy(examples.label).to(device)
        self._counts = torch.from_numpy(examples.counts).to(device)
        self._first = torch.cumsum(self._counts, 0) - self._counts
        self._hits = [
            torch.from_numpy(column).to(device)
            for column in (examples.channel, examples.row, examples.column, examples.value)
        ]
        self._shapes = torch.from_numpy(_shapes(examples)).to(device) if self._network.architecture == "mlp" else None

    def __len__(self) -> int:
        return len(self.label)

    def of(self, rows: Tensor, flips: Flips | None = None) -> Tensor:
        """What the network sees of some examples.

        Args:
            rows: int64 (batch), their places.
            flips: which of them are mirrored; none if None.

        Returns:
            mlp: (batch, 13); gru, lstm: (batch, hits, 4 + channels), padded with zeros; else ln(1 + pt) of images
            (batch, channels, rows, columns).
        """
        if self._shapes is not None:
            return self._shapes[rows]  # p1 to p12 do not change in a mirror
        return (
            self._sequences(rows, flips) if self._network.architecture in ("gru", "lstm") else self._images(rows, flips)
        )

    def _images(self, rows: Tensor, flips: Flips | None) -> Tensor:
        counts = self._counts[rows]
        owner = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), counts)
        start = self._first[rows] - (torch.cumsum(counts, 0) - counts)
        places = torch.arange(len(owner), device=rows.device) + start[owner]
        channel, row, column, value = self._at(places)
        if flips is not None:
            row, column = self._mirrored(row, column, Flips(flips.eta[owner, 0], flips.phi[owner, 0]))
        channels, height, width = self._shape[0], self._shape[1] // self._pool, self._shape[2] // self._pool
        pixel = ((owner * channels + channel) * height + row.long() // self._pool) * width + column.long() // self._pool
        images = torch.zeros(len(rows) * channels * height * width, device=rows.device)
        return images.index_add_(0, pixel, value).log1p_().view(len(rows), channels, height, width)

    def _sequences(self, rows: Tensor, flips: Flips | None) -> Tensor:
        step = torch.arange(self._network.hits, device=rows.device)
        there = step < self._counts[rows, None]
        places = torch.where(there, self._first[rows, None] + step, 0)
        channel, row, column, value = self._at(places)
        if flips is not None:
            row, column = self._mirrored(row, column, flips)
        eta, phi = (((at - n // 2) / (n / 2)).float() for at, n in zip((row, column), self._shape[1:], strict=True))
        one_hot = torch.nn.functional.one_hot(channel, self._shape[0])
        features = torch.cat([torch.stack([value.log1p(), eta, phi, there.float()], -1), one_hot], -1)
        return (features * there[..., None]).float()

    def _at(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Channel, row, column and value of hits."""
        channel, row, column, value = (hits[places] for hits in self._hits)
        return channel.long(), row, column, value

    def _mirrored(self, row: Tensor, column: Tensor, flips: Flips) -> tuple[Tensor, Tensor]:
        """Rows and columns mirrored at the pixel in the middle, which an even window has no partner for at its edge."""
        height, width = self._shape[1:]
        return (
            torch.where(flips.eta, (2 * (height // 2) - row) % height, row),
            torch.where(flips.phi, (2 * (width // 2) - column) % width, column),
        )


def _shapes(examples: Examples) -> np.ndarray:
    """p1 to p12 and ln(1 + S25) of the middle of each window, (examples, 13)."""
    channels, height, width = examples.shape
    if channels != 1 or min(height, width) < SIDE:
        raise ValueError(f"shower shapes need one channel and {SIDE} x {SIDE} pixels, not {examples.shape}")
    row, column = examples.row - height // 2 + SIDE // 2, examples.column - width // 2 + SIDE // 2
    near = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
    energy = np.zeros((len(examples), SIDE, SIDE))
    energy[np.repeat(np.arange(len(examples)), examples.counts)[near], row[near], column[near]] = examples.value[near]
    shapes = shower_shapes(energy, *examples.pitch)
    return np.concatenate([shapes, np.log1p(energy.sum((1, 2)))[:, None]], 1).astype(np.float32)
