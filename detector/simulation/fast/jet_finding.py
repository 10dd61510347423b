"""Anti-kt jets with FastJet (arXiv:1111.6097), many events at once, and what is inside them."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import BaselineJets, JetCollection
from detector.simulation.fast import soft_drop

N_TAU = 5  # tau_1 to tau_5, as Delphes writes them


class FoundJets(NamedTuple):
    """Jets of several events, by descending pt within an event.

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
        described: radius and minimum pt.
        members: whether the constituents are wanted; the list is empty otherwise.
    """
    import awkward as ak

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

    fastjet = _fastjet()
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, described.radius)
    sequence = fastjet.ClusterSequence(_array(events), definition)
    found = sequence.inclusive_jets(described.pt_min)
    if not members:
        return found, []
    lists = ak.flatten(sequence.constituent_index(described.pt_min))
    ends = np.cumsum(ak.to_numpy(ak.num(lists)))
    return found, np.split(ak.to_numpy(ak.flatten(lists)).astype(np.int64), ends[:-1]) if len(ends) else []


def inside(events: Sequence[NDArray[np.float64]], jets: FoundJets, described: BaselineJets) -> Substructure:
    """Soft-drop masses and N-subjettiness of jets, from the constituents they were made of.

    The arguments are those of `find` and its answer.
    """
    event_of = np.repeat(np.arange(len(jets.counts)), jets.counts).tolist()
    constituents = [events[event][members] for event, members in zip(event_of, jets.constituents, strict=True)]
    groomed = soft_drop.soft_drop(constituents, described.soft_drop)
    return Substructure(
        soft_drop.mass(groomed), subjettiness(constituents, described.subjettiness_beta, described.radius)
    )


def subjettiness(jets: Sequence[NDArray[np.float64]], beta: float, radius: float) -> NDArray[np.float64]:
    """N-subjettiness tau_N = sum of pt min_k(Delta R_k)^beta / sum of pt R^beta (arXiv:1011.2268).

    Computed by FastJet contrib, as in Delphes. The axes are the N exclusive kt jets, then moved to the nearest minimum
    ("one pass").

    Args:
        jets: of each jet float64 (n, 4), px, py, pz, E of its constituents, GeV.
        beta: angular exponent.
        radius: the jets'.

    Returns:
        float64 (n_jets, N_TAU); 0 from N = number of constituents on.
    """
    fastjet = _fastjet()
    # The bindings need a clustering, but N-subjettiness only uses its constituents. They silently replace an unknown
    # name of axes or measure by the default.
    sequence = fastjet.ClusterSequence(_array(jets), fastjet.JetDefinition(fastjet.antikt_algorithm, radius))
    choice = {"axes_definition": "OnePass_KT_Axes", "measure_definition": "NormalizedMeasure"}
    tau = sequence.njettiness(njets=list(range(1, N_TAU + 1)), beta=beta, R0=radius, **choice)
    return np.asarray(tau, dtype=np.float64).reshape(len(jets), N_TAU)


def _array(events: Sequence[NDArray[np.float64]]) -> Any:
    """Momenta (n, 4) of each event, or constituents of each jet, as FastJet takes them."""
    import awkward as ak

    columns = np.concatenate([*events, np.empty((0, 4))]).T
    flat = ak.zip(dict(zip(_MOMENTUM, columns, strict=True)), with_name="Momentum4D")
    return ak.unflatten(flat, np.array([len(event) for event in events], dtype=np.int64))


@cache
def _fastjet() -> Any:
    """The library, without the banner that it prints on its first use: standard output belongs to our caller."""
    import fastjet

    fastjet.ClusterSequenceAreaBase.set_fastjet_banner_stream(None)
    return fastjet
