"""The angle between the photons of the gun's neutral pions, beside that of an isotropic decay.

`python -m benchmarks.opening_angle [PICTURE]` prints the table of docs/results/single-particles.md, and draws it.
With c = cos theta* even in -1..1, sin(angle / 2) = m / (E sqrt(1 - beta^2 c^2)): a share q of the decays has |c| < q.
"""

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from detector.simulation.gun import SPECIES, Gun, Shots
from jetimg.plotting.figures import NEUTRAL, colour, save, styled

ENERGIES = (2.0, 5.0, 10.0, 20.0, 50.0)
SHARES = (0.5, 0.9)
EVENTS = 20_000
MASS = SPECIES["pi0"].mass
RADIUS, CRYSTAL = 1.29, 0.0224  # m, of the CMS-like detector's barrel

# The distributions that are drawn, in units of the smallest angle.
BINS = np.linspace(1.0, 3.0, 41)


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


def share_below(energy: float, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the decays with smaller angles, radians: the inverse of `expected`."""
    beta2 = 1.0 - (MASS / energy) ** 2
    c2 = (1.0 - (MASS / energy / np.sin(angle / 2.0)) ** 2) / beta2
    return np.asarray(np.sqrt(np.clip(c2, 0.0, 1.0)))


def row(energy: float, found: NDArray[np.float64]) -> str:
    """A line of the table."""
    values = [found[0], *(np.quantile(found, share) for share in SHARES)]
    theory = [expected(energy, share) for share in (0.0, *SHARES)]
    cells = [f"{1000 * value:.2f}" for pair in zip(values, theory, strict=True) for value in pair]
    return f"| {energy:g} | {' | '.join(cells)} | {theory[0] * RADIUS / CRYSTAL:.1f} |"


@styled()
def draw(found: dict[float, NDArray[np.float64]]) -> Figure:
    """The distributions at each energy, and their quantiles against the energy: points; lines are the theory."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (energy, angle) in enumerate(found.items()):
        smallest = expected(energy, 0.0)
        counts = np.histogram(angle / smallest, BINS)[0]
        middle, width = (BINS[1:] + BINS[:-1]) / 2, np.diff(BINS)
        style = {"color": colour(number), "linestyle": "none", "marker": ".", "ms": 4, "elinewidth": 0.8}
        errors = np.sqrt(counts) / width / EVENTS
        left.errorbar(middle, counts / width / EVENTS, errors, label=f"{energy:g} GeV", **style)
    theory = np.diff(share_below(ENERGIES[-1], BINS * expected(ENERGIES[-1], 0.0))) / np.diff(BINS)
    left.stairs(theory, BINS, color=NEUTRAL, lw=1, label=f"theory, {ENERGIES[-1]:g} GeV")
    left.set(yscale="log", xlabel="angle / smallest angle", ylabel="share of the decays for a unit of it")
    left.legend(fontsize="small")
    energies = np.geomspace(ENERGIES[0], ENERGIES[-1], 100)
    for number, (share, name) in enumerate({0.0: "smallest", 0.5: "median", 0.9: "90 % are below"}.items()):
        right.plot(energies, [1000 * expected(one, share) for one in energies], color=colour(number), lw=1)
        points = [1000 * (angle[0] if share == 0 else np.quantile(angle, share)) for angle in found.values()]
        right.plot(list(found), points, "o", ms=4, color=colour(number), label=name)
    right.axhline(1000 * CRYSTAL / RADIUS, color=NEUTRAL, lw=0.8, ls=":", label="a crystal of the barrel")
    right.set(xscale="log", yscale="log", xlabel="E of the pi0 [GeV]", ylabel="angle between the photons [mrad]")
    right.set_xticks(ENERGIES, [f"{energy:g}" for energy in ENERGIES], minor=False)
    right.xaxis.set_minor_formatter("")
    right.legend(fontsize="small")
    return figure


def main(picture: Path | None = None) -> None:
    """Prints the table, and draws the picture if there is a file for it."""
    found = {energy: angles(energy) for energy in ENERGIES}
    print("| E, GeV | smallest, mrad | theory | median | theory | 90 % below | theory | smallest, crystals |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for energy, angle in found.items():
        print(row(energy, angle))
    if picture:
        save(draw(found), picture)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
