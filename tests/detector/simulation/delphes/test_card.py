"""The rendered card is read back by a small Tcl reader, and by tclsh where there is one."""

import math
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from detector.common.errors import CallError
from detector.geometry.description import DEFAULT, Detector, load
from detector.simulation.delphes.card import render, render_converter
from detector.simulation.delphes.tcl import word
from detector.simulation.fast.branches import groups
from tests.helpers.cards import Card

SCRATCH = {"pi", "n", "i", "k", "eta", "PhiBins"}

# What Delphes' modules write (parameter -> default), and which parameters else they read (Delphes 3.5, modules/).
STABLE = {"OutputArray": "stableParticles"}
SPECIES = {"ChargedHadronOutputArray": "chargedHadrons", "ElectronOutputArray": "electrons", "MuonOutputArray": "muons"}
OUTPUTS = {
    "StatusPidFilter": {"OutputArray": "filteredParticles"},
    "PdgCodeFilter": {"OutputArray": "filteredParticles"},
    "RecoPuFilter": {"OutputArray": "filteredParticles"},
    "PileUpMerger": {"ParticleOutputArray": "stableParticles", "VertexOutputArray": "vertices"},
    "ParticlePropagator": STABLE | SPECIES | {"NeutralOutputArray": "neutralParticles"},
    "DenseTrackFilter": SPECIES | {"TrackOutputArray": "tracks"},
    "Merger": {"OutputArray": "candidates", "MomentumOutputArray": "momentum", "EnergyOutputArray": "energy"},
    "Efficiency": STABLE,
    "MomentumSmearing": STABLE,
    "EnergySmearing": STABLE,
    "SimpleCalorimeter": {
        "TowerOutputArray": "towers",
        "EFlowTrackOutputArray": "eflowTracks",
        "EFlowTowerOutputArray": "eflowTowers",
    },
    "TrackPileUpSubtractor": {},
    "RunPUPPI": {
        "OutputArray": "puppiParticles",
        "OutputArrayTracks": "puppiTracks",
        "OutputArrayNeutrals": "puppiNeutrals",
    },
    "FastJetFinder": {"OutputArray": "jets", "RhoOutputArray": "rho"},
    "FastJetGridMedianEstimator": {"RhoOutputArray": "rho"},
    "TreeWriter": {},
}
PARAMETERS = {
    "StatusPidFilter": "InputArray PTMin",
    "PdgCodeFilter": "InputArray PTMin Invert PdgCode",
    "RecoPuFilter": "InputArray",
    "PileUpMerger": "InputArray PileUpFile PileUpDistribution MeanPileUp ZVertexSpread TVertexSpread "
    "VertexDistributionFormula",
    "ParticlePropagator": "InputArray Radius HalfLength Bz RadiusMax HalfLengthMax",
    "DenseTrackFilter": "TrackInputArray EtaPhiRes EtaPhiBins",
    "Merger": "InputArray",
    "Efficiency": "InputArray EfficiencyFormula UseMomentumVector",
    "MomentumSmearing": "InputArray ResolutionFormula UseMomentumVector",
    "EnergySmearing": "InputArray ResolutionFormula",
    "SimpleCalorimeter": "ParticleInputArray TrackInputArray IsEcal EnergyMin EnergySignificanceMin SmearTowerCenter "
    "EtaPhiBins EnergyFraction ResolutionFormula",
    "TrackPileUpSubtractor": "InputArray VertexInputArray ZVertexResolution PTMin",
    "RunPUPPI": "TrackInputArray NeutralInputArray PVInputArray MinPuppiWeight UseExp UseNoLep EtaMinBin EtaMaxBin "
    "PtMinBin ConeSizeBin RMSPtMinBin RMSScaleFactorBin NeutralMinEBin NeutralPtSlope ApplyCHS UseCharged "
    "ApplyLowPUCorr MetricId CombId",
    "FastJetFinder": "InputArray JetAlgorithm ParameterR JetPTMin ComputeNsubjettiness Beta AxisMode ComputeSoftDrop "
    "BetaSoftDrop SymmetryCutSoftDrop R0SoftDrop R0SoftDrop=",
    "FastJetGridMedianEstimator": "InputArray GridRange",
    "TreeWriter": "Branch",
}


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load()


@pytest.fixture(scope="module")
def card(detector: Detector) -> Card:
    return Card(render(detector, tower=True))


def inputs(kind: str, parameters: dict) -> list[str]:
    if kind == "TreeWriter":
        return parameters["Branch"][::3]
    if kind == "TrackPileUpSubtractor":
        return [*parameters["InputArray"][::2], parameters["VertexInputArray"]]
    found = []
    for name, value in parameters.items():
        if name.endswith("InputArray"):
            found += value if isinstance(value, list) else [value]
    return found


def outputs(name: str, kind: str, parameters: dict) -> list[str]:
    arrays = [parameters.get(parameter, default) for parameter, default in OUTPUTS[kind].items()]
    if kind == "TrackPileUpSubtractor":
        arrays = parameters["InputArray"][1::2]
    return [f"{name}/{array}" for array in arrays]


