"""The pixel grid: crystal <-> pixel, both ways.

A pixel is one ECAL crystal. Flat index: eta_index * n_phi + phi_index; eta_index 0 at the most
negative eta, phi_index 0 at phi = -pi, periodic in phi.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detector.geometry.angles import TWO_PI, wrap
from detector.geometry.description import Detector


@dataclass(frozen=True)
class Grid:
    """The grid of pixels, (n_eta, n_phi).

    Attributes:
        eta_pitch: width of a pixel in eta.
        n_eta, n_phi: pixels along eta and round phi.
    """

    eta_pitch: float
    n_eta: int
    n_phi: int

    @classmethod
    def of(cls, detector: Detector) -> "Grid":
        """The grid of a described detector."""
        crystals = detector.crystals
        return cls(crystals.eta_pitch, crystals.n_eta, crystals.n_phi)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.n_eta * self.n_phi

    @property
    def eta_max(self) -> float:
        """|eta| of the image's border."""
        return self.eta_pitch * self.n_eta / 2

    @property
    def phi_pitch(self) -> float:
        """Width of a pixel in phi, radians."""
        return TWO_PI / self.n_phi

    @property
    def eta_edges(self) -> NDArray[np.float64]:
        """Edges of the rows, (n_eta + 1)."""
        return np.arange(-self.n_eta, self.n_eta + 1, 2) / 2 * self.eta_pitch

    @property
    def phi_edges(self) -> NDArray[np.float64]:
        """Edges of the columns, (n_phi + 1), radians."""
        return np.arange(-self.n_phi, self.n_phi + 1, 2) / 2 * self.phi_pitch

    def to_continuous(self, eta: ArrayLike, phi: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(eta, phi) in units of pixels from the image's corner; phi's lies in [0, n_phi)."""
        row = np.asarray(eta, dtype=np.float64) / self.eta_pitch + self.n_eta / 2
        column = wrap(phi) / self.phi_pitch + self.n_phi / 2
        return row, np.where(column >= self.n_phi, 0.0, column)

    def to_angles(self, row: ArrayLike, column: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The (eta, phi) of continuous pixel coordinates; phi in [-pi, pi)."""
        eta = (np.asarray(row, dtype=np.float64) - self.n_eta / 2) * self.eta_pitch
        return eta, wrap((np.asarray(column, dtype=np.float64) - self.n_phi / 2) * self.phi_pitch)

    def pixel(self, eta: ArrayLike, phi: ArrayLike) -> NDArray[np.int64]:
        """The flat pixel of each (eta, phi), -1 outside the image and for what is not a number.

        A point on an edge belongs to the pixel above it, by comparison with the edges themselves,
        as in an exact histogram; phi = +pi is phi = -pi.
        """
        eta = np.asarray(eta, dtype=np.float64)
        row = np.searchsorted(self.eta_edges, eta, side="right") - 1
        angle = wrap(phi)
        column = np.searchsorted(self.phi_edges, angle, side="right") - 1
        inside = (row >= 0) & (row < self.n_eta) & np.isfinite(angle)
        return np.where(inside, row * self.n_phi + np.minimum(column, self.n_phi - 1), -1)

    def centre(self, pixel: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The (eta, phi) of each flat pixel's centre.

        Raises:
            ValueError: a pixel outside 0..size - 1.
        """
        flat = np.asarray(pixel, dtype=np.int64)
        if flat.size and (flat.min() < 0 or flat.max() >= self.size):
            raise ValueError(f"pixel outside 0..{self.size - 1}")
        return self.to_angles(flat // self.n_phi + 0.5, flat % self.n_phi + 0.5)
