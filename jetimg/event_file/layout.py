"""The layout of an event file, version 1.0: which groups and columns it has.

Every table is a group of columns of equal length; a table with `indptr` holds a variable number of rows
an event: event i has rows indptr[i] to indptr[i + 1].
"""

from dataclasses import dataclass

FORMAT = "jetimg"
VERSION = "1.0"

CHANNELS = ("tracker", "ecal", "hcal")


@dataclass(frozen=True)
class Column:
    """One dataset.

    Attributes:
        dtype: numpy's name.
        text: what it holds, with units (kept as an attribute of the dataset).
        width: values a row; 1 for a plain column.
        chunk: rows of an HDF5 chunk.
    """

    dtype: str
    text: str
    width: int = 1
    chunk: int = 4096


# 64 Ki hits are some 80 events of a channel: large enough to compress well, small enough to read ranges.
HITS_CHUNK = 65536


def _hits(value: str) -> dict[str, Column]:
    pixel = "flat pixel: eta_index * n_phi + phi_index; ascending within an event, no repeats"
    return {
        "pixel": Column("uint32", pixel, chunk=HITS_CHUNK),
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
    },
}

# Tables whose rows belong to events through indptr; `events` has one row an event.
JAGGED = tuple(name for name in TABLES if name != "events")

# Attributes that readers rely on, and their kinds; the others tell how the file was made.
ATTRIBUTES: dict[str, type] = {
    "n_events": int,
    "kind": str,
    "split": str,
    "class_names": list,
    "sample_names": list,
    "image_shape": list,
    "eta_pitch": float,
    "config": dict,
    "detector_sha256": str,
}

# The columns of /files, one row an input, and numpy's kinds of them.
FILES = {"name": "S", "sha256": "S", "verdict": "S", "reason": "S", "entries": "u"}
