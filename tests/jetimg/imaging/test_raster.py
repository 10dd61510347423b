"""Hits to sparse images: three hits by hand, then against numpy's dense sums."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector import load
from detector.geometry.grid import Grid
from detector.geometry.tower_map import TowerMap, ecal_map, hcal_map
from jetimg.imaging import raster

DETECTOR = load()
GRID = Grid.of(DETECTOR)
ECAL, HCAL = ecal_map(DETECTOR), hcal_map(DETECTOR)


def accumulated(offsets: list[int], pixel: list[int], value: list[float]) -> tuple[raster.Hits, int, int]:
    return raster.accumulate(GRID, np.array(offsets), np.array(pixel, np.int32), np.array(value, np.float32))


def all_edges(cells: TowerMap) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Every cell's edges as Delphes stores them, with its ring and its place."""
    ring = np.repeat(np.arange(len(cells.n_phi)), cells.n_phi)
    place = np.concatenate([np.arange(n) for n in cells.n_phi])
    width = 2 * math.pi / cells.n_phi[ring]
    phi = -math.pi + place * width
    edges = [cells.eta_edges[ring], cells.eta_edges[ring + 1], phi, phi + width]
    return np.stack(edges, axis=1).astype(np.float32), ring, place


def test_three_hits_by_hand() -> None:
    """Two in the pixel right of the centre, one beyond the image, one at the seam."""
    eta = np.array([0.005, 0.016, 3.1, -2.95], np.float32)
    phi = np.array([0.001, 0.017, 0.0, 3.1415], np.float32)
    pixel = raster.locate_points(GRID, eta, phi)
    assert pixel.tolist() == [61380, 61380, raster.OUTSIDE, 359]
    hits, outside, shared = raster.accumulate(GRID, np.array([0, 4]), pixel, np.array([1.5, 2.0, 9.0, 0.25], "f4"))
    assert hits.indptr.tolist() == [0, 2]
    assert hits.pixel.tolist() == [359, 61380]
    assert hits.value.tolist() == [0.25, 3.5]
    assert (outside, shared) == (1, 1)
    assert (hits.pixel.dtype, hits.value.dtype) == (np.uint32, np.float32)


SEAM = st.integers(-6, 6).map(lambda k: math.pi + k * 2.4e-7)
PHIS = st.one_of(st.floats(-3.125, 3.125, width=32), SEAM, SEAM.map(lambda phi: -phi), st.floats(-1e6, 1e6))
ETAS = st.one_of(st.floats(-5, 5, width=32), st.integers(-171, 171).map(lambda k: k * 0.0174))


@given(st.lists(st.tuples(ETAS, PHIS), max_size=30), st.sampled_from([np.float32, np.float64]))
def test_points_lie_where_the_grid_says(points: list[tuple[float, float]], kind: type) -> None:
    eta, phi = np.array(points, dtype=kind).reshape(-1, 2).T
    np.testing.assert_array_equal(raster.locate_points(GRID, eta, phi), GRID.pixel(eta, phi))


def test_many_points_and_every_edge_lie_where_the_grid_says() -> None:
    rng = np.random.default_rng(5)
    eta = np.concatenate([rng.uniform(-3, 3, 50_000), np.repeat(GRID.eta_edges, 5)]).astype(np.float32)
    phi = np.concatenate([rng.uniform(-np.pi, np.pi, 50_000), np.tile(GRID.phi_edges, 5)[: 341 * 5]]).astype(np.float32)
    np.testing.assert_array_equal(raster.locate_points(GRID, eta, phi), GRID.pixel(eta, phi))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_coordinate_that_is_not_finite_is_refused(bad: float) -> None:
    good, wrong = np.zeros(2, np.float32), np.array([0, bad], np.float32)
    for eta, phi in ((good, wrong), (wrong, good)):
        with pytest.raises(raster.RasterError, match="not a finite number"):
            raster.locate_points(GRID, eta, phi)


