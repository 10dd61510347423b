"""Whole files: same seed, same bytes; and what stands in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from detector import Detector
from detector.common.errors import DataError
from detector.geometry.grid import Grid
from detector.simulation.fast import branches
from detector.simulation.fast.crossing import Simulation, momenta
from detector.simulation.fast.density import densities
from detector.simulation.fast.root_writer import create, read_provenance
from detector.simulation.fast.run import simulate
from detector.simulation.job import SimulationJob
from detector.simulation.pileup import Pool
from detector.simulation.pythia import Collision

N = 6


@pytest.fixture(scope="module")
def job(pool_file: Path) -> SimulationJob:
    return SimulationJob("WW", N, seed=7, index=0, masses=(1500.0, 2000.0), pool=pool_file)


@pytest.fixture(scope="module")
def made(job: SimulationJob, cms: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "ww.root"
    simulate(job, cms, path)
    return path


def test_the_same_job_gives_the_same_bytes(job: SimulationJob, cms: Detector, made: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "under_another_name.root"
    told: list[int] = []
    simulate(job, cms, again, told.append)
    assert again.read_bytes() == made.read_bytes()
    assert sum(told) == N
    assert [path.name for path in again.parent.iterdir()] == [again.name]


def test_another_index_gives_other_events(job: SimulationJob, cms: Detector, made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.root"
    simulate(replace(job, index=1), cms, other)
    with uproot.open(made) as one, uproot.open(other) as two:
        assert not ak.array_equal(one["Delphes"]["EFlowTrack.PT"].array(), two["Delphes"]["EFlowTrack.PT"].array())
    assert read_provenance(other)["pythia_settings"][4] == "5100039:m0 = 2000"


def test_the_process_is_kept_where_the_sample_is_called_otherwise(
    job: SimulationJob, cms: Detector, made: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.root"
    simulate(replace(job, sample="WW_1", process="WW"), cms, other)
    one, two = read_provenance(made), read_provenance(other)
    assert {name for name in one if one[name] != two[name]} == {"sample", "pythia_seed"}
    assert two["process"] == one["process"] == "WW"


def test_a_failed_job_leaves_nothing(
    job: SimulationJob, cms: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("detector.simulation.fast.branches.write", fails)
    with pytest.raises(RuntimeError, match="power cut"):
        simulate(job, cms, tmp_path / "x.root")
    assert not list(tmp_path.iterdir())


def test_branches(made: Path) -> None:
    with uproot.open(made) as file:
        tree = file["Delphes"]
        assert tree.num_entries == N
        names = set(tree.keys())
        wanted = {"EFlowTrack_size", "EFlowTrack.PT", "EFlowTrack.IsPU", "EFlowPhoton.ET", "EFlowNeutralHadron.E"}
        wanted |= {"Particle.D2", "Event.Weight", "GenJet.Mass", "GenJetAK8.PT", "JetPUPPIAK8.SoftDroppedMass"}
        assert wanted <= names
        arrays = tree.arrays(["EFlowPhoton.ET", "EFlowPhoton.Edges", "JetPUPPIAK8.PT", "JetPUPPIAK8.Tau"])
        assert ak.all(4 * ak.num(arrays["EFlowPhoton.ET"]) == ak.num(arrays["EFlowPhoton.Edges"]))
        assert ak.all(5 * ak.num(arrays["JetPUPPIAK8.PT"]) == ak.num(arrays["JetPUPPIAK8.Tau"]))
        assert ak.all(tree["Event.Number"].array()[:, 0] == np.arange(N))
        assert ak.all(tree["Event.TruePileUp"].array()[:, 0] == 50)
        assert ak.all(ak.num(tree["MissingET.MET"].array()) == 1)
        assert ak.all(ak.num(tree["Rho.Rho"].array()) == 5)
        assert tree["Rho.Edges"].array()[0].tolist() == [-5, -4, -4, -1.5, -1.5, 1.5, 1.5, 4, 4, 5]
        tracks = tree["EFlowTrack_size"].array(library="np")
    assert tracks.min() > 300


def test_the_hard_process_can_be_boxed(made: Path) -> None:
    with uproot.open(made) as file:
        particle = file["Delphes"].arrays(["Particle.PID", "Particle.Status", "Particle.PT", "Particle.Eta"])
    hard = (abs(particle["Particle.PID"]) == 24) & (particle["Particle.Status"] == 22)
    assert ak.all(ak.sum(hard, axis=1) == 2)
    assert ak.mean(particle["Particle.PT"][hard]) > 300


def test_missing_momentum_and_density_are_those_of_the_branches(made: Path, cms: Detector) -> None:
    """But for the photons' last smearing, which only PUPPI, MissingET and Rho see, as in Delphes."""
    with uproot.open(made) as file:
        for event in file["Delphes"].iterate(step_size=1, library="np"):
            flow = [_momenta(event, name) for name in ("EFlowTrack", "EFlowPhoton", "EFlowNeutralHadron")]
            missing = -np.concatenate(flow).sum(axis=0)
            met, phi = event["MissingET.MET"][0][0], event["MissingET.Phi"][0][0]
            assert missing[:2] == pytest.approx([met * np.cos(phi), met * np.sin(phi)], abs=6.0)
            far = np.abs(event["EFlowTrack.Z"][0] - event["Vertex.Z"][0][0]) > 1000 * cms.tracker.vertex_resolution
            pileup = (event["EFlowTrack.IsPU"][0] == 1) & far
            rho = densities(np.concatenate([flow[0][~pileup], *flow[1:]]), cms.density)
            assert event["Rho.Rho"][0] == pytest.approx(rho, rel=0.03)


