"""The samples' Pythia settings."""

import pytest

from detector.common.errors import CallError
from detector.simulation.processes import PROCESSES, process_of, settings, soft_settings


def test_the_graviton_decays_to_the_sample_alone() -> None:
    lines = settings("WW", 2000.0)
    assert "5100039:m0 = 2000" in lines
    assert lines.index("5100039:onMode = off") < lines.index("5100039:onIfMatch = 24 -24")


def test_tth_has_no_graviton() -> None:
    assert not any("5100039" in line for line in settings("tth", 1500.0))


def test_all_processes_of_the_design_are_there() -> None:
    assert set(PROCESSES) == {"bb", "tt", "hh", "WW", "qq", "ZZ", "gg", "tth"}


@pytest.mark.parametrize(("process", "mass"), [("xx", 1500.0), ("tt", 0.0), ("tt", float("nan"))])
def test_wrong_calls_are_refused(process: str, mass: float) -> None:
    with pytest.raises(CallError, match=r"unknown|positive"):
        settings(process, mass)


def test_long_lived_particles_of_the_pool_stay_whole() -> None:
    assert "ParticleDecays:tau0Max = 10" in soft_settings(0.010)


@pytest.mark.parametrize(
    ("sample", "process"),
    [("tt", "tt"), ("tt_1", "tt"), ("tth_boosted", "tth"), ("WW_3000_a", "WW"), ("ttbar", "ttbar"), ("x_tt", "x_tt")],
)
def test_a_sample_is_called_after_its_process(sample: str, process: str) -> None:
    assert process_of(sample) == process
