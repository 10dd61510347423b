"""Reading Delphes trees: only the branches that are needed, in chunks of entries.

Branches are flat arrays with offsets.
"""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jetimg.common.errors import BadFile
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.delphes_tree import DelphesTree
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.uproot_tree import one_line

# Branches with several values an object (Delphes: Float_t Edges[4], Tau[5]). Delphes writes rows of them;
# files written by uproot have them flat. A branch's full name goes before its leaf's.
WIDTHS = {"Edges": 4, "Tau": 5, "Rho.Edges": 2}

# Entries read at once: some 40 MB in memory, whatever the file's length.
CHUNK = 250


# What a jet's label needs.
AXIS = ("PT", "Eta", "Phi", "Mass")


Chunk = dict[str, Jagged]

# What lists of particles need.
PARTICLES = (
    *(f"EFlowTrack.{name}" for name in ("PT", "Eta", "Phi", "PID", "Charge")),
    *(f"EFlowPhoton.{name}" for name in ("ET", "Eta", "Phi")),
    *(f"EFlowNeutralHadron.{name}" for name in ("ET", "Eta", "Phi")),
)


@dataclass(frozen=True)
class Wanted:
    """Branches to read. A group is used only if all of it is there; what is absent is reported."""

    required: tuple[str, ...]
    optional: dict[str, tuple[str, ...]] = field(default_factory=dict)


def wanted_images(settings: ImageSettings) -> Wanted:
    """The branches that the images alone need, by their names without Delphes' "[4]"."""
    required = ["EFlowTrack.PT", *settings.track_axis]
    if settings.source == "eflow":
        required += ["EFlowPhoton.ET", "EFlowPhoton.Edges", "EFlowNeutralHadron.ET"]
        point = ["EFlowNeutralHadron.Eta", "EFlowNeutralHadron.Phi"]
        required += point if settings.hcal == "point" else ["EFlowNeutralHadron.Edges"]
    else:
        required += ["Tower.Eem", "Tower.Ehad", "Tower.Eta", "Tower.Edges"]
        required += ["Tower.Phi"] if settings.hcal == "point" else []
    return Wanted(tuple(required))


def wanted(settings: ImageSettings) -> Wanted:
    """The branches that these settings need for images and labels, by their names without Delphes' "[4]"."""
    required = list(wanted_images(settings).required)
    required += [f"Particle.{name}" for name in ("PID", "Status", "PT", "Eta", "Phi", "Mass")]
    decays = tuple(f"Particle.{name}" for name in ("M1", "D1", "D2"))
    required += PARTICLES if settings.particles else ()
    if settings.truth == "jets" or settings.nested == "outermost":
        required += decays
    if settings.truth != "status":
        required += [f"{settings.genjet}.{name}" for name in AXIS]
    jets = tuple(f"{settings.baseline}.{name}" for name in ("PT", "Eta", "Phi", "Tau"))
    optional = {
        "weights": ("Event.Weight",),
        "missing pt": ("MissingET.MET", "MissingET.Phi"),
        "rho": ("Rho.Rho", "Rho.Edges"),
        "vertices": ("Vertex.Z",),
        "mean pile-up": ("Event.TruePileUp",),
        # Delphes has the soft-dropped jet as a TLorentzVector; our simulation, its mass.
        "baseline": (*jets, f"{settings.baseline}.SoftDroppedJet"),
        "baseline with mass": (*jets, f"{settings.baseline}.SoftDroppedMass"),
        "decays": decays,
    }
    if settings.truth == "jets":
        optional["large generator jets"] = tuple(f"{settings.merged_genjet}.{name}" for name in AXIS)
    return Wanted(tuple(required), optional)


