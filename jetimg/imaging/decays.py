"""What each t, W, Z and H decayed to, found behind Delphes' status filter.

The filter drops particles, so the indices M1, D1 and D2 no longer point into the list. What stays true:

- The products of one decay share their M1, and their four-momenta add up to those of the copy that decays (exactly,
  in Pythia's record). That copy is the resonance's last one: the hard-process copy (status 22) has recoiled since.
- All copies of a resonance have the same mass.
- A copy that hands on to the next has D1 = D2, the original index of the next. So products whose siblings were dropped
  (below the filter's minimum pt) still say whose they are: their M1 is that index.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from jetimg.common.native import Vector, native
from jetimg.common.ranges import ranges
from jetimg.imaging.delphes_reader import Chunk

# t, Z, W, H.
RESONANCES = (6, 23, 24, 25)
LARGEST_QUARK = 5

# Pythia's status of a resonance and of an outgoing parton of the hard process, products of resonances included.
INTERMEDIATE, OUTGOING = 22, 23

# float32 pt, eta, phi, mass give momenta to about 1e-6; unrelated particles do not come this close.
SAME_MOMENTUM = 1e-4

# Products that weigh less together are those of a tau or a hadron, GeV.
MIN_MASS = 4.0

# Copies of one resonance have its mass to float32's precision; two H of 4 MeV width are told apart by direction.
SAME_MASS = 1e-5

# A t has three final products, an H -> V V four.
MAX_PRODUCTS = 4

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Decays:
    """The resonances of several events, and what became of them; -1 stands for none.

    Attributes:
        row: (n) rows of `Particle` with the hard-process copies, ascending.
        event: (n).
        last: (n) rows of the copies that decay.
        parent: (rows) for every particle, which resonance (0 to n - 1) it is a product of.
        children: (n, 2) rows of the two products.
        known: (n) whether the decay was found, and those of its products.
        products: (n, 4) rows of quarks, leptons, gluons and photons in the end: b q q' of a t -> b W -> b q q'.
        decay_pdg_id: (n) largest |PDG id| among them; 0 if not known.
    """

    row: Ints
    event: Ints
    last: Ints
    parent: Ints
    children: Ints
    known: Bools
    products: Ints
    decay_pdg_id: Ints


def event_pairs(one: Ints, two: Ints) -> tuple[Ints, Ints]:
    """All pairs of entries that belong to the same event, by their positions.

    Args:
        one, two: the event of each entry; of the second kind, ascending.
    """
    n_events = int(max(one.max(initial=-1), two.max(initial=-1))) + 1
    counts = np.bincount(two, minlength=n_events)
    first = np.cumsum(counts) - counts
    return np.repeat(np.arange(len(one)), counts[one]), ranges(first[one], counts[one])


def first_come(order: Ints, one: Ints, two: Ints, taken: Bools) -> Ints:
    """Picks pairs one after the other, so that nothing stands in two of them.

    Args:
        order: positions of the pairs, the best first.
        one, two: the pairs' members.
        taken: of the second kind, what is not to be had; what is picked here is added.

    Returns:
        The positions that were picked.
    """
    paired = np.zeros(int(one.max(initial=-1)) + 1, np.bool_)
    picked = np.zeros(len(order), np.bool_)
    _first_come(order, one, two, taken, paired, picked)
    return order[picked]


@native
def _first_come(
    order: Vector[np.int64],
    one: Vector[np.int64],
    two: Vector[np.int64],
    taken: Vector[np.bool_],
    paired: Vector[np.bool_],
    picked: Vector[np.bool_],
) -> None:
    for k in range(len(order)):
        i, j = one[order[k]], two[order[k]]
        if not (paired[i] or taken[j]):
            paired[i] = taken[j] = picked[k] = True


def find(chunk: Chunk) -> Decays:
    """The decays of a chunk of events.

    Args:
        chunk: branches of `Particle`: PID, Status, M1, D1, D2, PT, Eta, Phi, Mass.
    """
    particles = _Particles.of(chunk)
    heavy = np.isin(np.abs(particles.pid), RESONANCES)
    copies = np.flatnonzero(heavy)
    mother = np.full(len(heavy), -1, np.int64)
    splitting = copies[particles.d1[copies] != particles.d2[copies]]
    full = _by_momentum(particles, splitting, mother)
    hard = (particles.status == INTERMEDIATE) | (particles.status == OUTGOING)
    orphans = np.flatnonzero(hard & (mother < 0))
    mother[orphans] = _by_index(particles, orphans, copies, splitting, full)
    row = np.flatnonzero(heavy & (particles.status == INTERMEDIATE))
    last = _last_copies(particles, row, splitting, full, once=True)
    # A hard-process copy may have been dropped for its pt, and a later one not.
    more = np.setdiff1d(mother[mother >= 0], last)
    mother[more] = _by_index(particles, more, copies, splitting, full)
    row, last = np.concatenate([row, more]), np.concatenate([last, more])
    order = np.argsort(row)
    row, last = row[order], last[order]
    number = np.full(len(heavy) + 1, -1, np.int64)
    number[last[last >= 0]] = np.flatnonzero(last >= 0)
    parent = number[mother]
    children = _children(parent, len(row))
    known = np.isin(last, splitting[full]) & (children >= 0).all(axis=1)
    return _with_products(particles, row, last, parent, children, known)


@dataclass(frozen=True)
class _Particles:
    """The branches of `Particle`, flat."""

    event: Ints
    pid: NDArray[np.int32]
    status: NDArray[np.int32]
    m1: Ints
    d1: Ints
    d2: Ints
    mass: NDArray[np.float64]
    eta: NDArray[np.float64]
    phi: NDArray[np.float64]
    pt: NDArray[np.float64]

    @classmethod
    def of(cls, chunk: Chunk) -> "_Particles":
        offsets = chunk["Particle.PID"].offsets
        m1, d1, d2 = (chunk[f"Particle.{name}"].content.astype(np.int64) for name in ("M1", "D1", "D2"))
        mass, eta, phi, pt = (
            chunk[f"Particle.{name}"].content.astype(np.float64) for name in ("Mass", "Eta", "Phi", "PT")
        )
        event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        status = np.abs(chunk["Particle.Status"].content)
        return cls(event, chunk["Particle.PID"].content, status, m1, d1, d2, mass, eta, phi, pt)

    def momenta(self, rows: Ints) -> NDArray[np.float64]:
        """(px, py, pz, E) of some particles; zeros for those along the beam."""
        along = np.abs(self.eta[rows]) > 20.0
        pt, eta = np.where(along, 0.0, self.pt[rows]), np.where(along, 0.0, self.eta[rows])
        px, py, pz = pt * np.cos(self.phi[rows]), pt * np.sin(self.phi[rows]), pt * np.sinh(eta)
        return np.stack([px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + self.mass[rows] ** 2)], axis=1)


def _by_momentum(particles: _Particles, splitting: Ints, mother: Ints) -> Bools:
    """Notes the mother of products that add up to a copy; returns whether each copy has such products.

    Delphes calls stable leptons and photons of a decay 1 and a tau 2, whatever Pythia called them.
    """
    code, status = np.abs(particles.pid), particles.status
    light = ((code > 10) & (code < 17)) | (code == 22)
    rows = np.flatnonzero((status == INTERMEDIATE) | (status == OUTGOING) | (light & ((status == 1) | (status == 2))))
    key = particles.event[rows] * (particles.m1.max(initial=0) + 2) + particles.m1[rows] + 1
    _, first, group, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    momenta = particles.momenta(rows)
    total = np.stack([np.bincount(group, momenta[:, k], len(counts)) for k in range(4)], axis=1)
    square = total[:, 3] ** 2 - (total[:, :3] ** 2).sum(axis=1)
    several = np.flatnonzero((counts > 1) & (square > MIN_MASS**2))
    one, two = event_pairs(particles.event[rows[first[several]]], particles.event[splitting])
    away = np.abs(total[several[one]] - particles.momenta(splitting)[two]).max(axis=1)
    close = np.flatnonzero(away < SAME_MOMENTUM * total[several[one], 3])
    taken = np.zeros(len(splitting), np.bool_)
    picked = first_come(close[np.argsort(away[close], kind="stable")], several[one], two, taken)
    of_group = np.full(len(counts), -1, np.int64)
    of_group[several[one[picked]]] = splitting[two[picked]]
    mother[rows] = of_group[group]
    return taken


def _by_index(particles: _Particles, orphans: Ints, copies: Ints, splitting: Ints, full: Bools) -> Ints:
    """The mother of products whose siblings were dropped, -1 for none.

    Their M1 is where one copy handed on to the next; or, where all copies of their mother were dropped, it is that of a
    daughter of an earlier resonance, which then counts as the mother.
    """
    one, two = event_pairs(particles.event[orphans], particles.event[copies])
    orphan, copy = orphans[one], copies[two]
    m1, d1, d2 = particles.m1[orphan], particles.d1[copy], particles.d2[copy]
    other = (particles.pid[orphan] != particles.pid[copy]) & (d1 > 0)
    mother = np.full(len(orphans), -1, np.int64)
    for found in (other & (d1 < d2) & (m1 >= d1) & (m1 <= d2), other & (d1 == d2) & (m1 == d1)):
        mother[one[found]] = _last_copies(particles, copy[found], splitting, full, once=False)
    return mother


def _last_copies(particles: _Particles, rows: Ints, splitting: Ints, full: Bools, *, once: bool) -> Ints:
    """For each copy of a resonance the one that decays: of the same id and mass.

    Of several, one whose products were found, and the nearest of these; else the last in the list.

    Args:
        particles: all.
        rows: copies of resonances.
        splitting: copies with two daughters, which decay or radiate, ascending.
        full: whether the products of these were found.
        once: whether two rows are two resonances.
    """
    one, two = event_pairs(particles.event[rows], particles.event[splitting])
    mass = particles.mass[rows[one]]
    same = particles.pid[rows[one]] == particles.pid[splitting[two]]
    same &= np.abs(mass - particles.mass[splitting[two]]) <= SAME_MASS * mass
    one, two = one[same], two[same]
    a, b = rows[one], splitting[two]
    away = delta_r(particles.eta[a], particles.phi[a], particles.eta[b], particles.phi[b])
    order = np.lexsort((np.where(full[two], away, -b), ~full[two]))
    last = np.full(len(rows), -1, np.int64)
    picked = first_come(order, one, two, np.zeros(len(splitting), np.bool_)) if once else order[::-1]
    last[one[picked]] = b[picked]  # the best is written last
    return last


def _children(parent: Ints, n: int) -> Ints:
    """The two products of each resonance, -1 where there are not just two."""
    rows = np.flatnonzero(parent >= 0)
    rows = rows[np.argsort(parent[rows], kind="stable")]
    counts = np.bincount(parent[rows], minlength=n)
    first = np.cumsum(counts) - counts
    children = np.full((n, 2), -1, np.int64)
    two = counts == 2
    for k in range(2):
        children[two, k] = rows[first[two] + k]
    return children


def _with_products(particles: _Particles, row: Ints, last: Ints, parent: Ints, children: Ints, known: Bools) -> Decays:
    """Goes down from products that are resonances to what those decayed to: twice for H -> t t, once else."""
    number = np.full(len(particles.pid) + 1, -1, np.int64)
    number[row] = np.arange(len(row))
    products = np.full((len(row), MAX_PRODUCTS), -1, np.int64)
    products[:, :2] = np.where(known[:, None], children, -1)
    inner = number[children]  # of a missing child -1 too
    for k in range(2):
        mine = np.flatnonzero(known & (inner[:, k] >= 0))
        products[mine, k] = children[inner[mine, k], 0]
        products[mine, 2 + k] = children[inner[mine, k], 1]
    known = known & np.where(inner >= 0, known[inner], True).all(axis=1)
    products[~known] = -1
    # A particle that is a resonance again is not followed further: such a decay is not known.
    deeper: Bools = np.any(number[products] >= 0, axis=1)
    known, products = known & ~deeper, np.where(deeper[:, None], -1, products)
    code = np.append(np.abs(particles.pid), 0)
    return Decays(
        row, particles.event[row], last, parent, children, known, products, code[products].max(axis=1, initial=0)
    )
