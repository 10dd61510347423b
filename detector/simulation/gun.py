"""Single particles in the place of collisions: one an event, of a kind, energy and direction drawn at random.

Masses are those of the Review of Particle Physics (Phys. Rev. D 110, 030001, 2024). A neutral pion decays to
two photons, isotropic in its rest frame, where it is born: it flies 25 nm times its Lorentz factor.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, NonNegativeFloat, field_validator, model_validator

from detector.common.schema import StrictModel
from detector.simulation.pythia import Collision


class Species(NamedTuple):
    """What the gun knows of a kind of particle: PDG code, mass (GeV), and whether its antiparticle is shot too."""

    pid: int
    mass: float
    both_charges: bool


SPECIES = {
    "gamma": Species(22, 0.0, False),
    "pi0": Species(111, 0.1349768, False),
    "e": Species(11, 0.51099895e-3, True),
    "pi": Species(211, 0.13957039, True),
    "K0L": Species(130, 0.497611, False),
}
PHOTON, NEUTRAL_PION, ELECTRON = 22, 111, 11

# Statuses: of what is shot, as of an outgoing particle of the hard process, and of what enters the detector.
SHOT, STABLE = 23, 1

# Random numbers that one event takes, whatever it is: each event is the same, however many are made.
DRAWS = 7

# No detector reaches further to the beam.
ABS_ETA_MAX = 8.0


def _ordered(values: tuple[float, float]) -> tuple[float, float]:
    if not (math.isfinite(values[0]) and math.isfinite(values[1]) and values[0] <= values[1]):
        raise ValueError(f"from {values[0]:g} to {values[1]:g}: must be finite, the first not above the second")
    return values


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class Gun(StrictModel):
    """What is shot. Ranges are flat from the first number to the second; twice the same number is a fixed value."""

    particles: tuple[Literal["gamma", "pi0", "e", "pi", "K0L"], ...] = Field(
        min_length=1, description="kinds of particles, each as likely; e and pi have either charge"
    )
    energy: Range = Field(default=(2.0, 50.0), description="range of the energy, GeV, mass included")
    eta: Range = Field(default=(-1.4, 1.4), description="range of the pseudorapidity")
    phi: Range = Field(default=(-math.pi, math.pi), description="range of the azimuth, radians")
    pileup: NonNegativeFloat = Field(default=0.0, description="mean number of soft collisions in the same crossing")

    @field_validator("eta")
    @classmethod
    def _off_the_beam(cls, eta: tuple[float, float]) -> tuple[float, float]:
        if max(map(abs, eta)) > ABS_ETA_MAX:
            raise ValueError(f"from {eta[0]:g} to {eta[1]:g}: must be within +-{ABS_ETA_MAX:g}")
        return eta

    @model_validator(mode="after")
    def _heavy_enough(self) -> "Gun":
        for name in self.particles:
            if self.energy[0] <= SPECIES[name].mass:
                raise ValueError(f"energy from {self.energy[0]:g} GeV: must be above the mass of {name}, "
                                 f"{SPECIES[name].mass:g} GeV")  # fmt: skip
        return self


class Shots:
    """A gun that is ready, in the place of `detector.simulation.pythia.Generator`.

    Args:
        gun: what is shot.
        rng: all its random numbers.
    """

    def __init__(self, gun: Gun, rng: np.random.Generator) -> None:
        self._gun, self._rng = gun, rng

    def batches(self, n: int, size: int) -> Iterator[list[Collision]]:
        """Makes n events, `size` at a time, the last batch what is left."""
        for first in range(0, n, size):
            drawn = self._rng.random((min(size, n - first), DRAWS))
            yield [_shot(self._gun, row) for row in drawn.tolist()]


def _shot(gun: Gun, drawn: list[float]) -> Collision:
    """The record of one event: the particle that is shot, then what of it enters the detector."""
    kind, sign, *place, cosine, angle = drawn
    species = SPECIES[gun.particles[int(kind * len(gun.particles))]]
    pid = -species.pid if species.both_charges and sign < 0.5 else species.pid
    energy, eta, phi = (
        low + (high - low) * u for (low, high), u in zip((gun.energy, gun.eta, gun.phi), place, strict=True)
    )
    pt = math.sqrt(energy**2 - species.mass**2) / math.cosh(eta)
    whole = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta), energy])
    if pid != NEUTRAL_PION:
        return _record(pid, species.mass, whole, pid, species.mass, whole[None])
    photons = two_photons(whole, 2.0 * cosine - 1.0, 2.0 * math.pi * angle)
    return _record(pid, species.mass, whole, PHOTON, 0.0, photons)


def two_photons(momentum: NDArray[np.float64], cosine: float, angle: float) -> NDArray[np.float64]:
    """The photons that a neutral particle decays to.

    With the angle theta* between flight and photon in the rest frame, a photon has the momentum
    m/2 gamma (cos theta* + beta) along the flight and m/2 sin theta* across. The angle between both in the
    laboratory is at least 2 asin(m / E), where theta* is a right angle.

    Args:
        momentum: float64 (4), px, py, pz, E of the particle, GeV, not along the beam.
        cosine: cos theta*.
        angle: of the photon round the flight, radians.

    Returns:
        float64 (2, 4), GeV: they sum to the particle's.
    """
    px, py, pz, energy = momentum.tolist()
    p, pt = math.hypot(px, py, pz), math.hypot(px, py)
    along = np.array([px, py, pz]) / p
    across = np.array([-py, px, 0.0]) / pt
    upwards = np.cross(along, across)
    mass = math.sqrt((energy - p) * (energy + p))
    sine = math.sqrt(1.0 - cosine**2)
    side = across * math.cos(angle) + upwards * math.sin(angle)
    first = np.append(along * (energy * cosine + p) / 2 + side * mass * sine / 2, (energy + p * cosine) / 2)
    return np.stack([first, momentum - first])


def _record(
    pid: int, mass: float, whole: NDArray[np.float64], child: int, child_mass: float, children: NDArray[np.float64]
) -> Collision:
    n = len(children)
    codes = np.array([pid] + [child] * n, dtype=np.int32)
    return Collision(
        pid=codes,
        status=np.array([SHOT] + [STABLE] * n, dtype=np.int32),
        mothers=np.array([[-1, -1]] + [[0, -1]] * n, dtype=np.int32),
        daughters=np.array([[1, n]] + [[-1, -1]] * n, dtype=np.int32),
        charge=_charges(codes),
        momentum=np.concatenate([whole[None], children]),
        mass=np.array([mass] + [child_mass] * n),
        vertex=np.zeros((n + 1, 3)),
    )


def _charges(codes: NDArray[np.int32]) -> NDArray[np.int8]:
    """Charges, units of the positron's; an electron has the positive code."""
    charge = np.where(np.abs(codes) == ELECTRON, -np.sign(codes), np.where(np.abs(codes) == 211, np.sign(codes), 0))
    return charge.astype(np.int8)