EVENTS = st.lists(
    st.lists(
        st.tuples(
            st.one_of(st.just(raster.OUTSIDE), st.integers(0, 3), st.integers(0, GRID.size - 1)),
            st.one_of(st.just(0.0), st.floats(2.0**-20, 1000, width=32)),
        ),
        max_size=25,
    ),
    max_size=5,
)


@given(EVENTS)
def test_sums_are_those_of_a_dense_image(events: list[list[tuple[int, float]]]) -> None:
    offsets = np.cumsum([0, *map(len, events)]).tolist()
    flat = [hit for event in events for hit in event]
    hits, outside, shared = accumulated(offsets, [p for p, _ in flat], [v for _, v in flat])
    assert outside == sum(p == raster.OUTSIDE for p, _ in flat)
    assert len(hits.indptr) == len(events) + 1
    expected_shared = 0
    for number, event in enumerate(events):
        inside = [(p, v) for p, v in event if p != raster.OUTSIDE]
        dense = np.zeros(GRID.size)
        np.add.at(dense, [p for p, _ in inside], [v for _, v in inside])
        expected_shared += int(np.sum(np.bincount([p for p, _ in inside], minlength=1) > 1))
        mine = slice(hits.indptr[number], hits.indptr[number + 1])
        np.testing.assert_array_equal(hits.pixel[mine], np.flatnonzero(dense))
        np.testing.assert_allclose(hits.value[mine], dense[dense > 0], rtol=1e-6)
    assert shared == expected_shared


def test_a_big_event_is_that_of_a_dense_image() -> None:
    rng = np.random.default_rng(9)
    pixel, value = rng.integers(0, GRID.size, 20_000), rng.exponential(size=20_000).astype(np.float32)
    hits, _, _ = raster.accumulate(GRID, np.array([0, 20_000]), pixel.astype(np.int32), value)
    dense = np.bincount(pixel, weights=value, minlength=GRID.size)
    np.testing.assert_array_equal(hits.pixel, np.flatnonzero(dense))
    np.testing.assert_allclose(hits.value, dense[dense > 0], rtol=1e-6)


def test_nothing_at_all_and_nothing_inside() -> None:
    hits, outside, shared = accumulated([0], [], [])
    assert (hits.indptr.tolist(), len(hits.pixel), outside, shared) == ([0], 0, 0, 0)
    hits, outside, shared = accumulated([0, 0, 2, 2], [-1, -1], [1, 2])
    assert (hits.indptr.tolist(), len(hits.pixel), outside, shared) == ([0, 0, 0, 0], 0, 2, 0)


@pytest.mark.parametrize("bad", [math.nan, -0.5, math.inf, -math.inf])
@pytest.mark.parametrize("pixel", [3, raster.OUTSIDE])
def test_a_value_that_is_not_an_energy_is_refused(bad: float, pixel: int) -> None:
    with pytest.raises(raster.RasterError, match=f"a value of {bad}, not a finite number >= 0"):
        accumulated([0, 1, 2], [0, pixel], [1.0, bad])


def test_a_sum_too_large_for_float32_is_refused() -> None:
    with pytest.raises(raster.RasterError, match="a value of 3"):
        accumulated([0, 2], [7, 7], [3e38, 3e38])


def test_numbers_of_values_that_differ_are_refused() -> None:
    with pytest.raises(raster.RasterError, match="1 pixels for 2 values"):
        accumulated([0, 2], [7], [1, 1])
    with pytest.raises(raster.RasterError, match="2 etas for 1 phis"):
        raster.locate_points(GRID, np.zeros(2, np.float32), np.zeros(1, np.float32))
    cell = np.zeros(1, np.int32)
    with pytest.raises(raster.RasterError, match="1 cells for 2 values"):
        raster.share(GRID, HCAL, np.array([0, 2]), cell, cell, np.ones(2, np.float32))


