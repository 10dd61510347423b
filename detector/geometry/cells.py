"""The cells of a calorimeter, as Delphes makes them from its lists of edges."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.geometry.description import EdgeList

# Edges closer than this are one edge: lists that share one compute it with different roundings.
SAME_EDGE = 1e-9


@dataclass(frozen=True)
class Cells:
    """Cells in rings of eta; ring r lies between eta_edges[r] and eta_edges[r + 1].

    Attributes:
        eta_edges: float64 (n_rings + 1), ascending.
        n_phi: int64 (n_rings), cells round each ring; cell j starts at phi = -pi + j * 2 pi / n_phi.
    """

    eta_edges: NDArray[np.float64]
    n_phi: NDArray[np.int64]


def build(lists: tuple[EdgeList, ...]) -> Cells:
    """Merges edge lists into rings: a ring has the phi binning of its upper edge (Delphes,
    SimpleCalorimeter); where two lists share an edge, the later list decides.
    """
    eta = np.concatenate([part.edges() for part in lists])
    n_phi = np.concatenate([np.full(len(part.edges()), round(360 / part.phi_degrees)) for part in lists])
    order = np.argsort(eta, kind="stable")
    eta, n_phi = eta[order], n_phi[order].astype(np.int64)
    # Rounding may put equal edges in any order, so the later list is found by its index, not by eta.
    first = np.flatnonzero(np.diff(eta, prepend=-np.inf) > SAME_EDGE)
    latest = [group[np.argmax(order[group])] for group in np.split(np.arange(len(eta)), first[1:])]
    return Cells(eta_edges=eta[first], n_phi=n_phi[latest][1:])
