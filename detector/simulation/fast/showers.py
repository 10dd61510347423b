"""How far a shower spreads sideways: the shares of its energy that the cells round a particle get.

The energy at a distance r from the axis has the density of two components,
f(r) = p 2 r C^2 / (r^2 + C^2)^2 + (1 - p) 2 r T^2 / (r^2 + T^2)^2, with a core C and a tail T
(G. Grindhammer and S. Peters, hep-ex/0001020, section 3.2). Its integral over a rectangle is exact, so no random
number is drawn: the shower is the mean one. Delphes has no such profile; a description without `showers`
leaves all of a particle's energy in the cell that it hits.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import ShowerProfile, Showers


class Profile(NamedTuple):
    """A profile in metres: the core's share and both radii; half the width of the square that holds all of it."""

    core_fraction: float
    core: float
    tail: float
    reach: float


class ShowerTables(NamedTuple):
    """Profiles of electrons and photons and of all others, and which particles have the first.

    Attributes:
        abs_eta_max: none beyond it; 0: none at all.
        electromagnetic, hadronic: the profiles.
        electromagnetic_pdg: int64, |PDG codes| of the first.
        radius, half_length: the surface that showers begin at, m.
    """

    abs_eta_max: float
    electromagnetic: Profile
    hadronic: Profile
    electromagnetic_pdg: NDArray[np.int64]
    radius: float
    half_length: float


def shower_tables(described: Showers | None, radius: float, half_length: float) -> ShowerTables:
    """The numbers of a description; None: showers are points."""
    if described is None:
        point = Profile(1.0, 1.0, 1.0, 1.0)
        return ShowerTables(0.0, point, point, np.empty(0, np.int64), radius, half_length)
    codes = np.array(described.electromagnetic_pdg, dtype=np.int64)
    electromagnetic, hadronic = _profile(described.electromagnetic), _profile(described.hadronic)
    return ShowerTables(described.abs_eta_max, electromagnetic, hadronic, codes, radius, half_length)


def _profile(described: ShowerProfile) -> Profile:
    lengths = (described.core_radius, described.tail_radius, described.reach)
    return Profile(described.core_fraction, *(length * described.unit for length in lengths))


def has_profile(tables: ShowerTables, eta: float) -> bool:
    """Whether showers at this eta spread."""
    return abs(eta) < tables.abs_eta_max


def profile_of(tables: ShowerTables, pid: int) -> Profile:
    """The profile of a particle."""
    for code in tables.electromagnetic_pdg:
        if code == abs(pid):
            return tables.electromagnetic
    return tables.hadronic


def lever(tables: ShowerTables, eta: float) -> float:
    """Metres across the particle's way for a unit of eta, and for a radian of phi.

    Both are the distance of the surface from the beam: across the way, a step in eta at the distance rho from the
    origin is rho d theta = rho d eta / cosh eta.
    """
    return min(tables.radius, tables.half_length / max(abs(math.sinh(eta)), 1e-9))


def corner(x: float, y: float, scale: float) -> float:
    """The primitive in x and y of the density scale^2 / (pi (x^2 + y^2 + scale^2)^2) of one component."""
    across_x, across_y = math.sqrt(x * x + scale * scale), math.sqrt(y * y + scale * scale)
    first, second = x / across_x * math.atan(y / across_x), y / across_y * math.atan(x / across_y)
    return (first + second) / (2.0 * math.pi)


def strip(profile: Profile, x0: float, x1: float, y: float) -> float:
    """The share between x0 and x1 and below y, m from the axis, but for a constant."""
    core = corner(x1, y, profile.core) - corner(x0, y, profile.core)
    tail = corner(x1, y, profile.tail) - corner(x0, y, profile.tail)
    return profile.core_fraction * core + (1.0 - profile.core_fraction) * tail
