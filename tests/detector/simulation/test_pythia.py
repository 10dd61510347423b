"""Whole events from Pythia."""

import resource
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from detector.common.errors import CallError
from detector.simulation import seeds
from detector.simulation.processes import settings
from detector.simulation.pythia import Collision, Generator, hepmc_status
from detector.simulation.pythia_commands import commands


def test_the_hard_process_is_labelled(records: list[Collision]) -> None:
    for record in records:
        tops = record.pid[(record.status == 22) & (np.abs(record.pid) == 6)]
        assert sorted(tops.tolist()) == [-6, 6]
        assert np.sum((record.status == 22) & (np.abs(record.pid) == 24)) == 2
        assert np.sum((record.status == 23) & (np.abs(record.pid) == 5)) >= 2


def test_beams_come_first(records: list[Collision]) -> None:
    for record in records:
        assert record.pid[:2].tolist() == [2212, 2212]
        assert record.status[:2].tolist() == [4, 4]
        assert record.status[2:].min() > 0


def test_energy_and_charge_are_conserved(records: list[Collision]) -> None:
    for record in records:
        total = record.momentum[record.stable].sum(axis=0)
        assert total == pytest.approx([0, 0, 0, 13000], abs=0.05)
        assert record.charge[record.stable].sum() == 2


def test_masses_belong_to_momenta(records: list[Collision]) -> None:
    for record in records:
        px, py, pz, e = record.momentum[record.stable].T
        squared = e**2 - px**2 - py**2 - pz**2
        assert np.abs(squared - record.mass[record.stable] ** 2).max() < 1e-3 * e.max()


def test_mothers_are_entries_of_the_record(records: list[Collision]) -> None:
    record = records[0]
    top = np.flatnonzero((record.status == 22) & (record.pid == 6))[0]
    assert record.pid[record.mothers[top, 0]] == 5100039


def test_vertices_are_in_mm(records: list[Collision]) -> None:
    away = np.concatenate([np.hypot(*record.vertex[record.stable, :2].T) for record in records])
    assert 0.02 < np.mean(away > 1.0) < 0.3  # decays of beauty, charm, K0S and Lambda


def test_weights_are_pythia_s_own() -> None:
    """Read one event at a time, as DelphesPythia8 does; some are not 1."""
    import pythia8mc

    lines = (*settings("tth", 1500.0), "PhaseSpace:pTHatMin = 300", "PartonLevel:all = off")
    ours = [record.weight for batch in Generator(lines, 7).batches(60, 20) for record in batch]
    pythia = pythia8mc.Pythia("", False)
    assert all(pythia.readString(line) for line in ("Print:quiet = on", *commands(lines, 7)))
    assert pythia.init()
    theirs = [pythia.infoPython().weight() for _ in range(60) if pythia.next()]
    assert ours == theirs
    assert max(ours) > 1


def test_least_pt_of_tth() -> None:
    """Pythia's cut holds for each of the three particles of the hard process."""
    generator = Generator((*settings("tth", 1500.0), "PhaseSpace:pTHatMin = 400"), 7)
    for record in next(generator.batches(10, 10)):
        three = np.isin(np.abs(record.pid), (6, 25)) & (record.status == 22)
        assert np.count_nonzero(three) == 3
        assert np.hypot(*record.momentum[three, :2].T).min() > 400


def test_the_seed_makes_the_event() -> None:
    def first(seed: int) -> Collision:
        return next(Generator(settings("tt", 1500.0), seed).batches(1, 1))[0]

    again, other = first(seeds.generator(1, "tt", 0)), first(seeds.generator(1, "tt", 1))
    assert np.array_equal(first(seeds.generator(1, "tt", 0)).momentum, again.momentum)
    assert not np.array_equal(other.momentum[:50], again.momentum[:50])


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(CallError, match="No:suchThing"):
        Generator(["No:suchThing = on"], 1)


def test_settings_are_not_blamed_for_files_that_cannot_be_opened() -> None:
    """Pythia says the same of a wrong setting and of its own files, where a process may open no more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        with suppress(OSError):
            while True:  # numbers below the highest may be free
                opened.enter_context(Path("/dev/null").open("rb"))
        with pytest.raises(OSError, match="Too many open files"):
            Generator(settings("tt", 1500.0), 1)


def test_status_codes_by_hand() -> None:
    #               beam   top  b quark  pi0->  gamma  mu->   nu  reset to itself
    pid = np.array([2212, 6, 5, 111, 22, 13, 14, 511], dtype=np.int32)
    status = np.array([-12, -22, -23, -83, 91, -1, 91, -84], dtype=np.int32)
    daughter = np.array([1, 2, 3, 4, -1, 6, -1, 7], dtype=np.int32)
    # A muon with a code that HepMC does not know still counts as decayed.
    assert hepmc_status(pid, status, daughter).tolist() == [4, 22, 23, 2, 1, 2, 1, 84]
