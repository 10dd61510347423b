"""The description's numbers as arrays, for the compiled simulation."""

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.geometry.cells import build
from detector.geometry.description import Detector, EdgeList, EfficiencyBin, EnergyPiece, Response
from detector.simulation.fast.showers import ShowerTables, shower_tables

COLUMNS = ("abs_eta_min", "abs_eta_max", "pt_min_gev", "pt_max_gev", "c0", "pt_ref_gev", "slope_per_gev")


class Pieces(NamedTuple):
    """Piecewise-linear functions of pt in bins of |eta|; the last piece of a bin is repeated to fill its row.

    Attributes:
        abs_eta_max: float64 (n_bins), rising.
        pt_max, constant, slope: float64 (n_bins, most pieces): constant + slope * pt up to pt_max.
    """

    abs_eta_max: NDArray[np.float64]
    pt_max: NDArray[np.float64]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]


class TrackerTables(NamedTuple):
    """The tracker's numbers; lengths in m. Tuples are by species: charged hadron, electron, muon.

    abs_eta_max is the calorimeters': what leaves the tracker beyond it is not followed.
    """

    field: float
    radius: float
    half_length: float
    abs_eta_max: float
    inner_radius: float
    inner_half_length: float
    inner_eta_cells: int
    inner_phi_cells: int
    inner_cell: float
    efficiency: tuple[Pieces, Pieces, Pieces]
    momentum: tuple[Pieces, Pieces]  # charged hadron, muon
    momentum_cap: float
    electron: NDArray[np.float64]  # (n, 4): abs_eta_max, constant, stochastic, noise


class CalorimeterTables(NamedTuple):
    """One calorimeter's numbers.

    Attributes:
        eta_edges: float64 (n_rings + 1).
        n_phi: int64 (n_rings), cells round the ring.
        first_cell: int64 (n_rings + 1), number of the ring's first cell; the last entry counts all.
        ring_of_bin: int64, the ring at the lower edge of each fine bin in eta.
        bins_per_eta: fine bins per unit of eta.
        sigma: float64 (n_rings, 3), constant, stochastic and noise term of each ring.
        fraction_pdg, fraction: int64, float64 (n), ascending |PDG code| and its fraction.
        default_fraction: of every other particle.
        energy_min: GeV; significance_min: in sigma.
        showers: how far energy spreads.
    """

    eta_edges: NDArray[np.float64]
    n_phi: NDArray[np.int64]
    first_cell: NDArray[np.int64]
    ring_of_bin: NDArray[np.int64]
    bins_per_eta: float
    sigma: NDArray[np.float64]
    fraction_pdg: NDArray[np.int64]
    fraction: NDArray[np.float64]
    default_fraction: float
    energy_min: float
    significance_min: float
    showers: ShowerTables


class Tables(NamedTuple):
    """All numbers of the compiled simulation."""

    tracker: TrackerTables
    ecal: CalorimeterTables
    hcal: CalorimeterTables


@lru_cache
def tables(detector: Detector) -> Tables:
    """The arrays of a described detector.

    Raises:
        ValueError: a resolution table does not cover |eta| and pt without gap; the message names the file.
    """
    calorimeters, response = detector.calorimeters, detector.response
    showers = shower_tables(detector.showers, detector.tracker.radius, detector.tracker.half_length)
    return Tables(
        tracker=_tracker(detector),
        ecal=_calorimeter(calorimeters.ecal, response.ecal, showers),
        hcal=_calorimeter(calorimeters.hcal, response.hcal, showers),
    )


def _tracker(detector: Detector) -> TrackerTables:
    tracker = detector.tracker
    inner, efficiency = tracker.dense_filter, tracker.efficiency
    resolution = tracker.momentum_resolution
    return TrackerTables(
        field=tracker.field_tesla,
        radius=tracker.radius,
        half_length=tracker.half_length,
        abs_eta_max=max(abs(edge) for part in detector.calorimeters.ecal for edge in part.edges()),
        inner_radius=inner.radius,
        inner_half_length=inner.half_length,
        # As the published card's int(): what does not fill a cell is left out in eta, shared out in phi.
        inner_eta_cells=2 * int(inner.abs_eta_max / inner.cell),
        inner_phi_cells=2 * int(np.pi / inner.cell),
        inner_cell=inner.cell,
        efficiency=(_pieces(efficiency.charged_hadron), _pieces(efficiency.electron), _pieces(efficiency.muon)),
        momentum=(
            read_resolution(detector.table(resolution.charged_hadron)),
            read_resolution(detector.table(resolution.muon)),
        ),
        momentum_cap=resolution.cap,
        electron=_energy_pieces(tracker.electron_energy_resolution),
    )


