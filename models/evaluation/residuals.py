"""How far matched detections are from their jets: bias and resolution, in total and against true pt."""

from typing import Any, NamedTuple

import numpy as np

from detector.geometry.angles import delta
from models.evaluation.pairing import Floats, Ints, JetTable

QUANTITIES = ("eta", "phi", "pt")

# Of true jets, GeV; the last bin has no end.
PT_EDGES = (0.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 700.0, 1000.0, 1500.0, np.inf)

# Fewer pairs say nothing about quantiles of 16 and 84 %.
MIN_PAIRS = 10


class Residuals(NamedTuple):
    """Detections that are right, against their jets.

    Attributes:
        eta, phi: (pairs), detected less true, radians; phi round the shorter side.
        pt: (pairs), detected over true, less 1; not a number where pt is not measured.
        true_pt: (pairs), GeV.
    """

    eta: Floats
    phi: Floats
    pt: Floats
    true_pt: Floats

    @classmethod
    def of(cls, found: JetTable, true: JetTable, partner: Ints) -> "Residuals":
        """The residuals of the detections that found a jet (`models.evaluation.pairing.match`)."""
        right = np.flatnonzero(partner >= 0)
        one, two = found.take(right), true.take(partner[right])
        return cls(one.eta - two.eta, delta(one.phi, two.phi), one.pt / two.pt - 1, two.pt)


def spread(values: Floats) -> dict[str, Any]:
    """Number, bias (median), resolution (half the central 68.27 %) and its error; not a number for few pairs.

    The error is that of a normal distribution: the quantiles' covariance (Cramer, Mathematical Methods of Statistics,
    section 28.5) gives 0.96 of the resolution over the root of the number.
    """
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, (0.15865, 0.5, 0.84135)) if len(known) >= MIN_PAIRS else [np.nan] * 3
    half = float((high - low) / 2)
    error = 0.96 * half / max(len(known), 1) ** 0.5
    return {"pairs": len(known), "bias": float(middle), "resolution": half, "resolution_error": error}


def against_pt(residuals: Residuals, true_pt: Floats) -> list[dict[str, Any]]:
    """The same in bins of true pt, and the share of the jets that is found.

    Args:
        residuals: of the matched detections.
        true_pt: of all true jets, GeV.
    """
    edges = np.array(PT_EDGES)
    index = np.searchsorted(edges, residuals.true_pt, side="right") - 1
    jets = np.bincount(np.searchsorted(edges, true_pt, side="right") - 1, minlength=len(edges) - 1)
    rows = []
    for k, n_jets in enumerate(jets.tolist()):
        inside = index == k
        row: dict[str, Any] = {"pt_from": PT_EDGES[k], "pt_to": PT_EDGES[k + 1], "true_jets": n_jets}
        row["found"] = int(inside.sum()) / n_jets if n_jets else np.nan
        rows.append(row | {name: spread(getattr(residuals, name)[inside]) for name in QUANTITIES})
    return rows
