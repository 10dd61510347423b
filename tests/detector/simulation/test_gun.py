"""The particle gun: what is shot, how it decays, and files of it."""

import math
from pathlib import Path

import numpy as np
import pytest
import uproot
from pydantic import ValidationError
from scipy.stats import kstest

from detector import Detector
from detector.geometry.grid import Grid
from detector.simulation.fast.root_writer import read_provenance
from detector.simulation.fast.run import simulate
from detector.simulation.gun import SPECIES, Gun, Shots, two_photons
from detector.simulation.job import SimulationJob
from detector.simulation.pythia import Collision

PI0 = SPECIES["pi0"].mass


def shot(gun: Gun, n: int, seed: int = 1) -> list[Collision]:
    return [record for batch in Shots(gun, np.random.default_rng(seed)).batches(n, 64) for record in batch]


@pytest.mark.parametrize("energy", [0.2, 2.0, 50.0])
def test_a_pion_s_photons_carry_its_momentum(energy: float, rng: np.random.Generator) -> None:
    p = math.sqrt(energy**2 - PI0**2)
    for direction in rng.normal(size=(20, 3)):
        pion = np.append(p * direction / np.linalg.norm(direction), energy)
        photons = two_photons(pion, rng.uniform(-1, 1), rng.uniform(0, 2 * math.pi))
        assert photons.sum(axis=0) == pytest.approx(pion)
        assert np.linalg.norm(photons[:, :3], axis=1) == pytest.approx(photons[:, 3], abs=1e-9 * energy)


def test_photons_of_a_right_angle_have_the_smallest_opening() -> None:
    pion = np.array([10.0, 0.0, 0.0, math.hypot(10.0, PI0)])
    first, second = two_photons(pion, 0.0, 0.3)
    assert first[3] == pytest.approx(second[3])
    assert _opening(np.stack([first, second])) == pytest.approx(2 * math.asin(PI0 / pion[3]))


def _opening(photons: np.ndarray) -> float:
    """By the sine of half the angle, which is exact for small ones."""
    first, second = photons[:, :3] / photons[:, 3:]
    return float(2 * np.arcsin(min(1.0, np.linalg.norm(first - second) / 2)))


def test_opening_angles_are_those_of_an_isotropic_decay() -> None:
    """With c = cos theta* even in -1..1: sin(angle / 2) = m / (E sqrt(1 - beta^2 c^2)), from m^2 = 4 E1 E2 sin^2."""
    gamma = 5.0 / PI0
    beta = math.sqrt(1 - gamma**-2)

    def below(angle: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(1 - (gamma * np.sin(angle / 2)) ** -2, 0.0)) / beta

    found = [_opening(record.momentum[1:]) for record in shot(Gun(particles=("pi0",), energy=(5.0, 5.0)), 1500)]
    assert min(found) >= 2 * math.asin(PI0 / 5.0) * (1 - 1e-9)
    assert kstest(found, below).pvalue > 0.01


def test_energy_and_direction_are_even_in_their_ranges() -> None:
    gun = Gun(particles=("gamma", "K0L"), energy=(2.0, 10.0), eta=(-2.0, 1.0), phi=(3.0, 3.4))
    whole = np.array([record.momentum[0] for record in shot(gun, 1500)])
    px, py, pz, energy = whole.T
    phi = np.mod(np.arctan2(py, px), 2 * math.pi)  # across the seam at pi
    for found, (low, high) in ((energy, gun.energy), (np.arcsinh(pz / np.hypot(px, py)), gun.eta), (phi, gun.phi)):
        assert kstest(found, "uniform", (low, high - low)).pvalue > 0.01


def test_kinds_and_charges() -> None:
    records = shot(Gun(particles=tuple(SPECIES), energy=(3.0, 3.0)), 1400)
    pid = np.array([record.pid[0] for record in records])
    expected = {22: 1 / 5, 111: 1 / 5, 130: 1 / 5, 11: 1 / 10, -11: 1 / 10, 211: 1 / 10, -211: 1 / 10}
    for code, share in expected.items():
        assert np.mean(pid == code) == pytest.approx(share, abs=4 * math.sqrt(share / 1400))
    for record in records[:200]:
        charge = {11: -1, -11: 1, 211: 1, -211: -1}.get(int(record.pid[0]), 0)
        assert record.charge[0] == charge == record.charge[record.stable].sum()
        energy, mass = record.momentum[:, 3], record.mass
        assert energy[0] == 3.0
        assert energy**2 - (record.momentum[:, :3] ** 2).sum(axis=1) == pytest.approx(mass**2, abs=1e-9)
        assert record.status.tolist() == [23] + [1] * (2 if record.pid[0] == 111 else 1)


