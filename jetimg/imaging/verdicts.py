"""A verdict for every Delphes file, from its header, its tree and its first events.

What only shows when every basket is read (a flipped bit, a zeroed basket) is found by `convert`, which
gives the same verdicts.
"""

import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector import Detector
from detector.geometry.tower_map import ecal_map, hcal_map
from jetimg.common.errors import BadFile, DataError
from jetimg.common.file_kind import HDF5
from jetimg.common.machine_faults import file_size, raise_if_machine_fault
from jetimg.imaging import bad_values
from jetimg.imaging.bad_values import BadValue
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, wanted, wanted_images
from jetimg.imaging.raster import RasterError, locate_cells
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import check_bytes, read_record
from jetimg.imaging.truth_jets import has_hard_process

# In the order in which they are looked for.
VERDICTS = (
    "ok",
    "unreadable",  # not there, not a ROOT file, or bytes that cannot be read
    "truncated",  # shorter than its header or its baskets say
    "damaged",  # a simulated file with other bytes than its record says
    "no-tree",
    "missing-branch",
    "empty",
    "short",  # fewer events than expected
    "no-hard-process",  # an event without truth: the card did not keep the hard process
    "bad-value",  # NaN, infinite, or negative where nothing is: pt, angles, masses, energies, weights
    "wrong-geometry",  # towers of another detector
)

# Events looked at; each of them has hard-process particles and some 2,000 towers.
LOOKED_AT = 3

HARD_PROCESS_REMEDY = (
    "no particle has a hard-process status (21-29), so the event has no truth boxes. The card's TreeWriter must fill "
    "`Particle` from a StatusPidFilter that keeps them: make a card with `jetimg detector card` and simulate again"
)


@dataclass(frozen=True)
class Verdict:
    """What `check` says of one file.

    Attributes:
        path: as given.
        verdict: one of VERDICTS.
        reason: why, and what to do; empty if ok.
        entries: events in the file, 0 where unknown.
        expected: events that were asked for, if known.
        size: bytes, 0 if the file is not there.
        absent: optional branches that the file does not have.
    """

    path: str
    verdict: str
    reason: str = ""
    entries: int = 0
    expected: int | None = None
    size: int = 0
    absent: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file can be converted."""
        return self.verdict == "ok"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def check(path: Path, detector: Detector, settings: ImageSettings, expected: int | None = None) -> Verdict:
    """The verdict on one file; never raises for what is in the file.

    Raises:
        MachineFault: the file cannot be read, for a reason that is not the file's.
    """
    size = file_size(path) or 0
    try:
        file = open_checked(path, detector, settings, expected)
    except BadFile as fault:
        return Verdict(str(path), fault.verdict, fault.reason, fault.entries, expected, size)
    file.close()
    return Verdict(str(path), "ok", "", file.n_events, expected, size, _absent(file))


def open_checked(
    path: Path,
    detector: Detector,
    settings: ImageSettings,
    expected: int | None = None,
    *,
    labels: bool = True,
) -> DelphesFile:
    """Opens a file that has passed every check.

    Args:
        path: the file.
        detector, settings: what its images are to be.
        expected: events that it should hold, if known.
        labels: whether it has to have what labels need; images alone need no generator particle.

    Raises:
        BadFile: with the verdict.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    check_header(path)
    check_bytes(path)
    file = DelphesFile(path, wanted(settings) if labels else wanted_images(settings))
    try:
        _check_baskets(file)
        _check_events(file, detector, settings, expected)
    except BaseException:
        file.close()
        raise
    return file


def _check_baskets(file: DelphesFile) -> None:
    size = file_size(file.path) or 0
    for branch, entries, end in file.basket_ends():
        if end > size:
            reason = f"`{branch}` should reach byte {end}; the file has {size}"
            raise BadFile(file.path, "truncated", reason, file.n_events)
        if entries != file.n_events:
            reason = f"`{branch}` has {entries} entries, the tree {file.n_events}: its writer was stopped"
            raise BadFile(file.path, "truncated", reason, file.n_events)


