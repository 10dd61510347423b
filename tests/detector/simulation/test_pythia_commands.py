"""Pythia's lines: what the samples are documented to be, the same for both backends."""

import sys
from types import SimpleNamespace

import pytest

from detector.common.errors import CallError
from detector.simulation.processes import PROCESSES, settings, soft_settings
from detector.simulation.pythia import Generator
from detector.simulation.pythia_commands import command_file, commands

GRAVITON = (
    "ExtraDimensionsG*:gg2G* = on",
    "ExtraDimensionsG*:ffbar2G* = on",
    "ExtraDimensionsG*:kappaMG = 0.1",
    "5100039:m0 = 1750",
    "5100039:mWidth = 1",
    "5100039:doForceWidth = on",
    "5100039:onMode = off",
)
DOCUMENTED = {
    "bb": (*GRAVITON, "5100039:onIfAny = 5"),
    "tt": (*GRAVITON, "5100039:onIfAny = 6"),
    "hh": (*GRAVITON, "5100039:onIfAny = 25"),
    "WW": (*GRAVITON, "5100039:onIfMatch = 24 -24"),
    "qq": (*GRAVITON, "5100039:onIfAny = 1 2 3"),
    "ZZ": (*GRAVITON, "5100039:onIfAny = 23"),
    "gg": (*GRAVITON, "5100039:onIfAny = 21"),
    "tth": ("HiggsSM:gg2Httbar = on", "HiggsSM:qqbar2Httbar = on"),
}


@pytest.mark.parametrize("sample", PROCESSES)
def test_command_file_holds_the_documented_settings_and_no_other(sample):
    lines = command_file(settings(sample, 1750), 99, 120).splitlines()
    run = {"Random:setSeed = on", "Random:seed = 99", "Main:numberOfEvents = 120"}
    assert {line for line in lines if not line.startswith("!")} == {"Beams:eCM = 13000", *DOCUMENTED[sample], *run}


def test_order_of_the_graviton_channels():
    lines = commands(settings("tt", 1500), 1)
    assert lines.index("5100039:onMode = off") < lines.index("5100039:onIfAny = 6")


def test_the_seed_cannot_be_overridden_by_a_setting():
    assert commands(("Random:seed = 5",), 7)[-1] == "Random:seed = 7"


def test_soft_collisions():
    lines = commands(soft_settings(0.010), 3, 4000)
    assert {"SoftQCD:inelastic = on", "ParticleDecays:limitTau0 = on", "ParticleDecays:tau0Max = 10"} < set(lines)


def test_generator_reads_the_same_lines(monkeypatch):
    read: list[str] = []
    pythia = SimpleNamespace(readString=lambda line: read.append(line) or True, init=lambda: True)
    monkeypatch.setitem(sys.modules, "pythia8mc", SimpleNamespace(Pythia=lambda *_: pythia))
    Generator(settings("hh", 1500), 42)
    written = commands(settings("hh", 1500), 42, 10)
    assert [line for line in read if line != "Print:quiet = on"] == list(written[:-1])


@pytest.mark.parametrize("line", ["5100039:onIfAny : 6 6", "No:such = on"])
def test_pythia_accepts_every_documented_line_and_refuses_others(line):
    pythia8 = pytest.importorskip("pythia8mc")
    pythia = pythia8.Pythia("", False)
    accepted = {text: pythia.readString(text, False) for sample in PROCESSES for text in settings(sample, 1500)}
    assert all(accepted.values()), accepted
    with pytest.raises(CallError, match="refuses the setting"):
        Generator(("No:such = on",), 1)
