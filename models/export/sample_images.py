"""Images to try a network on: those of a data set, or made-up ones that look like them."""

from pathlib import Path

import numpy as np

from jetimg.common.errors import DataError
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import DenseImages, JetImages, dense
from models.data.data_set import DataSet
from models.networks.config import Model

# Of an event with pile-up: hits of each channel, and their mean energy, GeV.
HITS, ENERGY = 800, 1.0
# Hits of a jet in each channel, their mean energy, and how far they lie from its axis, pixels.
JETS, JET_HITS, JET_ENERGY, JET_RADIUS = 3, 30, 10.0, 8.0


def of_dataset(folder: Path, n: int, model: Model) -> DenseImages:
    """The first images of a data set, of its validation shards if it has any.

    Raises:
        DataError: no data set, or one of other classes, image shape or boxes than the network's.
    """
    data = DataSet.of(folder)
    if difference := data.difference(model):
        raise DataError(f"{folder}: the network was {difference}")
    paths = data.validation or data.train or data.test
    events = JetImages(paths, n)
    return dense(events.read(0, min(n, events.n_events)), "cpu", model.normalisation)


def made_up(n: int, model: Model, seed: int = 0) -> DenseImages:
    """Images with as many hits as events with pile-up have, and some jets; the same for the same seed."""
    random = np.random.default_rng(seed)
    n_eta, n_phi = model.image_shape
    pixels, values, counts = [], [], np.zeros((model.input_channels, n), np.int64)
    for channel in range(model.input_channels):
        for image in range(n):
            places = [random.integers(0, n_eta * n_phi, HITS)]
            energies = [random.exponential(ENERGY, HITS)]
            for _ in range(JETS):
                axis = random.uniform((0, 0), (n_eta, n_phi))
                eta, phi = (axis[:, None] + random.normal(0, JET_RADIUS, (2, JET_HITS))).astype(int)
                places.append(np.clip(eta, 0, n_eta - 1) * n_phi + phi % n_phi)
                energies.append(random.exponential(JET_ENERGY, JET_HITS))
            pixel, first = np.unique(np.concatenate(places), return_index=True)
            pixels.append(pixel.astype(np.uint32))
            values.append(np.concatenate(energies)[first].astype(np.float32))
            counts[channel, image] = len(pixel)
    nothing = np.zeros(0, np.float32)
    batch = SparseBatch(
        shape=model.image_shape,
        counts=counts,
        pixel=np.concatenate(pixels),
        value=np.concatenate(values),
        jet_counts=np.zeros(n, np.int64),
        box=np.zeros((0, 4), np.float32),
        class_id=np.zeros(0, np.int64),
        pt=nothing,
        event=np.arange(n),
    )
    return dense(batch, "cpu", model.normalisation)