@pytest.mark.parametrize("cells", [ECAL, HCAL], ids=["ecal", "hcal"])
def test_every_cell_is_found_from_its_float32_edges(cells: TowerMap) -> None:
    edges, ring, place = all_edges(cells)
    found_ring, found_place = raster.locate_cells(cells, edges)
    np.testing.assert_array_equal(found_ring, ring)
    np.testing.assert_array_equal(found_place, place)


def test_ecal_cells_are_the_pixels_of_their_centres() -> None:
    edges, ring, place = all_edges(ECAL)
    pixel = raster.crystal_pixels(GRID, ECAL, ring.astype(np.int32), place.astype(np.int32))
    middle = edges.astype(float).reshape(-1, 2, 2).mean(axis=2)
    np.testing.assert_array_equal(pixel, GRID.pixel(middle[:, 0], middle[:, 1]))
    inside = pixel[pixel >= 0]
    np.testing.assert_array_equal(np.sort(inside), np.arange(GRID.size))


@pytest.mark.parametrize("cells", [ECAL, HCAL], ids=["ecal", "hcal"])
@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("shift", [1e-5, -1e-5, 0.005, 7.0, math.nan, math.inf])
def test_a_shifted_cell_is_refused_and_named(cells: TowerMap, column: int, shift: float) -> None:
    edges, _, _ = all_edges(cells)
    for number in np.random.default_rng(2).integers(0, len(edges), 20):
        moved = edges[[0, number]].copy()
        moved[1, column] += shift
        with pytest.raises(raster.RasterError, match="which the described detector has not"):
            raster.locate_cells(cells, moved)


def test_a_cell_turned_by_half_a_width_is_refused() -> None:
    """All edges moved alike: the middle is another cell's border."""
    edges, _, _ = all_edges(HCAL)
    edges[:, 2:] += (edges[:, 3:] - edges[:, 2:3]) / 2
    for cell in edges[::97]:
        with pytest.raises(raster.RasterError):
            raster.locate_cells(HCAL, cell[None])


def test_no_cells() -> None:
    ring, place = raster.locate_cells(HCAL, np.empty((0, 4), np.float32))
    assert len(ring) == len(place) == 0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 5000, width=32)), max_size=12))
def test_sharing_conserves_every_towers_energy(towers: list[tuple[int, float]]) -> None:
    edges, ring, place = all_edges(HCAL)
    chosen = np.array([k % len(ring) for k, _ in towers], np.int64)
    value = np.array([v for _, v in towers], np.float32)
    offsets = np.arange(len(towers) + 1)  # one tower an event
    parts = raster.share(GRID, HCAL, offsets, ring[chosen].astype("i4"), place[chosen].astype("i4"), value)
    for number, k in enumerate(chosen):
        mine = slice(parts.offsets[number], parts.offsets[number + 1])
        assert parts.value[mine].sum() == pytest.approx(float(value[number]), rel=1e-12)
        pixel = parts.pixel[mine]
        low_eta, high_eta, low_phi, high_phi = edges[k].astype(float)
        if abs(low_eta + high_eta) / 2 > 2.958:
            assert pixel.tolist() == [raster.OUTSIDE]
            continue
        eta, phi = GRID.centre(pixel)
        assert np.all((eta > low_eta - 0.0087) & (eta < high_eta + 0.0087))
        assert np.all((phi > low_phi) & (phi < high_phi))
        assert len(set(pixel.tolist())) == len(pixel)


def test_a_tower_at_the_seam_covers_the_last_five_columns() -> None:
    edges = np.array([[0.0, 0.087, math.pi - math.radians(5), math.pi]], np.float32)
    ring, place = raster.locate_cells(HCAL, edges)
    parts = raster.share(GRID, HCAL, np.array([0, 1]), ring, place, np.array([50.0], np.float32))
    expected = [row * 360 + column for row in range(170, 175) for column in range(355, 360)]
    assert sorted(parts.pixel.tolist()) == expected
    np.testing.assert_allclose(parts.value, 2.0, rtol=1e-12)
