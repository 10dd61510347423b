"""Is one crystal one pixel? (Asked in October 2019.)

ECAL towers are mapped to pixels in two ways: by `Edges`, which name the crystal, as `convert` does; and
by Eta and Phi, which Delphes draws at random inside the crystal and stores as float32, so that some lie
in the neighbour. Delphes writes one tower a crystal, so a pixel that holds two towers holds two crystals.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry.tower_map import ecal_map
from jetimg.common.errors import BadFile
from jetimg.common.tables import Sheet
from jetimg.imaging import raster
from jetimg.imaging.channels import CellError, Setup, Towers, towers
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, Wanted
from jetimg.imaging.verdicts import open_checked, wrong_geometry

BRANCHES = {
    "eflow": ("EFlowPhoton.ET", "EFlowPhoton.Eta", "EFlowPhoton.Phi", "EFlowPhoton.Edges"),
    "tower": ("Tower.Eem", "Tower.Eta", "Tower.Phi", "Tower.Edges"),
}


@dataclass
class Mapping:
    """What one way of mapping does.

    Attributes:
        shared_pixels: pixels that hold more than one crystal, summed over events.
        events: events with such a pixel.
    """

    shared_pixels: int = 0
    events: int = 0


@dataclass
class Counts:
    """What was counted in some events.

    Attributes:
        events: events read.
        towers: ECAL towers whose crystal is in the image.
        moved: of these, towers whose Eta, Phi lie outside their crystal's pixel.
        by_edges, by_centre: the two ways of mapping.
    """

    events: int = 0
    towers: int = 0
    moved: int = 0
    by_edges: Mapping = field(default_factory=Mapping)
    by_centre: Mapping = field(default_factory=Mapping)

    @property
    def moved_share(self) -> float:
        """The share of towers whose Eta, Phi lie outside their crystal's pixel; 0 for no towers."""
        return self.moved / max(self.towers, 1)

    def add(self, other: "Counts") -> None:
        """Adds another's counts to these."""
        self.events += other.events
        self.towers += other.towers
        self.moved += other.moved
        for mine, its in ((self.by_edges, other.by_edges), (self.by_centre, other.by_centre)):
            mine.shared_pixels += its.shared_pixels
            mine.events += its.events


@dataclass(frozen=True)
class FileAudit:
    """One file: its counts, which are 0 if its verdict is not "ok"."""

    path: str
    verdict: str
    reason: str
    counts: Counts


@dataclass(frozen=True)
class Audit:
    """The audit of some Delphes files, in the order in which they were given."""

    files: tuple[FileAudit, ...]

    @property
    def total(self) -> Counts:
        """The sum over the files."""
        total = Counts()
        for file in self.files:
            total.add(file.counts)
        return total

    @property
    def ok(self) -> bool:
        """Whether every file could be read and one crystal is one pixel in all of them."""
        return all(file.verdict == "ok" for file in self.files) and self.total.by_edges.shared_pixels == 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        total = asdict(self.total) | {"moved_share": self.total.moved_share}
        return {"ok": self.ok, "total": total, "files": [asdict(file) for file in self.files]}

    def table(self) -> Sheet:
        """For the terminal, or as markdown."""
        heads = ("file", "verdict ", "events", "ECAL towers", "shared by Edges", "in events", "shared by Eta, Phi")
        rows = [(Path(file.path).name, file.verdict, *_cells(file.counts)) for file in self.files]
        rows.append(("all files", "ok" if self.ok else "not ok", *_cells(self.total)))
        return Sheet(
            "Pixels that hold more than one ECAL crystal",
            (*heads, "in events", "towers moved", "share moved"),
            rows,
            note=self.answer(),
        )

    def answer(self) -> str:
        """The question's answer, in words."""
        total = self.total
        if total.events == 0:
            return "No event could be read."
        one = "is one pixel" if total.by_edges.shared_pixels == 0 else "is NOT always one pixel"
        return (
            f"Mapped by Edges, as convert does, one crystal {one}. Mapped by Eta, Phi, {total.by_centre.events:,} of "
            f"{total.events:,} events ({total.by_centre.events / total.events:.2%}) would have two crystals in a pixel."
        )


def audit(paths: Sequence[Path], setup: Setup, progress: Callable[[int], None] = lambda _: None) -> Audit:
    """Audits Delphes files; a bad one stands in the result with its verdict.

    Args:
        paths: the files.
        setup: detector and settings.
        progress: called with the number of events done since its last call.
    """
    return Audit(tuple(_audit_file(path, setup, progress) for path in paths))


def count(chunk: Chunk, setup: Setup) -> Counts:
    """Counts one chunk of events.

    Raises:
        CellError: a tower's cell is not one of the detector's.
        RasterError: an eta or phi is not a finite number.
    """
    found = towers(chunk, setup.settings.source, "ecal")
    crystal, centre = _pixels(found, setup)
    inside = crystal != raster.OUTSIDE
    return Counts(
        events=len(found.offsets) - 1,
        towers=int(np.count_nonzero(inside)),
        moved=int(np.count_nonzero(inside & (crystal != centre))),
        by_edges=_shared(found.offsets, crystal, setup.grid.size),
        by_centre=_shared(found.offsets, centre, setup.grid.size),
    )


def _audit_file(path: Path, setup: Setup, progress: Callable[[int], None]) -> FileAudit:
    counts = Counts()
    try:
        open_checked(path, setup.detector, setup.settings).close()
        file = DelphesFile(path, Wanted(BRANCHES[setup.settings.source]))
        try:
            for chunk in file.chunks():
                found = count(chunk, setup)
                counts.add(found)
                progress(found.events)
        except CellError as error:
            raise wrong_geometry(file, error.calorimeter, setup.detector, error) from error
        except raster.RasterError as error:
            raise BadFile(path, "unreadable", f"after entry {counts.events}: {error}", file.n_events) from error
        finally:
            file.close()
    except BadFile as fault:
        return FileAudit(str(path), fault.verdict, fault.reason, Counts())
    return FileAudit(str(path), "ok", "", counts)


def _pixels(found: Towers, setup: Setup) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Each tower's pixel by its edges, and by its eta, phi."""
    assert found.edges is not None
    assert found.eta is not None
    assert found.phi is not None
    cells = ecal_map(setup.detector)
    try:
        crystal = raster.crystal_pixels(setup.grid, cells, *raster.locate_cells(cells, found.edges))
    except raster.RasterError as error:
        raise CellError("ECAL", error) from error
    return crystal, raster.locate_points(setup.grid, found.eta, found.phi)


def _shared(offsets: NDArray[np.int64], pixel: NDArray[np.int32], n_pixels: int) -> Mapping:
    """Pixels of the same event that stand more than once in the list."""
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    inside = pixel != raster.OUTSIDE
    places, times = np.unique(event[inside] * n_pixels + pixel[inside], return_counts=True)
    shared = places[times > 1]
    return Mapping(shared_pixels=len(shared), events=len(np.unique(shared // n_pixels)))


def _cells(counts: Counts) -> tuple[object, ...]:
    edges, centre = counts.by_edges, counts.by_centre
    share = f"1 in {counts.towers / counts.moved:,.0f}" if counts.moved else "0"
    return (
        counts.events,
        counts.towers,
        edges.shared_pixels,
        edges.events,
        centre.shared_pixels,
        centre.events,
        counts.moved,
        share,
    )
