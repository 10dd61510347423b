"""Hits to sparse images: locate each hit's pixel, then add up what falls into one pixel.

The kernels work on the flat arrays that are read. The hits of an event are put in the order of
their pixels by a radix sort that stays in the processor's first cache; summing into a dense image and
reading it out took four times as long.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import TWO_PI
from detector.geometry.grid import Grid
from detector.geometry.tower_map import EDGE_TOLERANCE, TowerMap
from jetimg.common.native import Matrix, Vector, native

OUTSIDE = -1

# Delphes writes float32, which need not be copied; both are computed with as float64, and give the same.
Real = TypeVar("Real", np.float32, np.float64)


@dataclass(frozen=True)
class Hits:
    """One channel of several events, in CSR form.

    Attributes:
        indptr: int64 (n_events + 1).
        pixel: uint32 (n_hits), flat pixels, ascending within an event, no repeats.
        value: float32 (n_hits), GeV, > 0.
    """

    indptr: NDArray[np.int64]
    pixel: NDArray[np.uint32]
    value: NDArray[np.float32]


@dataclass(frozen=True)
class Shared:
    """Values shared over pixels: event i has pixel and value[offsets[i] : offsets[i + 1]]."""

    offsets: NDArray[np.int64]
    pixel: NDArray[np.int32]
    value: NDArray[np.float64]


class RasterError(ValueError):
    """Input that cannot stand in an image; the message says what was found."""


def locate_points(grid: Grid, eta: NDArray[np.float32], phi: NDArray[np.float32]) -> NDArray[np.int32]:
    """The flat pixel of each (eta, phi), OUTSIDE beyond the image; the same as `Grid.pixel`.

    Raises:
        RasterError: an eta or phi is not a finite number, or there are not as many of one as of the other.
    """
    if len(eta) != len(phi):
        raise RasterError(f"{len(eta)} etas for {len(phi)} phis")
    pixel = np.empty(len(eta), np.int32)
    etas, phis = _of_one_type(eta, phi)
    if _locate_points(grid.eta_pitch, grid.eta_edges, grid.phi_edges, etas, phis, pixel) < len(eta):
        raise RasterError("an eta or phi is not a finite number")
    return pixel


def locate_cells(cells: TowerMap, edges: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The ring and the index in it of each cell (eta_min, eta_max, phi_min, phi_max).

    Args:
        cells: the calorimeter's map.
        edges: (n, 4), radians.

    Raises:
        RasterError: a cell is not one of this calorimeter's.
    """
    ring, index = np.empty(len(edges), np.int32), np.empty(len(edges), np.int32)
    rings = cells.eta_edges, cells.n_phi, TWO_PI / cells.n_phi, cells.ring_of_bin, cells.bins_per_eta
    (values,) = _of_one_type(edges)
    wrong = _locate_cells(*rings, values, ring, index)
    if wrong < len(edges):
        found = ", ".join(f"{edge:.6g}" for edge in edges[wrong])
        raise RasterError(f"a cell with edges (eta, eta, phi, phi) = ({found}), which the described detector has not")
    return ring, index


def crystal_pixels(grid: Grid, cells: TowerMap, ring: NDArray[np.int32], index: NDArray[np.int32]) -> NDArray[np.int32]:
    """The pixel of each ECAL cell, OUTSIDE beyond the image: one crystal, one pixel."""
    first = np.where(cells.n_rows > 0, cells.first_row * grid.n_phi, -grid.size).astype(np.int32)
    pixel: NDArray[np.int32] = np.maximum(first[ring] + index, OUTSIDE)
    return pixel


def share(
    grid: Grid,
    cells: TowerMap,
    offsets: NDArray[np.int64],
    ring: NDArray[np.int32],
    index: NDArray[np.int32],
    value: NDArray[np.float32],
) -> Shared:
    """Shares each tower's value over the pixels of its cell, by area; a tower outside stays one entry.

    Raises:
        RasterError: not one cell for each value.
    """
    if not len(ring) == len(index) == len(value) == offsets[-1]:
        raise RasterError(f"{len(ring)} cells for {len(value)} values of {offsets[-1]} towers")
    pixels_of_ring = np.maximum(cells.n_rows * cells.columns, 1)
    ends = np.concatenate(([0], np.cumsum(pixels_of_ring[ring])))
    pixel, part = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float64)
    rings = cells.first_row, cells.n_rows, cells.columns, cells.row_share
    _share(grid.n_phi, *rings, ring, index, np.ascontiguousarray(value, np.float64), pixel, part)
    return Shared(ends[offsets], pixel, part)


