"""How the pixels of an image lie on the cylinder, as an event file says it of itself.

Whoever reads images takes these numbers from here: files of another detector have others.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetimg.common.errors import DataError
from jetimg.event_file.layout import CHANNELS

# Relative; n_phi pixels of this width are the circle but for rounding.
PITCH_TOLERANCE = 1e-9


@dataclass(frozen=True)
class ImageGeometry:
    """The pixels of an image.

    Attributes:
        n_eta, n_phi: pixels along eta, centred on eta = 0, and round phi, from -pi.
        eta_pitch: width of a pixel in eta.
        channels: names of the channels, in their order.
    """

    n_eta: int
    n_phi: int
    eta_pitch: float
    channels: tuple[str, ...] = CHANNELS

    @classmethod
    def of(cls, attributes: Mapping[str, Any], path: Path) -> "ImageGeometry":
        """The geometry in the attributes of an event file; phi_pitch and channels may be missing, as in older ones.

        Raises:
            DataError: no widths of pixels, or pixels that do not go round phi once.
        """
        n_eta, n_phi = attributes["image_shape"]
        eta_pitch = float(attributes["eta_pitch"])
        if not (math.isfinite(eta_pitch) and eta_pitch > 0):
            raise DataError(f"{path}: eta_pitch {eta_pitch:g}; expected a width above 0")
        made = cls(int(n_eta), int(n_phi), eta_pitch, tuple(attributes.get("channels", CHANNELS)))
        if not math.isclose(attributes.get("phi_pitch", made.phi_pitch), made.phi_pitch, rel_tol=PITCH_TOLERANCE):
            raise DataError(f"{path}: {n_phi} pixels of phi_pitch {attributes['phi_pitch']:g} do not go round phi once")
        return made

    @property
    def image_shape(self) -> tuple[int, int]:
        """Pixels along eta and phi."""
        return self.n_eta, self.n_phi

    @property
    def phi_pitch(self) -> float:
        """Width of a pixel in phi, radians."""
        return 2 * math.pi / self.n_phi

    def attributes(self) -> dict[str, Any]:
        """As event files and manifests name them."""
        return {
            "channels": list(self.channels),
            "image_shape": [self.n_eta, self.n_phi],
            "eta_pitch": self.eta_pitch,
            "phi_pitch": self.phi_pitch,
        }

    def __str__(self) -> str:
        shape, pitch = f"{self.n_eta} x {self.n_phi} pixels (eta, phi)", f"eta_pitch {self.eta_pitch:g}"
        return f"{shape}, {pitch}, channels {', '.join(self.channels)}"
