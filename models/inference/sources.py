"""Where images come from: Delphes files, event files, shards, data sets, arrays."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import Detector as Description
from detector.common.errors import CallError
from jetimg.common.errors import BadFile, DataError
from jetimg.common.file_kind import HDF5
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.dataset import manifest
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch, Reader
from jetimg.imaging import checked_images
from jetimg.imaging.channels import Setup
from jetimg.imaging.delphes_reader import CHUNK, n_events_of
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.verdicts import open_checked
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import JetImages
from models.inference.network import Network

logger = logging.getLogger(__name__)


def files(inputs: Sequence[Path], splits: Sequence[str]) -> list[Path]:
    """The files of some inputs; a data set's folder stands for its shards of some splits.

    Raises:
        DataError: a folder that is no data set, or one without events of a split.
    """
    found: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            found.append(path)
            continue
        if not (path / manifest.NAME).exists() and any(path.glob("*.root")):
            raise DataError(f"{path}: a folder of ROOT files, and no data set; name them: {path}/*.root")
        contents = manifest.read(path)
        for split in splits:
            shards = [path / shard.name for shard in contents.shards if shard.split == split]
            if not shards:
                raise DataError(f"{path}: no {split} events; it has {manifest.splits(contents)}")
            found += shards
    return found


def n_events(paths: Sequence[Path]) -> int:
    """The number of events in files of both kinds together; a bad one has none."""
    total = 0
    for path in paths:
        with suppress(DataError):
            if _is_hdf5(path):
                with Reader(path) as reader:
                    total += reader.n_events
            else:
                total += n_events_of([path])
    return total


def setup_for(network: Network, settings: ImageSettings | None, description: Description) -> Setup:
    """How Delphes files become the images that a network knows.

    Args:
        network: which remembers the settings of its data set, if it is not older than that.
        settings: instead of those.
        description: the detector.

    Raises:
        CallError: a detector with other pixels than the network was made for.
    """
    chosen = settings or network.image_settings
    if chosen is None:
        logger.warning("%s does not say how its images were made: as by default; --settings FILE else", network.path)
        chosen = ImageSettings()
    setup = Setup(description, chosen)
    if fault := _difference((setup.grid.n_eta, setup.grid.n_phi), setup.grid.eta_pitch, network):
        raise CallError(f"detector {description.name}: {fault}; describe the network's with --detector FILE")
    return setup


def batches(path: Path, network: Network, setup: Setup, batch_size: int) -> Iterator[SparseBatch]:
    """The images of a file, some at a time, in its order.

    Args:
        path: a Delphes file, an event file or a shard.
        network: that they are for.
        setup: how Delphes files become images.
        batch_size: images at once.

    Raises:
        BadFile: with the verdict; it may come after some batches.
    """
    if _is_hdf5(path):
        yield from _of_event_file(path, network, batch_size)
        return
    file = open_checked(path, setup.detector, setup.settings, labels=False)
    try:
        for batch in checked_images.batches(file, setup, max(CHUNK // batch_size, 1) * batch_size):
            yield from _pieces(batch, network.model.image_shape, batch_size)
    finally:
        file.close()


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == HDF5
    except OSError as error:
        raise_if_machine_fault(error, path)
        return False  # the check of Delphes files says what is wrong


def _of_event_file(path: Path, network: Network, batch_size: int) -> Iterator[SparseBatch]:
    try:
        images = JetImages([path], batch_size)
        if fault := _difference(images.shape, images.geometry.eta_pitch, network):
            raise BadFile(path, "wrong-geometry", fault, images.n_events)
        yield from images
    except BadFile:
        raise
    except DataError as error:
        raise BadFile(path, "unreadable", str(error).removeprefix(f"{path}: ")) from error


def _pieces(batch: Batch, shape: tuple[int, int], batch_size: int) -> Iterator[SparseBatch]:
    entry = batch.tables["events"]["entry"].astype(np.int64)
    for first in range(0, len(entry), batch_size):
        rows = np.arange(first, min(first + batch_size, len(entry)))
        yield SparseBatch.of(batch, entry[rows], shape, rows)


def _difference(shape: tuple[int, int], eta_pitch: float, network: Network) -> str:
    """What the network's images have otherwise; nothing if they fit. An old checkpoint has no pitch, 0."""
    model = network.model
    if shape == model.image_shape and model.eta_pitch in (0, eta_pitch):
        return ""
    ours, theirs = (
        f"images of {n_eta} x {n_phi} pixels (eta, phi), eta_pitch {pitch:g}"
        for (n_eta, n_phi), pitch in ((shape, eta_pitch), (model.image_shape, model.eta_pitch))
    )
    return f"{ours}; {network.path.name} was trained on {theirs}"


def of_dense(images: Any, network: Network) -> SparseBatch:
    """Dense images as hits.

    Args:
        images: array or tensor, (images, channels, n_eta, n_phi), GeV, as event files have them, not normalised.
        network: that they are for.

    Raises:
        ValueError: another shape, or values that are not finite or below 0.
    """
    array = np.asarray(images.detach().cpu() if hasattr(images, "detach") else images, np.float32)
    wanted = (len(CHANNELS), *network.model.image_shape)
    if array.ndim != 4 or array.shape[1:] != wanted:
        raise ValueError(f"images of shape {array.shape}; expected (images, {', '.join(map(str, wanted))})")
    if not (np.isfinite(array).all() and array.min(initial=0) >= 0):
        raise ValueError("images with values that are not finite or below 0; expected GeV, not normalised values")
    flat = array.transpose(1, 0, 2, 3).reshape(len(CHANNELS) * len(array), math.prod(wanted[1:]))
    row, pixel = flat.nonzero()
    nothing = np.empty(0, np.float32)
    return SparseBatch(
        shape=network.model.image_shape,
        counts=np.bincount(row, minlength=len(flat)).reshape(len(CHANNELS), len(array)),
        pixel=pixel.astype(np.uint32),
        value=flat[row, pixel],
        jet_counts=np.zeros(len(array), np.int64),
        box=nothing.reshape(0, 4),
        class_id=np.empty(0, np.int64),
        pt=nothing,
        event=np.arange(len(array)),
    )


def events_of(batch: SparseBatch, first: int, last: int) -> SparseBatch:
    """Some neighbouring images of a batch, without their labels."""
    image, chosen = batch.image_of_hit, slice(first, last)
    hits: NDArray[np.bool_] = (image >= first) & (image < last)
    nothing = np.empty(0, np.float32)
    counts = batch.counts[:, chosen]
    return SparseBatch(
        shape=batch.shape,
        counts=counts,
        pixel=batch.pixel[hits],
        value=batch.value[hits],
        jet_counts=np.zeros(counts.shape[1], np.int64),
        box=nothing.reshape(0, 4),
        class_id=np.empty(0, np.int64),
        pt=nothing,
        event=batch.event[chosen],
    )