@pytest.mark.parametrize("tower", [False, True])
def test_execution_path_names_each_module_once_and_no_other(detector, tower):
    card = Card(render(detector, tower=tower))
    assert card.outside["ExecutionPath"].split() == list(card.modules)


@pytest.mark.parametrize("text", [render(load()), render(load(), tower=True), render_converter()])
def test_every_array_is_made_before_it_is_used(text):
    made = {"Delphes/allParticles", "Delphes/stableParticles", "Delphes/partons"}
    for name, (kind, parameters) in Card(text).modules.items():
        read = inputs(kind, parameters)
        assert read, f"{name} reads nothing"
        assert set(read) <= made, f"{name} reads {set(read) - made}, which is not made by then"
        made |= set(outputs(name, kind, parameters))


def test_every_parameter_is_one_that_its_module_reads(card):
    for name, (kind, parameters) in card.modules.items():
        known = {*PARAMETERS[kind].split(), *OUTPUTS[kind]}
        assert set(parameters) - SCRATCH <= known, name
        needed = {parameter for parameter in PARAMETERS[kind].split() if parameter.endswith("InputArray")}
        assert needed <= set(parameters), name


def test_particle_comes_from_the_filter_that_keeps_the_hard_process(card):
    assert card["TreeWriter"]["Branch"][:3] == ["GenParticleFilter/filteredParticles", "Particle", "GenParticle"]
    kind, parameters = card.modules["GenParticleFilter"]
    assert (kind, parameters["InputArray"]) == ("StatusPidFilter", "Delphes/allParticles")


@pytest.mark.parametrize(("file", "tower"), [("tt.root", False), ("tower_tt.root", True)])
def test_branches_are_those_of_real_files(detector, file, tower):
    path = Path(__file__).parents[3] / "data" / file
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    uproot = pytest.importorskip("uproot")
    real = {name for name in uproot.open(path)["Delphes"].keys(recursive=False) if not name.endswith("_size")}
    branches = Card(render(detector, tower=tower))["TreeWriter"]["Branch"][1::3]
    # Event and Weight are made by DelphesPythia8 itself; these files were made without MissingET.
    assert sorted(branches) == sorted(real - {"Event", "Weight"} | {"MissingET", "Rho"})


def test_density_and_missing_momentum(card, detector):
    """Rho leaves out the tracks of pile-up, MissingET nothing: as in the CMS card with pile-up."""
    edges = detector.density.edges
    ranges = [float(text) for text in card["Rho"]["GridRange"]]
    tile = detector.density.tile
    assert ranges == [number for low, high in pairwise(edges) for number in (low, high, tile, tile)]
    assert (edges[0], edges[-1]) == (-5, 5)
    neutrals = "NeutralEFlowMerger/eflowTowers"
    assert card["UnmarkedMerger"]["InputArray"] == ["TrackPileUpSubtractor/eflowTracks", neutrals]
    assert card["MissingET"]["InputArray"] == ["HCal/eflowTracks", neutrals]


def test_the_embedded_simulation_writes_the_same_branches(detector):
    written = set(groups(detector)) - {"Event"}
    assert set(Card(render(detector))["TreeWriter"]["Branch"][1::3]) == written


@pytest.mark.parametrize(("module", "name"), [("ECal", "ecal"), ("HCal", "hcal")])
def test_energy_fractions_and_thresholds(card, detector, module, name):
    described, found = getattr(detector.response, name), card[module]["EnergyFraction"]
    expected = {pdg: part.fraction for part in described.fractions for pdg in part.pdg}
    pairs = {int(pdg): float(fraction) for pdg, fraction in zip(found[::2], found[1::2], strict=True)}
    assert pairs == {0: described.default_fraction, **expected}
    assert float(card[module]["EnergyMin"]) == described.energy_min
    assert float(card[module]["EnergySignificanceMin"]) == described.significance_min


def test_pileup(card, detector):
    pileup = card["PileUpMerger"]
    assert (float(pileup["MeanPileUp"]), float(pileup["ZVertexSpread"])) == (50, 0.25)
    assert float(pileup["TVertexSpread"]) == pytest.approx(800e-12)
    formula = pileup["VertexDistributionFormula"].replace("^", "**")
    for z, t in ((0.0, 0.0), (0.053, 0.0), (0.02, 160e-12)):
        expected = math.exp(-0.5 * ((z / 0.053) ** 2 + (t / 160e-12) ** 2))
        assert eval(formula, {"exp": math.exp}, {"z": z, "t": t}) == pytest.approx(expected)


def test_jets_and_puppi(card, detector):
    for jets in (*detector.jets.generator, detector.jets.baseline):
        finder = card[f"{jets.name}Finder"]
        assert (float(finder["ParameterR"]), float(finder["JetPTMin"])) == (jets.radius, jets.pt_min)
    groomed = card["JetPUPPIAK8Finder"]
    assert groomed["R0SoftDrop"] == groomed["R0SoftDrop="] == "0.8"  # Delphes 3.5 reads the second
    puppi = card["PuppiBase"]
    assert {len(value) for name, value in puppi.items() if isinstance(value, list)} == {3}
    assert [float(edge) for edge in puppi["EtaMaxBin"]] == [part.abs_eta_max for part in detector.puppi.bins]
    assert puppi["UseCharged"] == ["true", "true", "false"]