def _momenta(event: dict[str, Any], name: str) -> np.ndarray:
    pt = "PT" if name == "EFlowTrack" else "ET"
    columns = [event[f"{name}.{leaf}"][0].astype(float) for leaf in (pt, "Eta", "Phi")]
    mass = event[f"{name}.Mass"][0].astype(float) if pt == "PT" else np.zeros(len(columns[0]))
    return momenta(*columns, mass, rapidity=False)


def test_the_event_has_pythia_s_weight(
    cms: Detector, pool: Pool, records: list[Collision], tmp_path: Path, rng: np.random.Generator
) -> None:
    simulation = Simulation(cms, pool, rng)
    events = [
        simulation.event(record._replace(weight=weight)) for record, weight in zip(records, (1, 2.5), strict=False)
    ]
    with create(tmp_path / "x.root", {}, branches.groups(cms), branches.flat(cms)) as file:
        branches.write(file, events, 0, cms)
    with uproot.open(tmp_path / "x.root") as made:
        assert made["Delphes"]["Event.Weight"].array().tolist() == [[1], [2.5]]


def test_edges_are_pixels(made: Path, cms: Detector) -> None:
    grid = Grid.of(cms)
    with uproot.open(made) as file:
        edges = ak.to_numpy(ak.flatten(file["Delphes"]["EFlowPhoton.Edges"].array())).reshape(-1, 4)
        eta, phi = (ak.to_numpy(ak.flatten(file["Delphes"][f"EFlowPhoton.{x}"].array())) for x in ("Eta", "Phi"))
    inside = (edges[:, 0] > -2.96) & (edges[:, 1] < 2.96)
    centre = grid.pixel(edges[inside, :2].mean(axis=1), edges[inside, 2:].mean(axis=1))
    # The random point is stored as float32: one in 250,000 rounds into the neighbour.
    assert np.count_nonzero(centre != grid.pixel(eta[inside], phi[inside])) <= 1
    assert inside.mean() > 0.6


def test_provenance(made: Path, cms: Detector) -> None:
    about = read_provenance(made)
    assert about["backend"] == "embedded"
    assert about["detector_sha256"] == cms.digest
    assert "PUPPI" in about["jet_pileup_mitigation"]
    assert about["software"]["pythia8mc"]


def test_a_file_of_others_has_no_provenance(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "x.root") as file:
        file["a"] = "b"
    with pytest.raises(DataError, match=r"x.root.*provenance"):
        read_provenance(tmp_path / "x.root")
