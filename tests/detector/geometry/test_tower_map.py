"""Towers to pixels: shares sum to one, areas are conserved, what cannot be shared is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import load
from detector.geometry.description import EdgeList
from detector.geometry.grid import Grid
from detector.geometry.tower_map import ecal_map, hcal_map, tower_map

DETECTOR = load()
GRID = Grid.of(DETECTOR)
HCAL = hcal_map(DETECTOR)


def ring_at(eta: float) -> int:
    return int(np.searchsorted(HCAL.eta_edges, eta, side="right")) - 1


def test_shares_of_every_ring_in_the_image_sum_to_one() -> None:
    inside = HCAL.n_rows > 0
    np.testing.assert_allclose(HCAL.row_share[inside].sum(axis=1), 1, rtol=1e-12)
    assert np.all(HCAL.row_share >= 0)
    assert np.all(HCAL.row_share[~inside] == 0)


def test_rings_in_the_image_are_those_within_the_border() -> None:
    middle = (HCAL.eta_edges[:-1] + HCAL.eta_edges[1:]) / 2
    np.testing.assert_array_equal(HCAL.n_rows > 0, np.abs(middle) < 2.958)


def test_area_is_conserved_row_by_row() -> None:
    """Sharing each ring's area gives each row its own: every row is one pitch of eta high."""
    height = np.diff(HCAL.eta_edges)
    area = np.zeros(340)
    for ring in np.flatnonzero(HCAL.n_rows):
        rows = HCAL.first_row[ring] + np.arange(HCAL.n_rows[ring])
        area[rows] += height[ring] * HCAL.row_share[ring, : HCAL.n_rows[ring]]
    np.testing.assert_allclose(area, 0.0174, rtol=1e-9)


def test_a_barrel_tower_is_five_by_five_pixels() -> None:
    ring = ring_at(0.04)  # 0 to 0.087
    assert (HCAL.first_row[ring], HCAL.n_rows[ring], HCAL.columns[ring]) == (170, 5, 5)
    np.testing.assert_allclose(HCAL.row_share[ring, :5], 0.2, rtol=1e-9)
    assert HCAL.n_phi[ring] == 72


def test_an_endcap_tower_is_one_pixel() -> None:
    ring = ring_at(2.0)
    assert (HCAL.n_rows[ring], HCAL.columns[ring], HCAL.row_share[ring, 0]) == (1, 1, 1.0)


@pytest.mark.parametrize(
    ("eta", "first_row", "shares", "columns"),
    [
        (1.49, 255, [0.5, 0.5], 1),  # 1.479 to 1.5138: rows 255, 256
        (1.64, 264, [1.0], 5),  # 1.6356 to 1.65: most of row 264
        (1.652, 264, [1.0], 1),  # 1.65 to 1.653: the rest of row 264
        (-1.49, 84, [1.0], 5),  # -1.4964 to -1.479
    ],
)
def test_slivers(eta: float, first_row: int, shares: list[float], columns: int) -> None:
    ring = ring_at(eta)
    assert HCAL.first_row[ring] == first_row
    assert HCAL.columns[ring] == columns
    np.testing.assert_allclose(HCAL.row_share[ring, : HCAL.n_rows[ring]], shares, rtol=1e-9)


def test_the_lookup_of_rings_is_one_step_from_the_truth() -> None:
    eta = np.random.default_rng(3).uniform(HCAL.eta_edges[0], HCAL.eta_edges[-1] - 1e-9, 10_000)
    ring = HCAL.ring_of_bin[((eta - HCAL.eta_edges[0]) * HCAL.bins_per_eta).astype(int)]
    ring += eta >= HCAL.eta_edges[ring + 1]
    np.testing.assert_array_equal(ring, np.searchsorted(HCAL.eta_edges, eta, side="right") - 1)


def test_ecal_cells_are_pixels() -> None:
    ecal = ecal_map(DETECTOR)
    inside = ecal.n_rows > 0
    np.testing.assert_array_equal(ecal.first_row[inside], np.arange(340))
    assert set(ecal.n_rows[inside]) == {1}
    assert set(ecal.columns[inside]) == {1}


def test_a_tower_across_the_border_is_refused() -> None:
    with pytest.raises(ValueError, match=r"from eta 2\.9 to 3\.1 crosses the image's border at 2\.958"):
        tower_map((EdgeList(phi_degrees=1, values=(2.9, 3.1)),), GRID)


def test_a_tower_of_part_of_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a cell of 2\.25 degrees in phi .* 360 columns"):
        tower_map((EdgeList(phi_degrees=2.25, values=(0.0, 0.1)),), GRID)  # 160 cells round


def test_an_ecal_that_is_not_the_pixels_is_refused() -> None:
    crystals = DETECTOR.crystals.model_copy(update={"n_eta": 338})
    ecal = (EdgeList(phi_degrees=1, pitch=0.0348, first=-84, last=84),)
    other = DETECTOR.model_copy(
        update={"crystals": crystals, "calorimeters": DETECTOR.calorimeters.model_copy(update={"ecal": ecal})}
    )
    with pytest.raises(ValueError, match="not its 338 x 360 pixels"):
        ecal_map(other)


@given(st.lists(st.floats(-2.9, 2.9), min_size=2, max_size=12, unique_by=lambda eta: round(eta, 3)))
def test_any_rings_share_all_their_energy(edges: list[float]) -> None:
    towers = tower_map((EdgeList(phi_degrees=5, values=tuple(edges)),), GRID)
    np.testing.assert_allclose(towers.row_share.sum(axis=1), 1, rtol=1e-9)
    assert np.all(towers.first_row >= 0)
    assert np.all(towers.first_row + towers.n_rows <= 340)
    # The centre of what is shared is the ring's own centre, to half a row at most.
    rows = towers.first_row[:, None] + np.arange(towers.row_share.shape[1]) + 0.5
    centre = (rows * towers.row_share).sum(axis=1) * 0.0174 - 2.958
    middle = (towers.eta_edges[:-1] + towers.eta_edges[1:]) / 2
    assert np.all(np.abs(centre - middle) <= 0.0174 / 2 + 1e-9)
