"""The three channels of an image: which branches fill them, and how."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import Detector
from detector.geometry.grid import Grid
from detector.geometry.tower_map import TowerMap, ecal_map, hcal_map
from jetimg.event_file.rounding import max_relative_error, round_mantissa
from jetimg.imaging import raster
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.delphes_reader import Chunk
from jetimg.imaging.jet_labels import TruthCounts
from jetimg.imaging.settings import ImageSettings


@dataclass(frozen=True)
class Setup:
    """The detector and the settings of a conversion."""

    detector: Detector
    settings: ImageSettings

    @cached_property
    def grid(self) -> Grid:
        """The pixel grid."""
        return Grid.of(self.detector)


@dataclass
class Counts:
    """What became of a channel's inputs (tracks or towers), summed over events.

    Attributes:
        inputs: tracks or towers read.
        outside: of these, beyond the image's eta range.
        shared_pixels: pixels that several inputs fill. For ECAL by edges it is 0: one crystal, one pixel.
        pixels: non-zero pixels made.
    """

    inputs: int = 0
    outside: int = 0
    shared_pixels: int = 0
    pixels: int = 0


@dataclass
class Tally:
    """Counts of a conversion, kept in the event file."""

    channels: dict[str, Counts] = field(
        default_factory=lambda: {"tracker": Counts(), "ecal": Counts(), "hcal": Counts()}
    )
    relative_error: float = 0.0
    truth: TruthCounts = field(default_factory=TruthCounts)

    def attributes(self) -> dict[str, Any]:
        """For the event file."""
        counts = {name: asdict(count) for name, count in self.channels.items()}
        return {
            "hit_counts": counts,
            "largest_relative_error": self.relative_error,
            "truth_counts": self.truth.as_dict(),
        }


class CellError(raster.RasterError):
    """A cell that the detector has not.

    Attributes:
        calorimeter: ECAL or HCAL.
    """

    def __init__(self, calorimeter: str, error: raster.RasterError) -> None:
        super().__init__(str(error))
        self.calorimeter = calorimeter


def images(chunk: Chunk, setup: Setup, tally: Tally) -> dict[str, raster.Hits]:
    """The three channels of a chunk of events.

    Raises:
        CellError: a tower's cell is not one of the detector's.
        RasterError: a coordinate or a value that is not a finite number.
    """
    return {
        "tracker": _tracker(chunk, setup, tally),
        "ecal": _ecal(chunk, setup, tally),
        "hcal": _hcal(chunk, setup, tally),
    }


@dataclass(frozen=True)
class Towers:
    """Towers of one calorimeter: ET (GeV), and what places them; eta, phi or edges may be missing."""

    offsets: NDArray[np.int64]
    et: NDArray[np.float32]
    eta: NDArray[np.float32] | None
    phi: NDArray[np.float32] | None
    edges: NDArray[np.float32] | None


def towers(chunk: Chunk, source: str, calorimeter: str) -> Towers:
    """The towers of "ecal" or "hcal", from the energy-flow or from the Tower branches."""
    if source == "tower":
        return _from_tower_branch(chunk, "Tower.Eem" if calorimeter == "ecal" else "Tower.Ehad")
    branch = "EFlowPhoton" if calorimeter == "ecal" else "EFlowNeutralHadron"
    eta, phi, edges = (_content(chunk, f"{branch}.{name}") for name in ("Eta", "Phi", "Edges"))
    et = chunk[f"{branch}.ET"]
    return Towers(et.offsets, et.content, eta, phi, None if edges is None else edges.reshape(-1, 4))


def _from_tower_branch(chunk: Chunk, name: str) -> Towers:
    """A tower belongs to the calorimeter in which it has energy; ET = E / cosh(eta)."""
    energy, eta, phi = chunk[name], chunk["Tower.Eta"].content, _content(chunk, "Tower.Phi")
    mine = energy.content > 0
    offsets = np.concatenate(([0], np.cumsum(mine)))[energy.offsets]
    et = (energy.content[mine] / np.cosh(eta[mine])).astype(np.float32)
    edges = chunk["Tower.Edges"].content.reshape(-1, 4)[mine]
    return Towers(offsets, et, eta[mine], None if phi is None else phi[mine], edges)


def _content(chunk: Chunk, name: str) -> NDArray[Any] | None:
    found: Jagged | None = chunk.get(name)
    return None if found is None else found.content


def _tracker(chunk: Chunk, setup: Setup, tally: Tally) -> raster.Hits:
    pt = chunk["EFlowTrack.PT"]
    eta, phi = (chunk[name].content for name in setup.settings.track_axis)
    pixel = raster.locate_points(setup.grid, eta, phi)
    return _add_up("tracker", pt.offsets, pixel, pt.content, setup, tally)


def _ecal(chunk: Chunk, setup: Setup, tally: Tally) -> raster.Hits:
    found = towers(chunk, setup.settings.source, "ecal")
    cells = ecal_map(setup.detector)
    ring, index = _cells("ECAL", cells, found)
    pixel = raster.crystal_pixels(setup.grid, cells, ring, index)
    return _add_up("ecal", found.offsets, pixel, found.et, setup, tally)


def _hcal(chunk: Chunk, setup: Setup, tally: Tally) -> raster.Hits:
    found = towers(chunk, setup.settings.source, "hcal")
    if setup.settings.hcal == "point":
        assert found.eta is not None
        assert found.phi is not None
        pixel = raster.locate_points(setup.grid, found.eta, found.phi)
        return _add_up("hcal", found.offsets, pixel, found.et, setup, tally)
    cells = hcal_map(setup.detector)
    ring, index = _cells("HCAL", cells, found)
    parts = raster.share(setup.grid, cells, found.offsets, ring, index, found.et)
    return _add_up("hcal", parts.offsets, parts.pixel, parts.value, setup, tally)


def _cells(calorimeter: str, cells: TowerMap, found: Towers) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    assert found.edges is not None
    try:
        return raster.locate_cells(cells, found.edges)
    except raster.RasterError as error:
        raise CellError(calorimeter, error) from error


def _add_up(
    channel: str,
    offsets: NDArray[np.int64],
    pixel: NDArray[np.int32],
    value: NDArray[Any],
    setup: Setup,
    tally: Tally,
) -> raster.Hits:
    hits, outside, shared = raster.accumulate(setup.grid, offsets, pixel, value)
    counts = tally.channels[channel]
    counts.inputs += len(value)
    counts.outside += outside
    counts.shared_pixels += shared
    counts.pixels += len(hits.pixel)
    rounded = round_mantissa(hits.value, setup.settings.value_bits)
    tally.relative_error = max(tally.relative_error, max_relative_error(hits.value, rounded))
    return raster.Hits(hits.indptr, hits.pixel, rounded)
