"""Soft drop, ours and that of FastJet's Python bindings: the same masses, and the time of each.

`python -m benchmarks.soft_drop`
"""

import time
from collections.abc import Callable

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import SoftDrop
from detector.simulation.fast import jet_finding
from detector.simulation.fast.soft_drop import mass, soft_drop

N_JETS, CONSTITUENTS, ROUNDS = 200, 43, 10  # constituents of AK8 jets above 200 GeV, mean of real files
CHOSEN = SoftDrop(beta=0.0, zcut=0.1, r0=0.8)

Floats = NDArray[np.float64]


def made_up(rng: np.random.Generator) -> list[Floats]:
    """Jets of massless constituents, px, py, pz, E."""
    pt = rng.exponential(8.0, (N_JETS, CONSTITUENTS))
    eta, phi = rng.normal(0.0, 0.2, (2, N_JETS, CONSTITUENTS))
    return list(np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=-1))


def ours(found: list[Floats]) -> Floats:
    """The masses by our own clustering."""
    return mass(soft_drop(found, CHOSEN))


def theirs(found: list[Floats]) -> Floats:
    """The masses by the bindings."""
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, fastjet.JetDefinition.max_allowable_R)
    sequence = fastjet.ClusterSequence(jet_finding._array(found), definition)
    groomed = sequence.exclusive_jets_softdrop_grooming(beta=CHOSEN.beta, symmetry_cut=CHOSEN.zcut, R0=CHOSEN.r0)
    return ak.to_numpy(groomed.msoftdrop)


def timed(work: Callable[[list[Floats]], Floats], found: list[Floats]) -> tuple[Floats, float]:
    """The masses, and the shortest time of a jet in ms."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        masses = work(found)
        times.append(time.perf_counter() - begun)
    return masses, 1e3 * min(times) / len(found)


def main() -> None:
    """Prints both times."""
    found = made_up(np.random.default_rng(1))
    (mine, my_time), (others, their_time) = timed(ours, found), timed(theirs, found)
    np.testing.assert_allclose(mine, others, rtol=1e-9, atol=1e-6)
    print(f"{N_JETS} jets of {CONSTITUENTS} constituents: ours {my_time:.3f} ms a jet, the bindings {their_time:.2f}")


if __name__ == "__main__":
    main()
