"""Soft collisions: a pool of them made once, and the ones that share a bunch crossing.

A crossing holds a Poisson number of soft collisions, drawn from the pool with replacement, each turned
by a random angle round the beam, at its own vertex (Delphes' PileUpMerger).
"""

import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from detector.common import mapped_npz
from detector.common.atomic import atomic_write
from detector.common.errors import DataError
from detector.common.native import compiled
from detector.geometry.description import PileUp
from detector.simulation.particles import Particles
from detector.simulation.processes import soft_settings
from detector.simulation.pythia import Collision, Generator

FORMAT = "detector pool 1"
BATCH = 100  # events held in memory together
LIGHT = 0.299792458  # mm / ps


class Pool(NamedTuple):
    """Stable particles of many soft collisions, all born at the origin.

    Attributes:
        start: int64 (n_events + 1), event i owns the particles start[i] to start[i + 1].
        pid: int32 (n); charge: int8 (n).
        px, py, pz, mass: float32 (n), GeV.
    """

    start: NDArray[np.int64]
    pid: NDArray[np.int32]
    charge: NDArray[np.int8]
    px: NDArray[np.float32]
    py: NDArray[np.float32]
    pz: NDArray[np.float32]
    mass: NDArray[np.float32]

    @property
    def n_events(self) -> int:
        """Number of collisions."""
        return len(self.start) - 1


NO_POOL = Pool(np.zeros(2, np.int64), np.empty(0, np.int32), np.empty(0, np.int8), *np.empty((4, 0), np.float32))


class Vertices(NamedTuple):
    """Vertices of a crossing, the hard one first, each (n).

    Attributes:
        z: float64, mm; t: float64, mm of light's way.
        n_charged: int64, stable charged particles.
    """

    z: NDArray[np.float64]
    t: NDArray[np.float64]
    n_charged: NDArray[np.int64]


def make_pool(described: PileUp, n_events: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> Pool:
    """Makes soft collisions with Pythia.

    They are all put at the origin, as in the pile-up files of real Delphes: what lives longer than
    `undecayed_above` stays whole, so only tracks of short-lived particles lose their small offset.
    """
    generator = Generator(soft_settings(described.undecayed_above), seed)
    parts = []
    for records in generator.batches(n_events, BATCH):
        parts += [_seen(record) for record in records]
        progress(len(records))
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    start = np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])])
    return Pool(start.astype(np.int64), *columns)


def _seen(record: Collision) -> tuple[NDArray[np.generic], ...]:
    """The stable particles of a collision but for neutrinos, which no part of the detector sees."""
    keep = record.visible
    momentum = record.momentum[keep].astype(np.float32)
    mass = record.mass[keep].astype(np.float32)
    return record.pid[keep], record.charge[keep], momentum[:, 0], momentum[:, 1], momentum[:, 2], mass


def save_pool(path: Path, pool: Pool) -> None:
    """Writes a pool as numpy arrays; the same pool gives the same bytes."""
    with atomic_write(path) as partial, partial.open("wb") as file:
        mapped_npz.save(file, {"format": np.array(FORMAT), **pool._asdict()})


def load_pool(path: Path) -> Pool:
    """Maps a pool into memory, which jobs on one machine share; one that is compressed is read.

    Raises:
        DataError: the file is missing or holds no pool; the message names it and the remedy.
    """
    try:
        arrays = mapped_npz.load(path)
        if str(arrays["format"]) != FORMAT:
            raise ValueError(f"format {arrays['format']}")
        pool = Pool(*(arrays[name] for name in Pool._fields))
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not a pile-up pool ({error}); make one: jetimg detector pool") from error
    _check(path, pool)
    return pool


def _check(path: Path, pool: Pool) -> None:
    n = len(pool.pid)
    sizes = [len(column) for column in pool[1:]]
    if (
        sizes != [n] * 6
        or pool.n_events < 1
        or pool.start[0] != 0
        or pool.start[-1] != n
        or np.any(np.diff(pool.start) < 0)
    ):
        raise DataError(f"{path}: a damaged pile-up pool; make one: jetimg detector pool")


