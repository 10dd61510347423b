"""The angle between the photons of the gun's neutral pions, beside that of an isotropic decay.

`python -m benchmarks.opening_angle` prints the table of docs/results/single-particles.md.
With c = cos theta* even in -1..1, sin(angle / 2) = m / (E sqrt(1 - beta^2 c^2)): a share q of the decays has |c| < q.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.simulation.gun import SPECIES, Gun, Shots

ENERGIES = (2.0, 5.0, 10.0, 20.0, 50.0)
SHARES = (0.5, 0.9)
EVENTS = 20_000
MASS = SPECIES["pi0"].mass
RADIUS, CRYSTAL = 1.29, 0.0224  # m, of the CMS-like detector's barrel


def angles(energy: float) -> NDArray[np.float64]:
    """Of EVENTS pions, radians, ascending."""
    shots = Shots(Gun(particles=("pi0",), energy=(energy, energy)), np.random.default_rng(1))
    photons = np.array([record.momentum[1:] for (record,) in shots.batches(EVENTS, 1)])
    direction = photons[:, :, :3] / photons[:, :, 3:]
    chord = np.linalg.norm(direction[:, 0] - direction[:, 1], axis=1)
    return np.sort(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0)))


def expected(energy: float, share: float) -> float:
    """The angle that this share of the decays stays below, radians; of share 0, the smallest."""
    beta2 = 1.0 - (MASS / energy) ** 2
    return 2.0 * math.asin(MASS / energy / math.sqrt(1.0 - beta2 * share**2))


def main() -> None:
    """Prints the table."""
    print("| E, GeV | smallest, mrad | theory | median | theory | 90 % below | theory | smallest, crystals |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for energy in ENERGIES:
        found = angles(energy)
        values = [found[0], *(np.quantile(found, share) for share in SHARES)]
        theory = [expected(energy, share) for share in (0.0, *SHARES)]
        cells = [f"{1000 * value:.2f}" for pair in zip(values, theory, strict=True) for value in pair]
        print(f"| {energy:g} | {' | '.join(cells)} | {theory[0] * RADIUS / CRYSTAL:.1f} |")


if __name__ == "__main__":
    main()
