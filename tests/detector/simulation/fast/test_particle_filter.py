"""Which particles are written."""

import numpy as np
import pytest

from detector.simulation.fast.particle_filter import has_beauty, kept
from detector.simulation.pythia import Collision


@pytest.mark.parametrize("pid", [511, -521, 531, 541, 551, 5122, -5232, 553, 20553, 513, 5101, 5503])
def test_beauty(pid: int) -> None:
    # Diquarks with a b (5101, 5503) have no third quark digit and are no hadrons.
    assert has_beauty(np.array([pid], dtype=np.int32))[0] == (pid not in (5101, 5503))


@pytest.mark.parametrize("pid", [5, 15, 25, 211, 2212, 411, 4122, 1000022, 5100039])
def test_no_beauty(pid: int) -> None:
    assert not has_beauty(np.array([pid], dtype=np.int32))[0]


def _record(rows: list[tuple[int, int, float, int]]) -> Collision:
    """From pid, status, pt, mother."""
    pid, status, pt, mother = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    momentum = np.stack([pt, np.zeros(n), np.zeros(n), pt], axis=1).astype(float)
    links = np.stack([mother, np.full(n, -1)], axis=1).astype(np.int32)
    return Collision(
        pid.astype(np.int32), status.astype(np.int32), links, links, np.zeros(n, np.int8), momentum,
        np.zeros(n), np.zeros((n, 3)),
    )  # fmt: skip


def test_what_is_kept() -> None:
    rows = [
        (6, 22, 500.0, -1),  # hard process
        (6, 22, 0.0, -1),  # the same without pt
        (21, 51, 100.0, -1),  # a gluon of the shower
        (5, 51, 0.1, -1),  # a b quark, however soft
        (22, 1, 6.0, -1),  # a stable photon
        (22, 1, 4.0, -1),  # a soft one
        (211, 1, 50.0, -1),  # a hadron
        (15, 2, 9.0, -1),  # a tau
        (211, 1, 0.3, 7),  # its daughter
        (24, 22, 80.0, -1),  # a W
        (1, 51, 0.2, 9),  # its daughter
        (14, 1, 2.0, -1),  # a soft neutrino
    ]
    assert kept(_record(rows), 5.0).tolist() == [0, 3, 4, 7, 8, 9, 10]