def draw_vertices(
    described: PileUp, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draws n vertices, z (mm) and time (mm): Gaussian, cut off at max_z and max_t.

    The distribution is a product, so both are drawn apart, by trying again what lies beyond the cut.
    """
    z = _cut_gauss(described.sigma_z, described.max_z, n, rng) * 1000
    t = _cut_gauss(described.sigma_t_ps, described.max_t_ps, n, rng) * LIGHT
    return z, t


def _cut_gauss(sigma: float, largest: float, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    drawn = np.empty(0)
    while len(drawn) < n:
        more = rng.normal(0.0, sigma, n - len(drawn))
        drawn = np.concatenate([drawn, more[np.abs(more) <= largest]])
    return drawn


def crossing(hard: Collision, pool: Pool, described: PileUp, rng: np.random.Generator) -> tuple[Particles, Vertices]:
    """A bunch crossing: the stable particles of the hard collision, then those of soft ones."""
    n = int(rng.poisson(described.mean))
    z, t = draw_vertices(described, n + 1, rng)
    chosen = rng.integers(pool.n_events, size=n)
    angles = rng.uniform(-np.pi, np.pi, n)
    particles, n_charged = _merge(_hard(hard, z[0]), pool, chosen, angles, z[1:])
    return particles, Vertices(z, t, np.concatenate([[np.count_nonzero(hard.charge[hard.stable])], n_charged]))


def _hard(record: Collision, z: float) -> Particles:
    keep = record.visible
    px, py, pz, _ = (np.ascontiguousarray(column) for column in record.momentum[keep].T)
    x, y, birth = (np.ascontiguousarray(column) for column in record.vertex[keep].T)
    n = len(px)
    mass = np.ascontiguousarray(record.mass[keep])
    return Particles(record.pid[keep], record.charge[keep], px, py, pz, mass, x, y, birth + z, np.zeros(n, np.uint8))


def _merge(
    hard: Particles, pool: Pool, chosen: NDArray[np.int64], angles: NDArray[np.float64], z: NDArray[np.float64]
) -> tuple[Particles, NDArray[np.int64]]:
    """The hard collision's particles, then those of the chosen events of the pool, each turned and at its z.

    And how many of the latter are charged, for each event.
    """
    k = len(hard.pid)
    n = k + int((pool.start[chosen + 1] - pool.start[chosen]).sum())
    pid, charge, pileup, v = np.empty(n, np.int32), np.empty(n, np.int8), np.empty(n, np.uint8), np.zeros((7, n))
    merged = Particles(pid, charge, v[0], v[1], v[2], v[3], v[4], v[5], v[6], pileup)
    for name in Particles._fields:
        getattr(merged, name)[:k] = getattr(hard, name)
    n_charged = np.zeros(len(chosen), np.int64)
    _place(pool, chosen, angles, z, k, merged, n_charged)
    return merged, n_charged


@compiled
def _place(
    pool: Pool,
    chosen: NDArray[np.int64],
    angles: NDArray[np.float64],
    z: NDArray[np.float64],
    k: int,
    merged: Particles,
    n_charged: NDArray[np.int64],
) -> None:
    """Fills in particles from k on, x and y of which stay 0, and the numbers of charged ones."""
    m = merged
    for j in range(len(chosen)):
        cosine, sine = math.cos(angles[j]), math.sin(angles[j])
        for i in range(pool.start[chosen[j]], pool.start[chosen[j] + 1]):
            m.pid[k], m.charge[k], m.pileup[k] = pool.pid[i], pool.charge[i], 1
            m.px[k] = cosine * pool.px[i] - sine * pool.py[i]
            m.py[k] = sine * pool.px[i] + cosine * pool.py[i]
            m.pz[k], m.mass[k], m.z[k] = pool.pz[i], pool.mass[i], z[j]
            n_charged[j] += pool.charge[i] != 0
            k += 1
