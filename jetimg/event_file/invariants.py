"""What holds for every event of every event file."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.event_file import masks
from jetimg.event_file.layout import CHANNELS, PARTICLE_TYPES, TABLES
from jetimg.event_file.store import Batch, Columns, Reader

# float32 box corners up to 500 pixels, half a box away from the axis: a few 1e-5 pixels.
BOX_TOLERANCE = 1e-3

# Relative rounding of a float32, twice over.
FLOAT32 = 2.0**-22

PHI_MAX = np.pi * (1 + FLOAT32)


def faults(batch: Batch, reader: Reader) -> Iterator[str]:
    """What is wrong with these events of an event file, a line each; the reader has checked the layout."""
    shape = reader.attributes["image_shape"]
    for name in CHANNELS:
        yield from _channel_faults(name, batch, shape[0] * shape[1])
    for name in ("jets", "baseline"):
        yield from _kinematic_faults(name, batch.tables[name], reader)
    yield from _label_faults(batch.tables["jets"])
    yield from _box_faults(batch.tables["jets"], _grid(reader))
    yield from _event_faults(batch.tables["events"], reader)
    if "particles" in batch.tables:
        yield from _particle_faults(batch.tables["particles"])
    if ("masks" in batch.tables) != ("shapes" in batch.tables):
        yield "of /masks and /shapes one is missing"
    elif "masks" in batch.tables:
        yield from _mask_faults(batch, shape)


def _event_faults(events: Columns, reader: Reader) -> Iterator[str]:
    if np.any(events["file"] >= len(reader.files)):
        yield "/events/file beyond /files"
    elif np.any(events["entry"] >= np.array([row.entries for row in reader.files])[events["file"]]):
        yield "/events/entry beyond the input's entries"
    if np.any(events["sample"] >= len(reader.attributes["sample_names"])):
        yield "/events/sample beyond sample_names"
    if not np.isfinite(events["weight"]).all():
        yield "/events/weight is not finite"
    for name in ("met", "rho", "n_vertices", "true_pileup"):
        rows, unknown = events[name], TABLES["events"][name].default
        if not np.all((rows == unknown) | ((rows >= 0) & np.isfinite(rows))):
            yield f"/events/{name} is neither finite and 0 or above nor {unknown:g}, unknown"
    if not np.all(np.abs(events["met_phi"]) <= PHI_MAX):
        yield "/events/met_phi is not in [-pi, pi]"


def _channel_faults(name: str, batch: Batch, n_pixels: int) -> Iterator[str]:
    indptr, pixel, value = (batch.tables[name][column] for column in ("indptr", "pixel", "value"))
    if np.any(pixel >= n_pixels):
        yield f"/{name}: a pixel beyond the image"
    ascending = np.diff(pixel.astype(np.int64)) > 0
    ascending[_first_of_events(indptr, len(pixel)) - 1] = True
    if not ascending.all():
        yield f"/{name}: pixels do not ascend within an event"
    if not (np.isfinite(value).all() and np.all(value > 0)):
        yield f"/{name}/value is not finite and above 0"


def _first_of_events(indptr: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """The rows, but for row 0, where an event begins."""
    first = indptr[1:-1]
    return first[(first > 0) & (first < n_rows)]


def _kinematic_faults(name: str, jets: Columns, reader: Reader) -> Iterator[str]:
    """Class, pt, axis, mass and score of the jets of /jets or /baseline."""
    if np.any(jets["class_id"] >= len(reader.attributes["class_names"])):
        yield f"/{name}/class_id beyond class_names"
    for column in ("pt", "eta", "phi", "mass", "score"):
        if column in jets and not np.isfinite(jets[column]).all():
            yield f"/{name}/{column} is not finite"
    if np.any(jets["pt"] <= 0):
        yield f"/{name}/pt is not above 0"
    if np.any(jets["mass"] < 0):
        yield f"/{name}/mass is below 0"
    if np.any(np.abs(jets["eta"]) > _grid(reader).eta_max * (1 + FLOAT32)):
        yield f"/{name}/eta is outside the image"
    if np.any(np.abs(jets["phi"]) > PHI_MAX):
        yield f"/{name}/phi is not in [-pi, pi]"


def _label_faults(jets: Columns) -> Iterator[str]:
    """What only labelled jets have."""
    descending = np.diff(jets["pt"]) <= 0
    descending[_first_of_events(jets["indptr"], len(jets["pt"])) - 1] = True
    if not descending.all() and np.isfinite(jets["pt"]).all():
        yield "/jets/pt does not fall within an event"
    share, unknown = jets["contained"], TABLES["jets"]["contained"].default
    if not np.all((share == unknown) | ((share >= 0) & (share <= 1))):
        yield f"/jets/contained is neither between 0 and 1 nor {unknown:g}, unknown"
    if not np.all((jets["parton_pt"] >= 0) & np.isfinite(jets["parton_pt"])):
        yield "/jets/parton_pt is not finite and 0 or above"


def _box_faults(jets: Columns, grid: Grid) -> Iterator[str]:
    box = jets["box"].astype(np.float64)
    if not (np.isfinite(box).all() and np.isfinite(jets["eta"]).all() and np.isfinite(jets["phi"]).all()):
        if not np.isfinite(box).all():
            yield "/jets/box is not finite"
        return
    if np.any((box[:, 1] < 0) | (box[:, 1] >= grid.n_phi)) or np.any(box[:, :2] >= box[:, 2:]):
        yield f"/jets/box is not eta_min < eta_max, 0 <= phi_min < {grid.n_phi}, phi_min < phi_max"
    width = box[:, 2:] - box[:, :2]
    if np.any((width < 1 - BOX_TOLERANCE) | (width > np.array([grid.n_eta, grid.n_phi]) + BOX_TOLERANCE)):
        yield "/jets/box is narrower than a pixel or wider than the image"
    row, column = grid.to_continuous(jets["eta"], jets["phi"])
    centre_row, centre_column = grid.to_continuous(*boxes.centre(grid, box))
    around = np.abs(centre_column - column)
    if np.any(np.abs(centre_row - row) > BOX_TOLERANCE) or np.any(
        np.minimum(around, grid.n_phi - around) > BOX_TOLERANCE
    ):
        yield "/jets/box is not centred on its jet"


def _particle_faults(particles: Columns) -> Iterator[str]:
    pt = particles["pt"]
    if not (np.isfinite(pt).all() and np.all(pt > 0)):
        yield "/particles/pt is not finite and above 0"
        return
    falling = np.diff(pt) <= 0
    falling[_first_of_events(particles["indptr"], len(pt)) - 1] = True
    if not falling.all():
        yield "/particles/pt does not fall within an event"
    if not np.isfinite(particles["eta"]).all():
        yield "/particles/eta is not finite"
    if not np.all(np.abs(particles["phi"]) <= PHI_MAX):
        yield "/particles/phi is not in [-pi, pi]"
    if np.any(particles["type"] >= len(PARTICLE_TYPES)):
        yield f"/particles/type is not one of 0 to {len(PARTICLE_TYPES) - 1}"


def _mask_faults(batch: Batch, shape: tuple[int, int]) -> Iterator[str]:
    """Masks of the jets, and the shapes that describe them."""
    if not np.array_equal(batch.tables["shapes"]["indptr"], batch.tables["jets"]["indptr"]):
        yield "/shapes has not a row for each row of /jets"
        return
    shapes, pixel = batch.tables["shapes"], batch.tables["masks"]["pixel"].astype(np.int64)
    n_jets, (owner, wrong) = len(shapes["angle"]), masks.owners(batch.tables)
    if wrong or np.any(pixel >= shape[0] * shape[1]):
        yield "/masks/jet beyond the event's jets" if wrong else "/masks: a pixel beyond the image"
        return
    if np.any(np.diff(owner * (shape[0] * shape[1]) + pixel) <= 0):
        yield "/masks: jets or pixels do not ascend"
    if np.any(np.bincount(owner, minlength=n_jets) == 0):
        yield "/masks has no pixel of some jet"
        return
    yield from _shape_faults(shapes, shape)
    expected = masks.boxes(owner, pixel, shapes["centre"].astype(np.float64), shape)
    if not np.array_equal(expected, shapes["box"]):
        yield "/shapes/box is not the box of the mask"


def _shape_faults(shapes: Columns, shape: tuple[int, int]) -> Iterator[str]:
    axes, angle, centre = shapes["axes"], shapes["angle"], shapes["centre"]
    if not (np.isfinite(axes).all() and np.all(axes[:, 0] >= axes[:, 1]) and np.all(axes > 0)):
        yield "/shapes/axes are not finite, above 0, the longer first"
    if not np.all((angle >= 0) & (angle <= PHI_MAX)):
        yield "/shapes/angle is not in [0, pi)"
    if not np.all((centre >= 0) & (centre <= np.array(shape))):
        yield "/shapes/centre is outside the image"


def _grid(reader: Reader) -> Grid:
    n_eta, n_phi = reader.attributes["image_shape"]
    return Grid(reader.attributes["eta_pitch"], n_eta, n_phi)
