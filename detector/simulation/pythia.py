"""Collisions from Pythia 8, read as whole events in plain arrays."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.common.errors import CallError, DataError
from detector.simulation.pythia_commands import commands

BEAM_STATUS = -12
# Codes that HepMC's numbering keeps as they are, without the sign (Particle::statusHepMC).
KEPT_STATUS = (11, 200)
HADRON_DECAY = (91, 94)  # statuses of particles from the decay of a hadron, muon or tau
NEUTRINOS = (12, 14, 16)


class Collision(NamedTuple):
    """The full event record of one collision, each array (n); entry 0 is the first incoming beam.

    Attributes:
        pid: int32, PDG code.
        status: int32, as Delphes writes it: 1 stable, 2 decayed hadron, 4 beam, 21 to 29 hard process.
        mothers, daughters: int32 (n, 2), first and last, as indices of entries, -1 for none.
        charge: int8, units of the positron's.
        momentum: float64 (n, 4), px, py, pz, E, GeV.
        mass: float64, GeV.
        vertex: float64 (n, 3), production vertex, mm.
        weight: of the event; Pythia gives another than 1 where it finds the cross section above the maximum that it
            expected.
    """

    pid: NDArray[np.int32]
    status: NDArray[np.int32]
    mothers: NDArray[np.int32]
    daughters: NDArray[np.int32]
    charge: NDArray[np.int8]
    momentum: NDArray[np.float64]
    mass: NDArray[np.float64]
    vertex: NDArray[np.float64]
    weight: float = 1.0

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Which particles leave the collision, (n)."""
        return np.equal(self.status, 1)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which of them are no neutrinos, (n)."""
        code, electron, muon, tau = np.abs(self.pid), *NEUTRINOS
        return np.asarray(self.stable & (code != electron) & (code != muon) & (code != tau))


# Files that Pythia has open at once while it starts, with room.
OPEN_FILES = 8


class Generator:
    """A Pythia that is ready to make collisions.

    Args:
        settings: lines of a Pythia command file.
        seed: 1 to 900,000,000.

    Raises:
        CallError: Pythia refuses a setting or all of them together; the message names the line.
        OSError: it could not open its own files.
    """

    def __init__(self, settings: Sequence[str], seed: int) -> None:
        import pythia8mc

        self._pythia = pythia8mc.Pythia("", False)
        for line in ("Print:quiet = on", *commands(settings, seed)):
            if not self._pythia.readString(line):
                raise _refusal(f"Pythia refuses the setting {line!r}")
        if not self._pythia.init():
            raise _refusal(f"Pythia cannot start with the settings {list(settings)}")
        # The codes met so far, ascending, and their charges; code 0 is none.
        self._codes, self._charges = np.zeros(1, np.int32), np.zeros(1, np.int8)

    def batches(self, n: int, size: int) -> Iterator[list[Collision]]:
        """Makes n collisions, `size` at a time, the last batch what is left.

        Raises:
            DataError: Pythia makes no more events.
        """
        made = 0
        while made < n:
            wanted = min(size, n - made)
            records = self._records(self._pythia.nextBatch(wanted))
            if len(records) != wanted:
                raise DataError(f"Pythia stopped after {made + len(records)} of {n} events")
            yield records
            made += wanted

    def _records(self, events: Any) -> list[Collision]:
        import awkward as ak

        particles, weights = events.prt, ak.to_numpy(events.info.weights[:, 0]).tolist()
        starts = np.concatenate([[0], np.cumsum(ak.to_numpy(ak.num(particles.id)))])
        flat = {name: _flat(particles[name]) for name in ("id", "status", "m", *_LINK_COLUMNS)}
        momentum = np.stack([_flat(particles.p[name]) for name in ("px", "py", "pz", "e")], axis=1)
        vertex = np.stack([_flat(ak.fill_none(particles.vProd[name], 0.0)) for name in ("px", "py", "pz")], axis=1)
        charge, status = self._charge(flat["id"]), _hepmc_statuses(flat, starts)
        mothers, daughters = (np.stack([flat[f"{name}1"], flat[f"{name}2"]], axis=1) - 1 for name in _LINKS)
        # Entry 0 is Pythia's own "system": Delphes leaves it out and counts from the first beam.
        parts = [slice(a + 1, b) for a, b in pairwise(starts.tolist())]
        return [
            Collision(
                pid=flat["id"][part],
                status=status[part],
                mothers=mothers[part],
                daughters=daughters[part],
                charge=charge[part],
                momentum=momentum[part],
                mass=flat["m"][part],
                vertex=vertex[part],
                weight=weight,
            )
            for part, weight in zip(parts, weights, strict=True)
        ]

    def _charge(self, pid: NDArray[np.int32]) -> NDArray[np.int8]:
        place = np.minimum(np.searchsorted(self._codes, pid), len(self._codes) - 1)
        if np.any(new := self._codes[place] != pid):
            self._codes = np.union1d(self._codes, pid[new])
            # Delphes' charges are whole: those of quarks are cut to 0.
            charges = [int(self._pythia.particleData.charge(code)) for code in self._codes.tolist()]
            self._charges, place = np.array(charges, np.int8), np.searchsorted(self._codes, pid)
        return self._charges[place]


_LINKS = ("mother", "daughter")
_LINK_COLUMNS = tuple(f"{name}{k}" for name in _LINKS for k in (1, 2))


def _flat(column: Any) -> NDArray[Any]:
    import awkward as ak

    return np.asarray(ak.to_numpy(ak.flatten(column)))


def _hepmc_statuses(flat: dict[str, NDArray[Any]], starts: NDArray[np.int64]) -> NDArray[np.int32]:
    """`hepmc_status` of several events at once, whose entries count from their own "system"."""
    daughter = flat["daughter1"]
    first = np.repeat(starts[:-1], np.diff(starts))
    return hepmc_status(flat["id"], flat["status"], np.where(daughter > 0, daughter + first, -1))


def hepmc_status(
    pid: NDArray[np.int32], status: NDArray[np.int32], daughter: NDArray[np.integer[Any]]
) -> NDArray[np.int32]:
    """Pythia's status codes in HepMC's numbering, which Delphes writes.

    Args:
        pid: int32 (n), PDG codes.
        status: int32 (n), Pythia's codes, negative for what decayed or branched.
        daughter: integers (n), index of the first daughter, -1 for none.

    Returns:
        int32 (n): 1 for stable particles, 4 for beams, 2 for hadrons, muons and taus that decay,
        else the code without its sign (Pythia 8 manual, "Particle Properties", statusHepMC).
    """
    heir = np.maximum(daughter, 0)
    decays = (np.abs(status[heir]) >= HADRON_DECAY[0]) & (np.abs(status[heir]) <= HADRON_DECAY[1])
    code = np.abs(pid)
    lived = (code > 100) & (code < 1_000_000) | (code == 13) | (code == 15)
    kept = (-status >= KEPT_STATUS[0]) & (-status <= KEPT_STATUS[1])
    choices = [status > 0, status == BEAM_STATUS, lived & (daughter >= 0) & (pid[heir] != pid) & decays, kept]
    return np.select(choices, [1, 4, 2, -status], 0).astype(np.int32)


def _refusal(text: str) -> CallError:
    """The error for settings that Pythia refuses: it says the same where it cannot open its own files.

    Raises:
        OSError: the machine has no room for more open files.
    """
    with ExitStack() as opened:
        for _ in range(OPEN_FILES):
            opened.enter_context(Path(os.devnull).open("rb"))
    return CallError(text)
