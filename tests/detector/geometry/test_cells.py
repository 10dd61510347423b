"""Edge lists become rings as in Delphes: the phi binning is the one of the upper edge."""

import numpy as np
import pytest

from detector import load
from detector.geometry.cells import Cells, build
from detector.geometry.description import EdgeList


@pytest.fixture(scope="module")
def hcal() -> Cells:
    return build(load().calorimeters.hcal)


@pytest.fixture(scope="module")
def ecal() -> Cells:
    return build(load().calorimeters.ecal)


def ring_below(cells: Cells, upper: float) -> int:
    """Index of the ring whose upper edge is this."""
    return int(np.argmin(np.abs(cells.eta_edges - upper))) - 1


def test_two_lists_by_hand() -> None:
    """Edges 0, 1 (4 cells round), 1, 2 (8 cells round): the shared edge 1 takes the later list's binning."""
    cells = build((EdgeList(phi_degrees=90, values=(0.0, 1.0)), EdgeList(phi_degrees=45, values=(1.0, 2.0))))
    assert cells.eta_edges.tolist() == [0.0, 1.0, 2.0]
    assert cells.n_phi.tolist() == [8, 8]
    turned = build((EdgeList(phi_degrees=45, values=(1.0, 2.0)), EdgeList(phi_degrees=90, values=(0.0, 1.0))))
    assert turned.n_phi.tolist() == [4, 8]


def test_equal_edges_that_round_differently_are_one() -> None:
    cells = build((EdgeList(phi_degrees=5, values=(0.3, 1.0)), EdgeList(phi_degrees=1, values=(0.1 + 0.2, 2.0))))
    assert len(cells.eta_edges) == 3
    assert cells.n_phi.tolist() == [72, 360]


def test_ecal_rings_of_the_image_are_the_crystals(ecal: Cells) -> None:
    inside = ecal.eta_edges[np.abs(ecal.eta_edges) < 2.9581]
    np.testing.assert_allclose(inside, np.arange(-170, 171) * 0.0174, atol=1e-12)
    rings = np.abs(ecal.eta_edges[:-1] + ecal.eta_edges[1:]) / 2 < 2.958
    assert rings.sum() == 340
    assert set(ecal.n_phi[rings]) == {360}
    assert set(ecal.n_phi[~rings]) == {36}


def test_hcal_edges_are_the_published_union(hcal: Cells) -> None:
    """The union of the lists as the published card gives them, made with exact decimal numbers (in 1e-4)."""
    barrel = {870 * k for k in range(-18, 19)} | {16500}
    endcaps = {-29580 + 174 * k for k in range(1, 85)} | {14964 + 174 * k for k in range(1, 85)}
    steps = (50000, 47000, 45250, 43500, 41750, 40000, 38250, 36500, 34750, 33000, 31250)
    forward = {sign * step for sign in (-1, 1) for step in steps} | {-29580}
    expected = np.array(sorted(barrel | endcaps | forward)) / 1e4
    assert len(hcal.eta_edges) == len(expected)
    np.testing.assert_allclose(hcal.eta_edges, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("lower", "upper", "n_phi"),
    [
        (0.0, 0.087, 72),
        (1.392, 1.479, 72),
        (1.479, 1.5138, 360),  # 0.0348: the barrel's edge, then the endcap list's second
        (1.5486, 1.566, 360),  # 1.566 stands in the barrel's and in the endcap's list: the later counts
        (1.6356, 1.65, 72),  # 0.0144: up to the lone barrel edge 1.65
        (1.65, 1.653, 360),  # 0.003
        (-1.4964, -1.479, 72),
        (-1.566, -1.5486, 360),
        (-1.5138, -1.4964, 360),
        (2.9406, 2.958, 360),
        (2.958, 3.125, 36),
        (-3.125, -2.958, 36),
        (4.7, 5.0, 36),
    ],
)
def test_slivers_where_barrel_and_endcap_meet(hcal: Cells, lower: float, upper: float, n_phi: int) -> None:
    ring = ring_below(hcal, upper)
    assert hcal.eta_edges[ring] == pytest.approx(lower, abs=1e-9)
    assert hcal.eta_edges[ring + 1] == pytest.approx(upper, abs=1e-9)
    assert hcal.n_phi[ring] == n_phi
