"""The layout of an event file, version 2.0: which groups and columns it has.

Every table is a group of columns of equal length; a table with `indptr` holds a variable number of rows
an event: event i has rows indptr[i] to indptr[i + 1].

Some tables are optional: a file has them, or has not.

What came with version 1.1 has a default: readers take it where an older file lacks the column or the
attribute, and the writer where a batch does. Files of version 1 have pixels where those of 2.0 have the steps
between them; programs see pixels (`jetimg.event_file.steps`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FORMAT = "jetimg"
# Major and minor version, so that versions can be compared.
Version = tuple[int, int]
NEWEST: Version = (2, 0)
VERSION = f"{NEWEST[0]}.{NEWEST[1]}"
WITH_STEPS: Version = (2, 0)

CHANNELS = ("tracker", "ecal", "hcal")


@dataclass(frozen=True)
class Column:
    """One dataset.

    Attributes:
        dtype: numpy's name.
        text: what it holds, with units (kept as an attribute of the dataset).
        width: values a row; 1 for a plain column.
        chunk: rows of an HDF5 chunk.
        since: minor version, (1, since), that the column came with.
        default: the value where a file older than that lacks the column.
    """

    dtype: str
    text: str
    width: int = 1
    chunk: int = 4096
    since: int = 0
    default: float = 0


# 64 Ki hits are some 80 events of a channel: large enough to compress well, small enough to read ranges.
HITS_CHUNK = 65536


def _hits(value: str) -> dict[str, Column]:
    step = "from the pixel before, an event's first from 0; pixel: eta_index * n_phi + phi_index; ascending, no repeats"
    return {
        "step": Column("uint32", step, chunk=HITS_CHUNK),
        "value": Column("float32", f"{value}, GeV", chunk=HITS_CHUNK),
    }


TABLES: dict[str, dict[str, Column]] = {
    "tracker": _hits("sum of track pt"),
    "ecal": _hits("sum of ECAL transverse energy"),
    "hcal": _hits("sum of HCAL transverse energy"),
    "jets": {
        "class_id": Column("uint8", "index into the file's class_names"),
        "pdg_id": Column("int32", "PDG id of the generator particle"),
        "pt": Column("float32", "transverse momentum, GeV"),
        "eta": Column("float32", "pseudorapidity"),
        "phi": Column("float32", "azimuth, radians, in [-pi, pi]"),
        "mass": Column("float32", "mass, GeV"),
        "box": Column(
            "float32",
            "eta_min, phi_min, eta_max, phi_max in pixels, continuous; phi_max past n_phi means that the box wraps",
            width=4,
        ),
        "parton_pt": Column("float32", "transverse momentum of the particle's last copy, GeV; 0: unknown", since=1),
        "contained": Column("float32", "share of its decay quarks near the axis; -1: unknown", since=1, default=-1),
        "decay_pdg_id": Column(
            "int32", "largest PDG id, without sign, of its decay products; 0: none or unknown", since=1
        ),
    },
    "baseline": {
        "class_id": Column("uint8", "class that the jet is tagged as, index into the file's class_names"),
        "pt": Column("float32", "transverse momentum, GeV"),
        "eta": Column("float32", "pseudorapidity"),
        "phi": Column("float32", "azimuth, radians, in [-pi, pi]"),
        "mass": Column("float32", "soft-drop mass, GeV"),
        "score": Column("float32", "1 - tau_n / tau_(n-1), n prongs"),
    },
    "events": {
        "sample": Column("uint8", "index into the file's sample_names"),
        "file": Column("uint32", "row of /files"),
        "entry": Column("uint32", "entry in that file's tree"),
        "weight": Column("float32", "generator weight"),
        "met": Column("float32", "missing transverse momentum, GeV; -1: unknown", since=1, default=-1),
        "met_phi": Column("float32", "its azimuth, radians, in [-pi, pi]; 0 where met is unknown", since=1),
        "rho": Column("float32", "pile-up density at eta = 0, GeV an area; -1: unknown", since=1, default=-1),
        "n_vertices": Column("int32", "vertices, that of the hard process included; -1: unknown", since=1, default=-1),
        "true_pileup": Column("float32", "mean number of soft collisions drawn from; -1: unknown", since=1, default=-1),
        "digest": Column("uint64", "digest of the event's hits, to find events that stand twice; 0: none", since=1),
    },
}

# What a particle's type is an index into.
PARTICLE_TYPES = ("charged hadron", "electron", "muon", "photon", "neutral hadron")

# Tables that a file may have or not; all of their columns are there then.
OPTIONAL: dict[str, dict[str, Column]] = {
    "shapes": {
        "box": Column("float32", "of the mask: eta_min, phi_min, eta_max, phi_max in pixels, as in /jets/box", width=4),
        "centre": Column("float32", "weighted mean of its deposits: row, column; pixels", width=2),
        "axes": Column("float32", "semi-axes of its ellipse, the longer first; pixels", width=2),
        "angle": Column("float32", "of the longer axis, from the direction of eta to that of phi, [0, pi); radians"),
    },
    "masks": {
        "jet": Column("uint16", "row of /jets within the event; ascending", chunk=HITS_CHUNK),
        "step": Column(
            "uint32", "from the pixel before, a jet's first from 0; pixels ascend, no repeats", chunk=HITS_CHUNK
        ),
    },
}
OPTIONAL["particles"] = {
    "pt": Column("float32", "transverse momentum, GeV; falling within an event", chunk=HITS_CHUNK),
    "eta": Column("float32", "pseudorapidity, of a track at its vertex", chunk=HITS_CHUNK),
    "phi": Column("float32", "azimuth, of a track at its vertex; radians, in [-pi, pi]", chunk=HITS_CHUNK),
    "type": Column("uint8", ", ".join(f"{k} {name}" for k, name in enumerate(PARTICLE_TYPES)), chunk=HITS_CHUNK),
    "charge": Column("int8", "units of the positron's", chunk=HITS_CHUNK),
}
# All that a file can have.
EVERY = TABLES | OPTIONAL


def tables(version: Version) -> dict[str, dict[str, Column]]:
    """All that a file of a version can have."""
    if version >= WITH_STEPS:
        return EVERY
    names = {"step": "pixel"}
    return {table: {names.get(name, name): column for name, column in EVERY[table].items()} for table in EVERY}


# Groups whose data sets the layout does not know: /extra, kept for whoever wrote it.
EXTRA = "extra"

# The most rows of /jets, /baseline and /shapes that an event has; of the channels and of /masks, it is the number of
# pixels.
MAX_JETS = 1000

# The most rows of /particles that an event has.
MAX_PARTICLES = 10_000

# Tables whose rows belong to events through indptr; `events` has one row an event.
JAGGED = tuple(name for name in EVERY if name != "events")
# Those of them whose rows are pixels.
OF_PIXELS = (*CHANNELS, "masks")


@dataclass(frozen=True)
class Attribute:
    """One attribute that readers rely on.

    Attributes:
        kind: its type in Python.
        items: of a list, the type of its items.
        default: from the other attributes, its value where a file of version 1.0 lacks it; None: it was always there.
    """

    kind: type
    items: type | None = None
    default: Callable[[dict[str, Any]], Any] | None = None


def _phi_pitch(attributes: dict[str, Any]) -> float:
    return 2 * math.pi / float(attributes["image_shape"][1])


# The others tell how the file was made.
ATTRIBUTES: dict[str, Attribute] = {
    "n_events": Attribute(int),
    "kind": Attribute(str),
    "split": Attribute(str),
    "class_names": Attribute(list, str),
    "sample_names": Attribute(list, str),
    "channels": Attribute(list, str),
    "image_shape": Attribute(list, int),
    "eta_pitch": Attribute(float),
    "phi_pitch": Attribute(float, default=_phi_pitch),
    "config": Attribute(dict),
    "detector_sha256": Attribute(str),
}

# The columns of /files, one row an input, and numpy's kinds of them.
FILES = {"name": "S", "sha256": "S", "verdict": "S", "reason": "S", "entries": "u"}
