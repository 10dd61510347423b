"""The layout of a file of detections, version 1.0: what it holds and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jetimg.event_file.layout import Column
from jetimg.event_file.store import InputFile

FORMAT = "jetimg-detections"
MAJOR, MINOR = 1, 0
VERSION = f"{MAJOR}.{MINOR}"

# The HDF5 group, and the tree of a ROOT file.
TABLE = "detections"

INDPTR = Column("int64", "detections of event i: indptr[i] to indptr[i + 1]")
COLUMNS: dict[str, Column] = {
    "class_id": Column("uint8", "index into the file's class_names"),
    "score": Column("float32", "how certain, 0 to 1; the most certain of an event first"),
    "pt": Column("float32", "transverse momentum, GeV; not a number: not measured"),
    "eta": Column("float32", "pseudorapidity of the box's centre"),
    "phi": Column("float32", "azimuth of the box's centre, radians, in [-pi, pi)"),
    "box": Column(
        "float32",
        "eta_min, phi_min, eta_max, phi_max in pixels, continuous; phi_max past n_phi means that the box wraps",
        width=4,
    ),
}
CORNERS = ("eta_min", "phi_min", "eta_max", "phi_max")


@dataclass(frozen=True)
class About:
    """What a file of detections says of its detector.

    Attributes:
        class_names: by class_id.
        image_shape: pixels along eta and phi that boxes count in.
        eta_pitch: width of a pixel in eta.
        network: its name or file, as it was called.
        network_sha256: of that file; empty for a detector without one.
        settings: how it was run: score_threshold, nms_threshold, max_detections.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    eta_pitch: float
    network: str = ""
    network_sha256: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def attributes(self) -> dict[str, Any]:
        """As HDF5 attributes and the other formats' metadata name them."""
        return {
            "format": FORMAT,
            "format_version": VERSION,
            "class_names": list(self.class_names),
            "image_shape": list(self.image_shape),
            "eta_pitch": self.eta_pitch,
            "network": self.network,
            "network_sha256": self.network_sha256,
            "settings": dict(self.settings),
        }


def n_events(inputs: list[InputFile] | tuple[InputFile, ...]) -> int:
    """Events of all good inputs: those that the file has rows of indptr for."""
    return sum(row.entries for row in inputs if row.verdict == "ok")