def test_an_event_is_the_same_however_many_are_made() -> None:
    gun = Gun(particles=("pi0", "e"))
    few, many = shot(gun, 3), shot(gun, 70)
    assert all(np.array_equal(one.momentum, other.momentum) for one, other in zip(few, many, strict=False))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"particles": ("K0L",), "energy": (0.4, 2.0)}, "above the mass of K0L"),
        ({"particles": ("e",), "energy": (9.0, 2.0)}, "not above the second"),
        ({"particles": ("e",), "eta": (-9.0, 2.0)}, "within"),
        ({"particles": ("e",), "phi": (0.0, math.nan)}, "finite"),
        ({"particles": ("mu",)}, "gamma"),
        ({"particles": ()}, "at least 1"),
    ],
)
def test_what_cannot_be_shot(wrong: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Gun.model_validate(wrong)


@pytest.fixture(scope="module")
def job() -> SimulationJob:
    gun = Gun(particles=("gamma", "pi0"), energy=(1.0, 60.0))
    return SimulationJob("photons", 60, seed=7, index=0, masses=(), pool=None, gun=gun)


@pytest.fixture(scope="module")
def made(job: SimulationJob, cms: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gun") / "photons.root"
    simulate(job, cms, path)
    return path


def test_the_same_job_gives_the_same_bytes(job: SimulationJob, cms: Detector, made: Path, tmp_path: Path) -> None:
    simulate(job, cms, tmp_path / "again.root")
    assert (tmp_path / "again.root").read_bytes() == made.read_bytes()
    assert job.gun is not None
    assert read_provenance(made)["gun"] == job.gun.model_dump(mode="json")
    assert read_provenance(made)["pool_sha256"] is None


def test_particle_is_the_truth_and_the_crystals_see_it(made: Path, cms: Detector) -> None:
    """The tower of a photon is its crystal, and soft particles are written too."""
    with uproot.open(made) as file:
        tree = file["Delphes"].arrays(library="np")
    assert min(e[0] for e in tree["Particle.PT"]) < cms.record.pt_min
    assert all(status[0] == 23 and daughters[0] == len(status) - 1
               for status, daughters in zip(tree["Particle.Status"], tree["Particle.D2"], strict=True))  # fmt: skip
    assert all(len(tracks) == 0 for tracks in tree["EFlowTrack.PT"])
    energy = np.array([e[0] for e in tree["Particle.E"]])
    seen = np.array([e.sum() for e in tree["EFlowPhoton.E"]])
    assert seen[energy > 10] == pytest.approx(energy[energy > 10], rel=0.4)
    grid = Grid.of(cms)
    for i in np.flatnonzero([pid[0] == 22 and len(towers) for pid, towers in
                             zip(tree["Particle.PID"], tree["EFlowPhoton.E"], strict=True)]):  # fmt: skip
        _, column = grid.to_continuous(tree["EFlowPhoton.Eta"][i][0], tree["EFlowPhoton.Phi"][i][0])
        _, wanted = grid.to_continuous(tree["Particle.Eta"][i][0], tree["Particle.Phi"][i][0])
        assert abs(column - wanted) < 1.001


def test_towers_have_what_the_calorimeters_measured(made: Path, cms: Detector, tmp_path: Path) -> None:
    """Of photons the same as energy flow; of pions what their tracks explain too."""
    with uproot.open(made) as file:
        tree = file["Delphes"].arrays(library="np")
    for eem, flow in zip(tree["Tower.Eem"], tree["EFlowPhoton.E"], strict=True):
        assert eem.tolist() == flow.tolist()
    assert all(len(edges) == 4 * len(eem) for edges, eem in zip(tree["Tower.Edges"], tree["Tower.Eem"], strict=True))
    pions = Gun(particles=("pi",), energy=(50.0, 50.0), eta=(-1.0, 1.0))
    simulate(SimulationJob("pi", 20, 7, 0, (), None, gun=pions), cms, tmp_path / "x.root")
    with uproot.open(tmp_path / "x.root") as file:
        tree = file["Delphes"].arrays(["Tower.Ehad", "Tower.Eem", "EFlowNeutralHadron.E", "Tower.E"], library="np")
    measured, flow = (np.array([e.sum() for e in tree[name]]) for name in ("Tower.Ehad", "EFlowNeutralHadron.E"))
    assert np.mean(measured) == pytest.approx(50, rel=0.1)
    assert np.mean(flow) < 25
    assert all(
        (em + had).tolist() == e.tolist()
        for em, had, e in zip(tree["Tower.Eem"], tree["Tower.Ehad"], tree["Tower.E"], strict=True)
    )


def test_with_pile_up(cms: Detector, pool_file: Path, tmp_path: Path) -> None:
    gun = Gun(particles=("pi",), energy=(20.0, 20.0), pileup=30.0)
    simulate(SimulationJob("pi", 5, 7, 0, (), pool_file, gun=gun), cms, tmp_path / "x.root")
    with uproot.open(tmp_path / "x.root") as file:
        tree = file["Delphes"].arrays(library="np")
    assert all(pileup.sum() > 50 for pileup in tree["EFlowTrack.IsPU"])
    assert all(mean[0] == 30 for mean in tree["Event.TruePileUp"])
    assert all(len(particles) <= 2 for particles in tree["Particle.PID"])


def test_what_passes_beside_the_detector_is_nothing_seen(cms: Detector, tmp_path: Path) -> None:
    gun = Gun(particles=("gamma",), eta=(6.0, 6.0))
    simulate(SimulationJob("beside", 3, 7, 0, (), None, gun=gun), cms, tmp_path / "x.root")
    with uproot.open(tmp_path / "x.root") as file:
        tree = file["Delphes"].arrays(["MissingET.MET", "MissingET.Eta", "EFlowPhoton.E", "Particle.E"], library="np")
    assert all(len(towers) == 0 for towers in tree["EFlowPhoton.E"])
    assert all(met[0] == 0 for met in (*tree["MissingET.MET"], *tree["MissingET.Eta"]))