def accumulate(
    grid: Grid, offsets: NDArray[np.int64], pixel: NDArray[np.int32], value: NDArray[np.float32 | np.float64]
) -> tuple[Hits, int, int]:
    """Adds up, event by event, the values that fall into one pixel; sums are float64.

    Returns:
        The hits, the number of inputs OUTSIDE, and the number of pixels that several inputs fill.

    Raises:
        RasterError: a value is not a finite number >= 0, or there is not one pixel for each value.
    """
    if not len(pixel) == len(value) == offsets[-1]:
        raise RasterError(f"{len(pixel)} pixels for {len(value)} values of {offsets[-1]} hits")
    indptr, counts = np.zeros(len(offsets), np.int64), np.zeros(2, np.int64)
    out_pixel, out_value = np.empty(len(pixel), np.uint32), np.empty(len(pixel), np.float32)
    order = np.empty((2, np.diff(offsets).max(initial=0)), np.int64)
    bits = (grid.size.bit_length() + 1) // 2
    ends = np.empty((2, 1 << bits), np.int64)
    (values,) = _of_one_type(value)
    wrong = _accumulate(bits, offsets, pixel, values, order, ends, indptr, out_pixel, out_value, counts)
    if wrong < len(value):
        raise RasterError(f"a value of {value[wrong]}, not a finite number >= 0")
    hits = Hits(indptr, out_pixel[: indptr[-1]].copy(), out_value[: indptr[-1]].copy())
    return hits, int(counts[0]), int(counts[1])


def _of_one_type(*values: NDArray[np.floating]) -> list[NDArray[Any]]:
    """Contiguous: float32 if all of them are, else float64."""
    kind = np.float32 if all(array.dtype == np.float32 for array in values) else np.float64
    return [np.ascontiguousarray(array, kind) for array in values]


# The compiled functions below return the position of what is wrong, the number of all if nothing is. Their indices are
# unsigned where it counts: of one that could be negative, they would have to ask each time whether it is.


@native
def _locate_points(
    eta_pitch: float,
    eta_edges: Vector[np.float64],
    phi_edges: Vector[np.float64],
    eta: Vector[Real],
    phi: Vector[Real],
    pixel: Vector[np.int32],
) -> int:
    n_eta, n_phi, one = len(eta_edges) - 1, len(phi_edges) - 1, np.uint64(1)
    eta_min, eta_max, phi_min, phi_max = eta_edges[0], eta_edges[n_eta], phi_edges[0], phi_edges[n_phi]
    for i in range(len(eta)):
        x, angle = np.float64(eta[i]), np.float64(phi[i])
        if not (np.isfinite(x) and np.isfinite(angle)):
            return i
        if not eta_min <= x < eta_max:
            pixel[i] = OUTSIDE
            continue
        # A guess by division, then the edges themselves decide, as in an exact histogram.
        guess = np.uint64(min(max(x / eta_pitch + n_eta / 2, 0.0), n_eta - 1.0))
        row = np.int64(guess) + (x >= eta_edges[guess + one]) - (x < eta_edges[guess])
        if not phi_min <= angle < phi_max:
            angle = (angle + np.pi) % TWO_PI - np.pi
        guess = np.uint64(min(max((angle / TWO_PI + 0.5) * n_phi, 0.0), n_phi - 1.0))
        column = np.int64(guess) + (angle >= phi_edges[guess + one]) - (angle < phi_edges[guess])
        if column == n_phi:
            column = 0
        elif column < 0:
            column = n_phi - 1
        pixel[i] = row * n_phi + column
    return len(eta)


@native
def _locate_cells(
    eta_edges: Vector[np.float64],
    n_phi: Vector[np.int64],
    width: Vector[np.float64],
    ring_of_bin: Vector[np.int64],
    bins_per_eta: float,
    edges: Matrix[Real],
    ring: Vector[np.int32],
    index: Vector[np.int32],
) -> int:
    low, high, one = eta_edges[0], eta_edges[len(eta_edges) - 1], np.uint64(1)
    for i in range(len(edges)):
        eta_min, eta_max = np.float64(edges[i, 0]), np.float64(edges[i, 1])
        phi_min, phi_max = np.float64(edges[i, 2]) + np.pi, np.float64(edges[i, 3]) + np.pi
        middle = 0.5 * (eta_min + eta_max)
        if not low <= middle < high:
            return i
        r = np.uint64(ring_of_bin[np.uint64((middle - low) * bins_per_eta)])
        r += np.uint64(middle >= eta_edges[r + one])
        j = np.int64(0.5 * (phi_min + phi_max) / width[r])
        there = abs(eta_min - eta_edges[r]) < EDGE_TOLERANCE
        there &= abs(eta_max - eta_edges[r + one]) < EDGE_TOLERANCE
        there &= abs(phi_min - j * width[r]) < EDGE_TOLERANCE
        there &= abs(phi_max - (j + 1) * width[r]) < EDGE_TOLERANCE
        if not there or not 0 <= j < n_phi[r]:
            return i
        ring[i], index[i] = r, j
    return len(edges)


