"""The table of October 2019 is counted by truth mode genjet itself."""

import numpy as np
import pytest

from benchmarks.table_2019 import CHOICES, GENJET, Choice, Counted, chunk, count, main, row
from detector.simulation.fast.jet_finding import FoundJets
from detector.simulation.pythia import Collision
from jetimg.reports.summary import OCTOBER_2019


def collision(pid: list[int], status: list[int], momentum: list[list[float]]) -> Collision:
    n = len(pid)
    none, place = np.full((n, 2), -1, np.int32), np.zeros((n, 3))
    codes = np.array(pid, np.int32), np.array(status, np.int32)
    return Collision(*codes, none, none, np.zeros(n, np.int8), np.array(momentum, float), np.ones(n), place)


def test_a_chunk_holds_the_hard_process_and_the_jets() -> None:
    """A quark along x, one along -y, and a stable pion that is no part of the hard process."""
    one = collision([5, 211], [23, 1], [[30, 0, 40, 50], [1, 0, 0, 1]])
    two = collision([-5], [23], [[0, -20, 0, 20]])
    found = FoundJets(np.array([2, 1]), np.array([50.0, 20, 30]), np.zeros(3), np.zeros(3), np.ones(3), [])
    made = chunk([one, two], found)
    assert made["Particle.PID"].offsets.tolist() == [0, 1, 2]
    assert made["Particle.PID"].content.tolist() == [5, -5]
    assert made["Particle.PT"].content.tolist() == [30, 20]
    np.testing.assert_allclose(made["Particle.Eta"].content, [np.arctanh(40 / 50), 0])
    np.testing.assert_allclose(made["Particle.Phi"].content, [0, -np.pi / 2])
    assert made["GenJet.PT"].offsets.tolist() == [0, 2, 3]


def test_pythias_jets_are_counted() -> None:
    counted = count(Choice("hh", 3500), 6, 1)
    assert counted.every.shape == counted.labels.shape == (6,)
    assert (counted.labels <= counted.every).all()
    # Two Higgs bosons of 1.7 TeV; each makes a jet above 312 GeV but for rare leptonic decays.
    assert 1.5 <= counted.every.mean() <= 3.5


def test_a_row_has_mean_and_error_beside_2019() -> None:
    counted = Counted(np.array([2, 4, 2, 4]), np.array([2, 2, 2, 2]))
    text = row(Choice("bb", 1500), counted)
    assert text == "| bb | 1.5 |  | 3.00 ± 0.50 | 2.00 ± 0.00 | 4.86 |"
    assert row(Choice("tth", 0), counted) == "| tth |  |  | 3.00 ± 0.50 | 2.00 ± 0.00 | 5.41 |"


def test_every_sample_of_2019_is_made_and_has_its_minimum_pt() -> None:
    assert {choice.sample for choice in CHOICES} == set(OCTOBER_2019)
    for jet_class in GENJET.classes.values():
        for sample in set(jet_class.genjet_samples) & set(OCTOBER_2019):
            assert OCTOBER_2019[sample].min_pt == pytest.approx(jet_class.genjet_min_pt, abs=0.051)


def test_a_row_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--samples", "bb", "--events", "2", "--mass", "800", "--pythia", "PartonLevel:MPI = off", "--min-pt", "9000"])
    (line,) = capsys.readouterr().out.splitlines()[2:]
    assert line.startswith("| bb | 0.8 | PartonLevel:MPI = off | 0.00 ± 0.00 | ")


def test_an_unknown_sample_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--samples", "bbb"])
    assert "bbb" in capsys.readouterr().err
