"""Truth mode `jets`: every label is a generator jet.

From the heaviest down: a t, H or V whose decay is as its class says, and whose decay quarks all lie near the axis of
one generator jet, makes that jet a label. Else its products are tried by the same rule, down to b and q, which take the
nearest generator jet that is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from detector.geometry.grid import Grid
from jetimg.imaging import jet_labels as outcomes
from jetimg.imaging.decays import (
    LARGEST_QUARK,
    OUTGOING,
    RESONANCES,
    Bools,
    Decays,
    Ints,
    event_pairs,
    find,
    first_come,
)
from jetimg.imaging.delphes_reader import Chunk
from jetimg.imaging.jet_labels import Found, Labels, TruthCounts, joined
from jetimg.imaging.settings import ImageSettings

TOP, HIGGS, W, B = 6, 25, 24, 5

# A decays to those that stand after it.
HEAVIEST_FIRST = ((TOP,), (HIGGS,), (23, W))


@dataclass(frozen=True)
class _GenJets:
    """A collection of generator jets; `taken`, which of them can make no more labels, changes."""

    event: Ints
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    pt: NDArray[np.float32]
    mass: NDArray[np.float32]
    taken: Bools

    @classmethod
    def of(cls, chunk: Chunk, branch: str) -> "_GenJets":
        eta, phi, pt, mass = (chunk[f"{branch}.{name}"].content for name in ("Eta", "Phi", "PT", "Mass"))
        event = _events(chunk[f"{branch}.PT"].offsets)
        return cls(event, eta, phi, pt, mass, np.zeros(len(event), np.bool_))


@dataclass(frozen=True)
class _Candidates:
    """Particles that may make labels of one class, and the jets of their events.

    Attributes:
        row: (n) rows of `Particle`; of a resonance, of the copy that decays.
        decay_pdg_id: (n).
        one, two: (pairs) positions of candidate and jet, of all pairs in the same event.
        near: bool (pairs), whether the jet is near enough.
    """

    row: Ints
    decay_pdg_id: Ints
    one: Ints
    two: Ints
    near: Bools


class _Labeller:
    """Labels a chunk of events.

    Attributes:
        tried: for each particle, whether it is a candidate: roots are, products once their mother makes no label.
        found: the labels so far.
    """

    def __init__(self, chunk: Chunk, grid: Grid, settings: ImageSettings, counts: TruthCounts) -> None:
        self.settings, self.counts, self.eta_max = settings, counts, grid.eta_max
        self.pid, self.code = chunk["Particle.PID"].content, np.abs(chunk["Particle.PID"].content)
        self.outgoing = np.abs(chunk["Particle.Status"].content) == OUTGOING
        self.event = _events(chunk["Particle.PID"].offsets)
        self.eta, self.phi, self.pt = (chunk[f"Particle.{name}"].content for name in ("Eta", "Phi", "PT"))
        self.decays: Decays = find(chunk)
        self.jets = _GenJets.of(chunk, settings.genjet)
        merged = settings.merged_genjet
        self.merged = _GenJets.of(chunk, merged) if f"{merged}.PT" in chunk and merged != settings.genjet else self.jets
        self.names = list(settings.classes)
        self.tried = self.decays.parent < 0
        self.found: list[Found] = []

    def label(self) -> Found:
        """All labels, the heaviest particles' first."""
        for codes in HEAVIEST_FIRST:
            self._resonances(codes)
        self._take_cores()
        for name in self.settings.priority:
            self._partons(name)
        return joined(self.found)

    def _class_of(self, code: int) -> str | None:
        """The class of a particle: the first in `priority` that lists its id."""
        classes = self.settings.classes
        return next((name for name in self.settings.priority if code in classes[name].pdg_ids), None)

    def _resonances(self, codes: tuple[int, ...]) -> None:
        """Labels the resonances of these ids; the products of those that make no label are tried next."""
        decays = self.decays
        code = self.code[decays.row]
        names = {name for one in codes if (name := self._class_of(one)) is not None}
        tried, labelled = self.tried[decays.row], np.zeros(len(code), np.bool_)
        for name in sorted(names, key=self.settings.priority.index):
            mine = np.isin(code, [one for one in codes if self._class_of(one) == name])
            self.counts.add(name, outcomes.INSIDE, (mine & ~tried).sum())
            chosen = self._right_decays(name, np.flatnonzero(mine & tried))
            labelled[chosen[self._take(name, self._contained(chosen), self.merged, outcomes.NOT_CONTAINED)]] = True
        closed = labelled & (self.settings.nested == "outermost")
        opened = np.isin(code, codes) & tried & ~closed
        self.tried |= np.append(opened, False)[decays.parent]

    def _right_decays(self, name: str, mine: Ints) -> Ints:
        """Those of some resonances that went to b q q' (t), to q q' (V), or to a pair of `higgs_decays` (H)."""
        known, code = self.decays.known[mine], np.append(self.code, LARGEST_QUARK)
        children, products = self.code[self.decays.children[mine]], code[self.decays.products[mine]]
        hadronic = (products <= LARGEST_QUARK).all(axis=1)
        kind = self.code[self.decays.row[mine]]
        top = hadronic & (np.sort(children, axis=1) == (B, W)).all(axis=1)
        higgs = np.isin(children, self.settings.higgs_decays).all(axis=1)
        right = known & np.select([kind == TOP, kind == HIGGS], [top, higgs], hadronic)
        self.counts.add(name, outcomes.NO_DECAY, (~known).sum())
        self.counts.add(name, outcomes.ANOTHER_DECAY, (known & ~right).sum())
        chosen: Ints = mine[right]
        return chosen

    def _contained(self, mine: Ints) -> _Candidates:
        """Which jets have all decay quarks of these resonances within `contained_within` of their axes."""
        decays, jets = self.decays, self.merged
        one, two = event_pairs(decays.event[mine], jets.event)
        products = decays.products[mine][one]
        away = delta_r(self.eta[products], self.phi[products], jets.eta[two, None], jets.phi[two, None])
        farthest = np.where(products >= 0, away, 0.0).max(axis=1, initial=0.0)
        near = farthest < self.settings.contained_within
        return _Candidates(decays.last[mine], decays.decay_pdg_id[mine], one, two, near)

    def _take_cores(self) -> None:
        """A jet in the core of a labelled, larger one is that jet once more, and makes no label of its own."""
        if self.merged is self.jets or self.settings.nested == "all":
            return
        labelled = np.flatnonzero(self.merged.taken)
        one, two = event_pairs(self.merged.event[labelled], self.jets.event)
        big = labelled[one]
        away = delta_r(self.merged.eta[big], self.merged.phi[big], self.jets.eta[two], self.jets.phi[two])
        self.jets.taken[two[away < self.settings.genjet_delta_r]] = True

    def _partons(self, name: str) -> None:
        """Labels the nearest jets of the partons of a class."""
        own = [code for code in self.settings.classes[name].pdg_ids if self._class_of(code) == name]
        own = [code for code in own if code not in RESONANCES]
        rows = np.flatnonzero(np.isin(self.code, own) & self.outgoing)
        self.counts.add(name, outcomes.INSIDE, (~self.tried[rows]).sum())
        rows = rows[self.tried[rows]]
        one, two = event_pairs(self.event[rows], self.jets.event)
        away = delta_r(self.eta[rows[one]], self.phi[rows[one]], self.jets.eta[two], self.jets.phi[two])
        candidates = _Candidates(rows, np.zeros(len(rows), np.int64), one, two, away < self.settings.genjet_delta_r)
        self._take(name, candidates, self.jets, outcomes.NO_JET)

    def _take(self, name: str, candidates: _Candidates, jets: _GenJets, too_far: str) -> Bools:
        """Gives jets to candidates, the nearest pair first, and counts why the others get none.

        Returns:
            Whether each candidate has a jet.
        """
        one, two = candidates.one, candidates.two
        # How many demands each pair meets, one after the other: near, hard enough, inside the image.
        near, hard = candidates.near, jets.pt[two] >= self.settings.classes[name].min_pt
        inside = np.abs(jets.eta[two]) < self.eta_max
        passed = np.where(near, np.where(hard, np.where(inside, 3, 2), 1), 0)
        reached = np.full(len(candidates.row), -1)
        np.maximum.at(reached, one, passed)
        row = candidates.row[one]
        away = delta_r(self.eta[row], self.phi[row], jets.eta[two], jets.phi[two])
        good = np.flatnonzero(passed == 3)
        picked = first_come(good[np.argsort(away[good], kind="stable")], one, two, jets.taken)
        labelled = np.zeros(len(candidates.row), np.bool_)
        labelled[one[picked]] = True
        self.found.append(self._found(name, candidates, jets, one[picked], two[picked]))
        why = (outcomes.NO_JET, too_far, outcomes.LOW_PT, outcomes.OUTSIDE, outcomes.TAKEN)
        for step, outcome in enumerate(why, start=-1):
            self.counts.add(name, outcome, ((reached == step) & ~labelled).sum())
        self.counts.add(name, outcomes.LABELLED, labelled.sum())
        return labelled

    def _found(self, name: str, candidates: _Candidates, jets: _GenJets, mine: Ints, jet: Ints) -> Found:
        row = candidates.row[mine]
        return Found(
            event=jets.event[jet],
            class_id=np.full(len(jet), self.names.index(name), np.int64),
            row=row,
            pdg_id=self.pid[row],
            pt=jets.pt[jet],
            eta=jets.eta[jet],
            phi=jets.phi[jet],
            mass=jets.mass[jet],
            decay_pdg_id=candidates.decay_pdg_id[mine],
            parton_pt=self.pt[row],
            contained=np.ones(len(jet), np.float32),
        )


def matched(chunk: Chunk, grid: Grid, settings: ImageSettings, counts: TruthCounts) -> Labels:
    """The generator jets of a chunk of events that t, H, V, b and q made.

    Args:
        chunk: branches of `Particle` (see `jetimg.imaging.decays.find`) and PT, Eta, Phi, Mass of the generator jets.
        grid: of the image.
        settings: classes, distances and minimum pt.
        counts: what became of each candidate is added to it.
    """
    n_events = len(chunk["Particle.PID"].offsets) - 1
    found = _Labeller(chunk, grid, settings, counts).label()
    return found.sorted_with_boxes(n_events, grid, settings.box_radius)


def _events(offsets: Ints) -> Ints:
    """The event of each entry."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
