"""Events as arrays that are padded to the longest, as JetNet and HEPData4ML have particles: what reading them takes.

Each channel is float32 (n_events, most hits, 3): eta, phi, value; zeros behind an event's last hit. Compressed by gzip,
level 4, in chunks of a batch.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch

from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Reader


def write(shard: Path, output: Path, batch: int, n_phi: int) -> None:
    """Writes the events of a shard.

    Args:
        shard: an event file.
        output: the file to make.
        batch: events in a chunk.
        n_phi: pixels in phi of its images.
    """
    with Reader(shard) as reader, h5py.File(output, "w") as file:
        events = reader.read(tables=CHANNELS)
        for channel in CHANNELS:
            columns = events.tables[channel]
            counts = np.diff(columns["indptr"])
            rows = np.zeros((len(counts), counts.max(), 3), np.float32)
            place = (
                np.repeat(np.arange(len(counts)), counts),
                np.arange(counts.sum()) - np.repeat(columns["indptr"][:-1], counts),
            )
            rows[place] = np.stack([columns["pixel"] // n_phi, columns["pixel"] % n_phi, columns["value"]], axis=1)
            chunk = (min(batch, len(rows)), *rows.shape[1:])
            file.create_dataset(channel, data=rows, chunks=chunk, compression="gzip", compression_opts=4, shuffle=True)


def batches(path: Path, size: int, shape: tuple[int, int], n_events: int) -> Iterator[torch.Tensor]:
    """Dense standardised batches in the file's order."""
    with h5py.File(path) as file:
        for start in range(0, n_events, size):
            parts = [torch.from_numpy(file[channel][start : min(start + size, n_events)]) for channel in CHANNELS]
            images = torch.zeros(len(parts[0]), len(CHANNELS), shape[0] * shape[1])
            for channel, rows in enumerate(parts):
                images[:, channel].scatter_add_(1, (rows[..., 0] * shape[1] + rows[..., 1]).long(), rows[..., 2])
            spread, mean = torch.std_mean(images, dim=2, keepdim=True)
            yield ((images - mean) / spread).view(-1, len(CHANNELS), *shape)


def read(path: Path, size: int) -> None:
    """All hits, in ranges of events."""
    with h5py.File(path) as file:
        for channel in CHANNELS:
            for start in range(0, len(file[channel]), size):
                file[channel][start : start + size]
