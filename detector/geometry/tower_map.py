"""Calorimeter towers to pixels, by the cell's edges as Delphes stores them.

Delphes draws a tower's eta and phi at random inside its cell and stores them as float32, which puts
about 1 in 250,000 into the neighbour; `Edges` names the cell itself. Every tower's edges are checked
against the description on the way.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detector.geometry.cells import Cells, build
from detector.geometry.description import Detector, EdgeList
from detector.geometry.grid import Grid

# float32 edges up to 5.0 are off by at most 2.4e-7; a cell of another detector by far more.
EDGE_TOLERANCE = 2e-6


@dataclass(frozen=True)
class TowerMap:
    """How the cells of one calorimeter cover the pixels.

    Ring r of the calorimeter covers the rows first_row[r] .. first_row[r] + n_rows[r] - 1 with the
    shares row_share[r, :n_rows[r]] (they sum to 1) and `columns[r]` whole columns; n_rows is 0
    outside the image.

    Attributes:
        eta_edges: float64 (n_rings + 1).
        n_phi: int64 (n_rings), cells round the ring.
        ring_of_bin: int64, the ring that holds the lower edge of each fine bin in eta (a lookup
            table that spares a binary search per tower).
        bins_per_eta: fine bins per unit of eta.
        first_row, n_rows, columns: int64 (n_rings).
        row_share: float64 (n_rings, most rows).
    """

    eta_edges: NDArray[np.float64]
    n_phi: NDArray[np.int64]
    ring_of_bin: NDArray[np.int64]
    bins_per_eta: float
    first_row: NDArray[np.int64]
    n_rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    row_share: NDArray[np.float64]


def tower_map(lists: tuple[EdgeList, ...], grid: Grid, name: str = "a calorimeter") -> TowerMap:
    """The map from one calorimeter's cells to the pixels.

    Args:
        lists: its cells.
        grid: the pixels.
        name: what messages call it.

    Raises:
        ValueError: a cell crosses the image's border, or its width in phi is not a whole number of
            pixels: its energy could not be shared without loss.
    """
    cells = build(lists)
    for n_phi in cells.n_phi[_in_image(cells, grid)]:
        if grid.n_phi % n_phi:
            raise ValueError(
                f"{name}: a cell of {360 / n_phi:g} degrees in phi is not a whole number of the image's "
                f"{grid.n_phi} columns wide (`crystals: n_phi`), which are {360 / grid.n_phi:g} degrees"
            )
    shares = [_shares(low, high, grid) for low, high in zip(cells.eta_edges[:-1], cells.eta_edges[1:], strict=True)]
    row_share = np.zeros((len(shares), max(len(share) for _, share in shares)))
    for ring, (_, share) in enumerate(shares):
        row_share[ring, : len(share)] = share
    bins_per_eta = 2.0 / np.diff(cells.eta_edges).min()
    starts = cells.eta_edges[0] + np.arange(int(np.ptp(cells.eta_edges) * bins_per_eta) + 2) / bins_per_eta
    return TowerMap(
        eta_edges=cells.eta_edges,
        n_phi=cells.n_phi,
        ring_of_bin=np.clip(np.searchsorted(cells.eta_edges, starts, side="right") - 1, 0, len(cells.n_phi) - 1),
        bins_per_eta=float(bins_per_eta),
        first_row=np.array([first for first, _ in shares], dtype=np.int64),
        n_rows=np.array([len(share) for _, share in shares], dtype=np.int64),
        columns=np.maximum(grid.n_phi // cells.n_phi, 1),
        row_share=row_share,
    )


@lru_cache
def ecal_map(detector: Detector) -> TowerMap:
    """The ECAL's map: in the image, one cell is one pixel.

    Raises:
        ValueError: an ECAL cell of the image is not exactly one pixel.
    """
    grid = Grid.of(detector)
    towers = tower_map(detector.calorimeters.ecal, grid, f"{detector.name}: ECAL")
    inside = towers.n_rows > 0
    if np.any(towers.n_rows[inside] != 1) or np.any(towers.columns[inside] != 1) or inside.sum() != grid.n_eta:
        raise ValueError(f"{detector.name}: the ECAL cells of the image are not its {grid.n_eta} x {grid.n_phi} pixels")
    return towers


@lru_cache
def hcal_map(detector: Detector) -> TowerMap:
    """The HCAL's map: towers of 5 x 5 pixels in the barrel, one pixel in the endcaps."""
    return tower_map(detector.calorimeters.hcal, Grid.of(detector), f"{detector.name}: HCAL")


def _in_image(cells: Cells, grid: Grid) -> NDArray[np.bool_]:
    return np.abs((cells.eta_edges[:-1] + cells.eta_edges[1:]) / 2) < grid.eta_max


def _shares(low: float, high: float, grid: Grid) -> tuple[int, NDArray[np.float64]]:
    """First row and the share of each row in a ring from eta `low` to `high`."""
    if high <= -grid.eta_max + EDGE_TOLERANCE or low >= grid.eta_max - EDGE_TOLERANCE:
        return 0, np.empty(0)
    start, stop = (np.array([low, high]) + grid.eta_max) / grid.eta_pitch
    # An edge that is a row's edge but for rounding is that edge.
    start, stop = (np.round(x) if abs(x - np.round(x)) < 1e-6 else x for x in (start, stop))
    if start < 0 or stop > grid.n_eta:
        raise ValueError(f"the ring from eta {low:g} to {high:g} crosses the image's border at {grid.eta_max:g}")
    rows = np.arange(int(np.floor(start)), int(np.ceil(stop)))
    share = np.minimum(rows + 1, stop) - np.maximum(rows, start)
    return int(rows[0]), share / share.sum()
