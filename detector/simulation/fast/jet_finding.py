"""Anti-kt jets with FastJet (arXiv:1111.6097), many events at once, and what is inside them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import BaselineJets, JetCollection
from detector.simulation.fast.substructure import soft_drop, subjettiness

N_TAU = 5  # tau_1 to tau_5, as Delphes writes them


class FoundJets(NamedTuple):
    """Jets of several events, by falling pt within an event.

    Attributes:
        counts: int64 (n_events), jets of each event.
        pt, eta, phi, mass: float64 (n), GeV and radians.
        constituents: for each jet int64 (k), indices of its event's particles; empty if not asked for.
    """

    counts: NDArray[np.int64]
    pt: NDArray[np.float64]
    eta: NDArray[np.float64]
    phi: NDArray[np.float64]
    mass: NDArray[np.float64]
    constituents: list[NDArray[np.int64]]


class Substructure(NamedTuple):
    """What is inside jets: mass float64 (n) after soft drop, GeV; tau float64 (n, 5), N-subjettiness."""

    mass: NDArray[np.float64]
    tau: NDArray[np.float64]


def find(events: Sequence[NDArray[np.float64]], described: JetCollection, members: bool = False) -> FoundJets:
    """The jets of each event.

    Args:
        events: for each event float64 (n, 4), px, py, pz, E of its particles, GeV.
        described: radius and least pt.
        members: whether the constituents are wanted; the list is empty otherwise.
    """
    import awkward as ak

    with _silent():
        found, inside_them = _cluster(events, described, members)
    counts = ak.to_numpy(ak.num(found.px)).astype(np.int64)
    px, py, pz, e = (ak.to_numpy(ak.flatten(found[name])).astype(np.float64) for name in _MOMENTUM)
    pt = np.hypot(px, py)
    mass = np.sqrt(np.maximum(e**2 - pt**2 - pz**2, 0.0))
    order = np.lexsort((-pt, np.repeat(np.arange(len(counts)), counts)))
    eta, phi = np.arcsinh(pz / pt), np.arctan2(py, px)
    listed = [inside_them[j] for j in order] if members else []
    return FoundJets(counts, pt[order], eta[order], phi[order], mass[order], listed)


_MOMENTUM = ("px", "py", "pz", "E")


def _cluster(
    events: Sequence[NDArray[np.float64]], described: JetCollection, members: bool
) -> tuple[Any, list[NDArray[np.int64]]]:
    """FastJet's jets of each event (an awkward array of momenta) and, flat over events, their constituents."""
    import awkward as ak
    import fastjet

    columns = np.concatenate([*events, np.empty((0, 4))]).T
    flat = ak.zip(dict(zip(_MOMENTUM, columns, strict=True)), with_name="Momentum4D")
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, described.radius)
    sequence = fastjet.ClusterSequence(ak.unflatten(flat, [len(event) for event in events]), definition)
    found = sequence.inclusive_jets(described.pt_min)
    if not members:
        return found, []
    lists = ak.flatten(sequence.constituent_index(described.pt_min))
    ends = np.cumsum(ak.to_numpy(ak.num(lists)))
    return found, np.split(ak.to_numpy(ak.flatten(lists)).astype(np.int64), ends[:-1]) if len(ends) else []


@contextmanager
def _silent() -> Iterator[None]:
    """FastJet prints a banner from C++ on its first use; standard output belongs to our caller."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def inside(events: Sequence[NDArray[np.float64]], jets: FoundJets, described: BaselineJets) -> Substructure:
    """Soft-drop masses and N-subjettiness of jets, from the constituents they were made of.

    The arguments are those of `find` and its answer.
    """
    groomed = described.soft_drop
    mass, tau = np.empty(len(jets.pt)), np.empty((len(jets.pt), N_TAU))
    event_of = np.repeat(np.arange(len(jets.counts)), jets.counts)
    for k, (event, members) in enumerate(zip(event_of.tolist(), jets.constituents, strict=True)):
        constituents = events[event][members]
        px, py, pz, e = soft_drop(constituents, groomed.beta, groomed.zcut, groomed.r0)
        mass[k] = np.sqrt(max(e**2 - px**2 - py**2 - pz**2, 0.0))
        tau[k] = subjettiness(constituents, N_TAU, described.subjettiness_beta, described.radius)
    return Substructure(mass, tau)
