"""What holds for every event of every event file."""

from collections.abc import Iterator

import numpy as np

from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch, Reader

# float32 box corners up to 500 pixels, half a box away from the axis: a few 1e-5 pixels.
BOX_TOLERANCE = 1e-3


def faults(batch: Batch, reader: Reader) -> Iterator[str]:
    """What is wrong with these events of an event file, a line each; the reader has checked the layout."""
    shape = reader.attributes["image_shape"]
    for name in CHANNELS:
        yield from _channel_faults(name, batch, shape[0] * shape[1])
    yield from _jet_faults(batch, reader)
    events = batch.tables["events"]
    if np.any(events["file"] >= len(reader.files)):
        yield "/events/file beyond /files"
    elif np.any(events["entry"] >= np.array([row.entries for row in reader.files])[events["file"]]):
        yield "/events/entry beyond the input's entries"
    if np.any(events["sample"] >= len(reader.attributes["sample_names"])):
        yield "/events/sample beyond sample_names"
    if not np.isfinite(events["weight"]).all():
        yield "/events/weight is not finite"


def _channel_faults(name: str, batch: Batch, n_pixels: int) -> Iterator[str]:
    indptr, pixel, value = (batch.tables[name][column] for column in ("indptr", "pixel", "value"))
    if np.any(pixel >= n_pixels):
        yield f"/{name}/pixel beyond the image"
    rising = np.diff(pixel.astype(np.int64)) > 0
    rising[indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < len(pixel))] - 1] = True  # between events
    if not rising.all():
        yield f"/{name}/pixel does not ascend within an event"
    if not (np.isfinite(value).all() and np.all(value > 0)):
        yield f"/{name}/value is not finite and above 0"


def _jet_faults(batch: Batch, reader: Reader) -> Iterator[str]:
    n_eta, n_phi = reader.attributes["image_shape"]
    grid = Grid(reader.attributes["eta_pitch"], n_eta, n_phi)
    jets = batch.tables["jets"]
    for name in ("jets", "baseline"):
        if np.any(batch.tables[name]["class_id"] >= len(reader.attributes["class_names"])):
            yield f"/{name}/class_id beyond class_names"
    for name in ("pt", "eta", "phi", "mass", "score"):
        if not np.isfinite(batch.tables["baseline"][name]).all():
            yield f"/baseline/{name} is not finite"
    for name in ("pt", "eta", "phi", "mass", "box"):
        if not np.isfinite(jets[name]).all():
            yield f"/jets/{name} is not finite"
            return
    box = jets["box"]
    if np.any((box[:, 1] < 0) | (box[:, 1] >= n_phi)) or np.any(box[:, :2] >= box[:, 2:]):
        yield f"/jets/box is not eta_min < eta_max, 0 <= phi_min < {n_phi}, phi_min < phi_max"
    row, column = grid.to_continuous(jets["eta"], jets["phi"])
    centre_row, centre_column = grid.to_continuous(*boxes.centre(grid, box))
    around = np.abs(centre_column - column)
    if np.any(np.abs(centre_row - row) > BOX_TOLERANCE) or np.any(np.minimum(around, n_phi - around) > BOX_TOLERANCE):
        yield "/jets/box is not centred on its jet"