def check_header(path: Path) -> None:
    """Checks ROOT's file header (TFile class documentation): "root", version, fBEGIN, fEND; big-endian.

    Raises:
        BadFile: unreadable or truncated.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    size = file_size(path)
    if size is None:
        reason = f"a folder; name its files: {path}/*.root" if path.is_dir() else "no such file" + _why_not_made(path)
        raise BadFile(path, "unreadable", reason)
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise_if_machine_fault(error, path)
        raise BadFile(path, "unreadable", error.strerror or str(error)) from error
    if size == 0:
        raise BadFile(path, "unreadable", "zero bytes long")
    if head[:4] != b"root"[: len(head)]:
        raise BadFile(path, "unreadable", f"not a ROOT file: {_instead(head)}")
    if len(head) < 20:
        raise BadFile(path, "truncated", f"{size} bytes, less than a ROOT header")
    version = struct.unpack(">i", head[4:8])[0]
    end = struct.unpack(">q", head[12:20])[0] if version >= 1_000_000 else struct.unpack(">i", head[12:16])[0]
    if size < end:
        raise BadFile(path, "truncated", f"{size} bytes of {end}: the copy or the job was cut off; make it again")


def _instead(head: bytes) -> str:
    if head.startswith(HDF5):
        return "it is HDF5, as event files and shards are, which are made of Delphes files already"
    return f"it begins with {head[:4]!r}"


def _why_not_made(path: Path) -> str:
    """What the record beside a simulated file says of its failure."""
    try:
        record = read_record(path.with_suffix(".json"))
    except DataError as error:
        return f"; {error}"
    return "" if record is None else f"; its simulation: {record.verdict}: {record.reason}"


def _check_events(file: DelphesFile, detector: Detector, settings: ImageSettings, expected: int | None) -> None:
    if file.n_events == 0:
        raise BadFile(file.path, "empty", "the tree has no entries")
    if expected is not None and file.n_events < expected:
        raise BadFile(file.path, "short", f"{file.n_events} events of {expected} expected", file.n_events)
    # HCAL edges are not needed to place towers at a point, but they tell another detector.
    chunk = file.head(LOOKED_AT, also=("EFlowNeutralHadron.Edges",) if settings.source == "eflow" else ())
    if "Particle.Status" in chunk:
        check_hard_process(file, chunk, 0)
    if (bad := bad_values.first_in(chunk)) is not None:
        raise bad_value(file, bad, 0)
    _check_geometry(file, chunk, detector, settings)


def check_hard_process(file: DelphesFile, chunk: Chunk, first: int) -> None:
    """Every event of a chunk has a particle of the hard process.

    Args:
        file: where it comes from.
        chunk: of events from `first` on.
        first: entry of the chunk's first event.

    Raises:
        BadFile: no-hard-process, naming the first entry without one.
    """
    there = has_hard_process(chunk)
    if not there.all():
        entry = first + int(np.argmin(there))
        raise BadFile(file.path, "no-hard-process", f"entry {entry}: {HARD_PROCESS_REMEDY}", file.n_events)


def bad_value(file: DelphesFile, bad: BadValue, first: int) -> BadFile:
    """The verdict on a file with a value that cannot be, in a chunk of events from `first` on."""
    return BadFile(file.path, "bad-value", f"entry {first + bad.event}: {bad}", file.n_events)


def _check_geometry(file: DelphesFile, chunk: Chunk, detector: Detector, settings: ImageSettings) -> None:
    maps = {"ECAL": ecal_map(detector), "HCAL": hcal_map(detector)}
    if settings.source == "eflow":
        names = {"ECAL": "EFlowPhoton.Edges", "HCAL": "EFlowNeutralHadron.Edges"}
        cells = {part: chunk[name].content.reshape(-1, 4) for part, name in names.items() if name in chunk}
    else:
        edges = chunk["Tower.Edges"].content.reshape(-1, 4)
        cells = {"ECAL": edges[chunk["Tower.Eem"].content > 0], "HCAL": edges[chunk["Tower.Ehad"].content > 0]}
    for part, found in cells.items():
        try:
            locate_cells(maps[part], found)
        except RasterError as error:
            raise wrong_geometry(file, part, detector, error) from error


def wrong_geometry(file: DelphesFile, calorimeter: str, detector: Detector, error: Exception) -> BadFile:
    """The verdict on a file whose towers are not the described detector's."""
    crystals = detector.crystals
    reason = (
        f"{calorimeter}: {error} ({detector.name}, {crystals.n_eta} x {crystals.n_phi} crystals). Simulate with the "
        "card of `jetimg detector card`, or describe your detector with --detector"
    )
    return BadFile(file.path, "wrong-geometry", reason, file.n_events)


def _absent(file: DelphesFile) -> tuple[str, ...]:
    """The baseline stands in one of two forms; it is absent if both are."""
    forms = {"baseline", "baseline with mass"}
    missing = set(file.absent)
    return tuple(sorted(missing - forms | ({"baseline"} if forms <= missing else set())))