def _pieces(bins: Sequence[EfficiencyBin]) -> Pieces:
    rows = [[(p.pt_max, p.constant, p.slope) for p in b.pieces] for b in bins]
    return _padded([b.abs_eta_max for b in bins], rows)


def _padded(abs_eta_max: list[float], rows: list[list[tuple[float, float, float]]]) -> Pieces:
    longest = max(map(len, rows))
    filled = np.array([row + row[-1:] * (longest - len(row)) for row in rows])
    columns = (np.ascontiguousarray(filled[:, :, k]) for k in range(3))
    return Pieces(np.array(abs_eta_max), *columns)


def _energy_pieces(pieces: Sequence[EnergyPiece]) -> NDArray[np.float64]:
    return np.array([(p.abs_eta_max, p.constant, p.stochastic, p.noise) for p in pieces])


def read_resolution(path: Path) -> Pieces:
    """A table of the relative sigma of pt: c0 + slope * (pt - pt_ref) in rectangles of |eta| and pt.

    Raises:
        ValueError: other columns than COLUMNS, or rectangles that overlap or leave a gap; the message names
            the file and the place.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path}: columns {reader.fieldnames}, expected {list(COLUMNS)}")
        lines = np.array([[float(line[name]) for name in COLUMNS] for line in reader])
    if not len(lines) or lines[:, 0].min() != 0.0:
        raise ValueError(f"{path}: does not begin at |eta| = 0")
    edges = np.unique(lines[:, :2])
    return _padded(edges[1:].tolist(), [_row(lines, eta, path) for eta in (edges[1:] + edges[:-1]) / 2])


def _row(lines: NDArray[np.float64], eta: float, path: Path) -> list[tuple[float, float, float]]:
    """The pieces in pt at one |eta|: (pt_max, constant, slope)."""
    here = lines[(lines[:, 0] < eta) & (eta < lines[:, 1])]
    here = here[np.argsort(here[:, 2])]
    if [0.0, *here[:, 3]] != [*here[:, 2], np.inf]:
        raise ValueError(f"{path}: at |eta| = {eta:g} the pt bins overlap or leave a gap: {here[:, 2:4].tolist()}")
    return [(pt_max, c0 - slope * pt_ref, slope) for *_, pt_max, c0, pt_ref, slope in here.tolist()]


def _calorimeter(lists: tuple[EdgeList, ...], response: Response, showers: ShowerTables) -> CalorimeterTables:
    cells = build(lists)
    centres = np.abs(cells.eta_edges[1:] + cells.eta_edges[:-1]) / 2
    pieces = _energy_pieces(response.resolution)
    # Delphes takes sigma at the centre of the cell.
    sigma = pieces[np.minimum(np.searchsorted(pieces[:, 0], centres), len(pieces) - 1), 1:]
    bins_per_eta = float(2.0 / np.diff(cells.eta_edges).min())
    starts = cells.eta_edges[0] + np.arange(int(np.ptp(cells.eta_edges) * bins_per_eta) + 2) / bins_per_eta
    ring = np.searchsorted(cells.eta_edges, starts, side="right") - 1
    fractions = sorted((pdg, part.fraction) for part in response.fractions for pdg in part.pdg)
    return CalorimeterTables(
        eta_edges=cells.eta_edges,
        n_phi=cells.n_phi,
        first_cell=np.concatenate([[0], np.cumsum(cells.n_phi)]),
        ring_of_bin=np.clip(ring, 0, len(cells.n_phi) - 1).astype(np.int64),
        bins_per_eta=bins_per_eta,
        sigma=np.ascontiguousarray(sigma),
        fraction_pdg=np.array([pdg for pdg, _ in fractions], dtype=np.int64),
        fraction=np.array([fraction for _, fraction in fractions]),
        default_fraction=response.default_fraction,
        energy_min=response.energy_min,
        significance_min=response.significance_min,
        showers=showers,
    )