@native
def _share(
    n_phi: int,
    first_row: Vector[np.int64],
    n_rows: Vector[np.int64],
    columns: Vector[np.int64],
    row_share: Matrix[np.float64],
    ring: Vector[np.int32],
    index: Vector[np.int32],
    value: Vector[np.float64],
    pixel: Vector[np.int32],
    part: Vector[np.float64],
) -> None:
    k = 0
    for i in range(len(value)):
        r = ring[i]
        if n_rows[r] == 0:
            pixel[k], part[k] = OUTSIDE, value[i]
            k += 1
        for row in range(n_rows[r]):
            for column in range(columns[r]):
                pixel[k] = (first_row[r] + row) * n_phi + index[i] * columns[r] + column
                part[k] = value[i] * row_share[r, row] / columns[r]
                k += 1


def _sort_by_pixel(
    order: Vector[np.int64], spare: Vector[np.int64], low: Vector[np.int64], high: Vector[np.int64], n: int, bits: int
) -> None:
    """Sorts the first n entries, keeping the order of equals: by the lower half of a pixel's bits, then by the higher.

    Args:
        order: entries, the pixel above the lowest 32 bits.
        spare: room for as many.
        low, high: how many entries have each lower and each higher half; what is there afterwards is of no use.
        n: entries.
        bits: of the lower half.
    """
    mask = np.uint64((1 << bits) - 1)
    n_low = n_high = 0
    for digit in range(len(low)):
        low[digit], n_low = n_low, n_low + low[digit]
        high[digit], n_high = n_high, n_high + high[digit]
    for k in range(n):
        half_pixel = np.uint64(order[k]) >> np.uint64(32) & mask
        spare[np.uint64(low[half_pixel])] = order[k]
        low[half_pixel] += 1
    for k in range(n):
        half_pixel = np.uint64(spare[k]) >> np.uint64(32) >> np.uint64(bits)
        order[np.uint64(high[half_pixel])] = spare[k]
        high[half_pixel] += 1


@native
def _accumulate(
    bits: int,
    offsets: Vector[np.int64],
    pixels: Vector[np.int32],
    values: Vector[Real],
    orders: Matrix[np.int64],
    ends: Matrix[np.int64],
    indptr: Vector[np.int64],
    out_pixel: Vector[np.uint32],
    out_value: Vector[np.float32],
    counts: Vector[np.int64],
) -> int:
    """Adds up event by event; `orders` and `ends` are for the sort, `counts` takes what is outside and shared."""
    place, mask, number = np.uint64(32), np.uint64((1 << bits) - 1), np.uint64(0xFFFFFFFF)
    order, spare, low, high = orders[0], orders[1], ends[0], ends[1]
    n = 0
    for event in range(len(offsets) - 1):
        begin: int = offsets[event]
        end: int = offsets[event + 1]
        pixel, value, m = pixels[begin:end], values[begin:end], 0
        ends[:] = 0
        for i in range(len(pixel)):
            if not 0.0 <= value[i] < np.inf:
                return begin + i
            if pixel[i] == OUTSIDE:
                counts[0] += 1
            else:
                p = np.uint64(pixel[i])
                order[np.uint64(m)] = np.int64(p << place | np.uint64(i))
                low[p & mask] += 1
                high[p >> np.uint64(bits)] += 1
                m += 1
        _sort_by_pixel(order, spare, low, high, m, bits)
        k = 0
        while k < m:
            first, p, total = k, np.uint64(order[k]) >> place, 0.0
            while k < m and np.uint64(order[k]) >> place == p:
                total += np.float64(value[np.uint64(order[k]) & number])
                k += 1
            counts[1] += k - first > 1
            out_pixel[n], out_value[n] = p, total
            if not out_value[n] < np.inf:  # beyond float32
                return begin + int(np.uint64(order[first]) & number)
            n += out_value[n] > 0.0
        indptr[event + 1] = n
    return len(values)
