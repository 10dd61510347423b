"""The pile-up pool and the crossings made from it."""

import math
from pathlib import Path

import numpy as np
import pytest

from detector import Detector
from detector.common.errors import DataError
from detector.simulation.pileup import LIGHT, Pool, crossing, draw_vertices, load_pool, save_pool
from detector.simulation.pythia import NEUTRINOS, Collision


def test_vertices_have_the_described_spread(cms: Detector, rng: np.random.Generator) -> None:
    n = 100_000
    z, t = draw_vertices(cms.pileup, n, rng)
    # A Gaussian cut at 250 / 53 = 4.7 sigma and 5 sigma is one to 1e-5.
    for drawn, sigma, largest in ((z, 53.0, 250.0), (t, 160 * LIGHT, 800 * LIGHT)):
        assert abs(drawn.mean()) < 5 * sigma / math.sqrt(n)
        assert drawn.std() == pytest.approx(sigma, rel=5 / math.sqrt(2 * n))
        assert np.abs(drawn).max() <= largest
    assert abs(np.corrcoef(z, t)[0, 1]) < 5 / math.sqrt(n)


def test_the_cut_holds_where_it_matters(cms: Detector, rng: np.random.Generator) -> None:
    narrow = cms.pileup.model_copy(update={"max_z": 0.053})
    z, _ = draw_vertices(narrow, 20_000, rng)
    assert np.abs(z).max() <= 53.0
    # Variance of a Gaussian cut at 1 sigma: 1 - 2 phi(1) / (2 Phi(1) - 1) = 0.2911.
    assert z.std() == pytest.approx(53 * math.sqrt(0.29112), rel=0.03)


def test_a_pool_holds_soft_collisions(pool: Pool) -> None:
    assert pool.n_events == 60
    assert not np.isin(np.abs(pool.pid), NEUTRINOS).any()
    # Particles that live longer than 10 mm / c are whole.
    assert {310, 3122} <= set(np.abs(pool.pid).tolist())
    assert 40 < np.count_nonzero(pool.charge) / 60 < 140


def test_a_pool_reads_back_as_it_was(pool: Pool, pool_file: Path) -> None:
    for before, after in zip(pool, load_pool(pool_file), strict=True):
        assert np.array_equal(before, after)
        assert before.dtype == after.dtype


def test_the_same_pool_gives_the_same_bytes(pool: Pool, pool_file: Path, tmp_path: Path) -> None:
    save_pool(tmp_path / "again.npz", pool)
    assert (tmp_path / "again.npz").read_bytes() == pool_file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.npz"]


def test_a_pool_is_mapped_and_not_read(pool_file: Path) -> None:
    """Aligned, so that compiled functions take it as any array; read-only, so that no job changes that of another."""
    for column in load_pool(pool_file):
        assert isinstance(column.base, np.memmap) or isinstance(column.base.base, np.memmap)
        assert column.flags.aligned
        assert column.flags.c_contiguous
        assert not column.flags.writeable


def test_numpy_reads_a_pool_and_a_pool_that_numpy_compressed_is_one(
    pool: Pool, pool_file: Path, tmp_path: Path
) -> None:
    with np.load(pool_file) as file:
        assert np.array_equal(file["px"], pool.px)
        np.savez_compressed(tmp_path / "small.npz", **file)
    assert all(map(np.array_equal, load_pool(tmp_path / "small.npz"), pool))


@pytest.mark.parametrize("damage", ["absent", "text", "cut", "other", "lies", "scrambled"])
def test_what_is_no_pool_is_refused(pool: Pool, pool_file: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.npz"
    if damage == "text":
        path.write_text("not a pool")
    elif damage == "cut":
        path.write_bytes(pool_file.read_bytes()[:-2000])
    elif damage == "other":
        with path.open("wb") as file:
            np.savez(file, something=np.arange(3))
    elif damage == "scrambled":  # one bit of a momentum
        content = bytearray(pool_file.read_bytes())
        content[content.index(b"px.npy") + 1000] ^= 1
        path.write_bytes(content)
    elif damage == "lies":
        save_pool(path, pool._replace(start=pool.start + 1))
    with pytest.raises(DataError, match=r"bad.npz.*detector pool"):
        load_pool(path)


def test_a_crossing_turns_whole_collisions(
    cms: Detector, pool: Pool, records: list[Collision], rng: np.random.Generator
) -> None:
    particles, vertices = crossing(records[0], pool, cms.pileup, rng)
    soft = particles.pileup == 1
    assert len(vertices.z) == len(np.unique(particles.z[soft])) + 1
    pt_of_pool = np.sort(np.hypot(pool.px.astype(float), pool.py.astype(float)))
    pt = np.hypot(particles.px[soft], particles.py[soft])
    nearest = pt_of_pool[np.minimum(np.searchsorted(pt_of_pool, pt - 1e-9), len(pt_of_pool) - 1)]
    assert np.allclose(pt, nearest, rtol=1e-6, atol=1e-8)
    assert np.count_nonzero(particles.charge[soft]) == vertices.n_charged[1:].sum()


def test_the_hard_collision_sits_at_its_vertex(
    cms: Detector, pool: Pool, records: list[Collision], rng: np.random.Generator
) -> None:
    alone = cms.pileup.model_copy(update={"mean": 0.0})
    particles, vertices = crossing(records[0], pool, alone, rng)
    assert len(vertices.z) == 1
    assert not particles.pileup.any()
    assert np.median(particles.z) == pytest.approx(vertices.z[0], abs=0.1)
    visible = records[0].stable & ~np.isin(np.abs(records[0].pid), NEUTRINOS)
    assert np.array_equal(particles.pid, records[0].pid[visible])


def test_the_number_of_collisions_is_poisson(cms: Detector, pool: Pool, records: list[Collision]) -> None:
    rng = np.random.default_rng(5)
    counts = np.array([len(crossing(records[0], pool, cms.pileup, rng)[1].z) - 1 for _ in range(400)])
    assert counts.mean() == pytest.approx(50, abs=5 * math.sqrt(50 / 400))
    assert counts.var() == pytest.approx(50, rel=0.35)