class DelphesFile:
    """An open Delphes file.

    Attributes:
        path: the file.
        n_events: entries of the tree.
        absent: optional groups that the file does not have.
    """

    def __init__(self, path: Path, want: Wanted) -> None:
        """Opens a file and finds its branches.

        Raises:
            BadFile: unreadable, truncated, no-tree or missing-branch.
            MachineFault: the file cannot be read, for a reason that is not the file's.
        """
        self.path = path
        self._tree = DelphesTree(path)
        self.n_events, names = self._tree.n_entries, self._tree.names
        if missing := [name for name in want.required if name not in names]:
            self.close()
            raise BadFile(path, "missing-branch", _missing(missing, names))
        self.absent = [group for group, branches in want.optional.items() if not set(branches) <= names.keys()]
        present = [name for group in want.optional if group not in self.absent for name in want.optional[group]]
        self._all = names
        self._names = {name: names[name] for name in dict.fromkeys((*want.required, *present))}

    def chunks(self, step: int | None = None) -> Iterator[Chunk]:
        """The wanted branches, `step` entries at a time (CHUNK if None).

        Raises:
            BadFile: unreadable, where a basket cannot be decompressed or read.
            MachineFault: as when it is opened.
        """
        yield from self._iterate(self._names, CHUNK if step is None else step, self.n_events)

    def head(self, stop: int, also: tuple[str, ...] = ()) -> Chunk:
        """The first `stop` entries of the wanted branches, and of those named in `also` where present.

        Raises:
            BadFile: as for chunks.
        """
        more = {name: self._all[name] for name in also if name in self._all}
        return next(self._iterate(self._names | more, stop, min(stop, self.n_events)))

    def _iterate(self, names: dict[str, str], step: int, stop: int) -> Iterator[Chunk]:
        entry = 0
        try:
            while entry < stop:
                end = min(entry + step, stop)
                chunk = {name: self._tree.read(full, entry, end) for name, full in names.items()}
                _check_lengths(chunk)
                entry = end
                yield chunk
        # Whatever a parser raises on damaged bytes is the file's fault.
        except Exception as error:
            self._tree.raise_if_machine_fault(error)
            raise BadFile(self.path, "unreadable", f"after entry {entry}: {one_line(error)}", self.n_events) from error

    def close(self) -> None:
        """Closes the file."""
        self._tree.close()

    def basket_ends(self) -> Iterator[tuple[str, int, int]]:
        """Name, number of entries and last byte of each wanted branch's baskets."""
        for name, full in self._names.items():
            yield name, *self._tree.entries_and_end(full)


def inventory(path: Path) -> tuple[int, frozenset[str]]:
    """The number of entries and the names of the branches, whatever they are, without reading any.

    Raises:
        BadFile: unreadable or no-tree.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    tree = DelphesTree(path)
    tree.close()
    return tree.n_entries, frozenset(tree.names)


def n_events_of(paths: Iterable[Path]) -> int:
    """The number of entries of some files together; a bad file has none."""
    total = 0
    for path in paths:
        with suppress(BadFile):
            total += inventory(path)[0]
    return total


def _missing(missing: list[str], names: dict[str, str]) -> str:
    near = difflib.get_close_matches(missing[0], names, n=3, cutoff=0.5)
    hint = f"; nearest to the first: {', '.join(near)}" if near else ""
    return f"needs {', '.join(missing)}{hint}. {_remedy(missing)}"


def _remedy(missing: list[str]) -> str:
    """What to do about missing branches; those that do not fill the image serve the labels."""
    write = "Write them in the card's TreeWriter"
    if any(name.startswith(("EFlow", "Tower.", "Particle.")) for name in missing):
        return f"{write}, or choose another source"
    return (
        f"{write} (`jetimg detector card` does), name the file's generator jets in the settings (`genjet`), or choose "
        "truth status, which needs none"
    )


def _check_lengths(chunk: Chunk) -> None:
    """Branches of one kind of object hold as many rows, event by event.

    Raises:
        ValueError: naming two branches that do not.
    """
    first: dict[str, str] = {}
    for name, column in chunk.items():
        branch, _, leaf = name.partition(".")
        other = first.setdefault(branch, name)
        width = WIDTHS.get(name, WIDTHS.get(leaf, 1)) if column.content.ndim == 1 else 1
        if not np.array_equal(column.offsets, chunk[other].offsets * width):
            raise ValueError(f"`{name}` and `{other}` differ in their numbers of values")