CHANGES = [
    (("tracker", "field_tesla"), 2.5, ["set Bz 2.5", "set Bz 2.5"]),
    (("pileup", "mean"), 140, ["set MeanPileUp 140"]),
    (("pileup", "sigma_z"), 0.05, ["set VertexDistributionFormula {exp(-(t^2/160e-12^2/2))*exp(-(z^2/0.05^2/2))}"]),
    (("response", "ecal", "energy_min"), 0.7, ["set EnergyMin 0.7"]),
    (("response", "ecal", "extra_smearing"), 0.02, ["set ResolutionFormula {energy*0.02}"]),
    (("jets", "baseline", "soft_drop", "r0"), 0.9, ["set R0SoftDrop 0.9", "set R0SoftDrop= 0.9"]),
    (
        ("density", "edges"),
        [-4.5, -4.0, -1.5, 1.5, 4.0, 5.0],
        ["add GridRange -4.5 -4 1 1"],
    ),
    (("record", "pt_min"), 3, ["set PTMin 3"]),
    (("tracker", "vertex_resolution"), 0.002, ["set ZVertexResolution {0.002}"]),
]


def changed(folder: Path, keys: tuple[str, ...], value: object) -> Detector:
    content = yaml.safe_load(DEFAULT.read_text())
    part = content
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    for table in DEFAULT.parent.glob("*.csv"):
        shutil.copy(table, folder)
    (folder / "other.yaml").write_text(yaml.safe_dump(content))
    return load(folder / "other.yaml")


@pytest.mark.parametrize(("keys", "value", "expected"), CHANGES)
def test_a_change_of_the_description_shows_in_the_card_and_nothing_else_does(tmp_path, detector, keys, value, expected):
    before, after = (render(one).splitlines()[1:] for one in (detector, changed(tmp_path, keys, value)))
    assert [new.strip() for old, new in zip(before, after, strict=True) if old != new] == expected


def test_what_delphes_cannot_do_is_refused(tmp_path):
    with pytest.raises(CallError, match="Delphes always caps at 1"):
        render(changed(tmp_path, ("tracker", "momentum_resolution"), {
            "charged_hadron": "charged_hadron_momentum_resolution.csv",
            "muon": "muon_momentum_resolution.csv",
            "cap": 0.5,
        }))  # fmt: skip


@pytest.mark.parametrize("name", ["pool.pileup", "/data/my pool/{1}.pileup", 'a[b]$c;d#"e.pileup'])
def test_names_of_files_survive(detector, name):
    assert Card(render(detector, name))["PileUpMerger"]["PileUpFile"] == name


def test_a_line_break_in_a_name_is_refused():
    with pytest.raises(ValueError, match="not a name"):
        word("a\nb")


def test_seed(detector):
    assert Card(render(detector, seed=77)).outside["RandomSeed"] == "77"


TCLSH = r"""
interp alias {} add {} lappend
proc module {kind name body} {
  namespace eval ::$name $body
  puts "module\t$kind\t$name"
  foreach variable [lsort [info vars ::${name}::*]] {
    set parameter [namespace tail $variable]
    if {$parameter eq "EtaPhiBins"} {
      foreach {eta phi} [set $variable] {
        puts "cells\t$eta\t[llength $phi]\t[lindex $phi 0]\t[lindex $phi end]"
      }
    } elseif {$parameter ni {pi n i k eta PhiBins}} {
      puts "$parameter\t[string map {\n " "} [set $variable]]"
    }
  }
}
source [lindex $argv 0]
puts "path\t$ExecutionPath"
"""


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="tclsh is not installed")
@pytest.mark.parametrize("pileup", ["pool.pileup", "/data/my pool/{1}.pileup"])
def test_tclsh_reads_the_same(tmp_path, detector, pileup):
    text = render(detector, pileup, tower=True)
    (tmp_path / "card.tcl").write_text(text)
    (tmp_path / "stubs.tcl").write_text(TCLSH)
    command = ["tclsh", tmp_path / "stubs.tcl", tmp_path / "card.tcl"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    lines = [tuple(line.split("\t")) for line in ran.stdout.split("\npath\t")[0].splitlines()]
    expected = []
    for name, (kind, parameters) in Card(text).modules.items():
        expected.append(("module", kind, name))
        for parameter in sorted(set(parameters) - SCRATCH):
            expected += reading(parameter, parameters[parameter])
    assert lines == expected


def reading(parameter: str, value: str | list) -> list[tuple[str, ...]]:
    """A parameter as the stubs print it."""
    if parameter == "EtaPhiBins":
        return [
            ("cells", str(eta), str(len(phi)), str(phi[0]), str(phi[-1]))
            for eta, phi in zip(value[::2], value[1::2], strict=True)
        ]
    text = value if isinstance(value, str) else " ".join(value)
    return [(parameter, text.replace("\n", " "))]
