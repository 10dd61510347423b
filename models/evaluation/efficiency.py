"""The share of the true jets that is found at the working point, against pt and against pile-up."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.evaluation.pairing import Bools, Floats, Ints

# Of true jets, GeV; the last bin has no end.
PT_BINS = (0.0, 50.0, 100.0, 200.0, 400.0, 700.0, 1000.0, np.inf)
# Bins of the number of vertices hold about as many events each.
VERTEX_BINS = 6


def against(values: Floats | Ints, found: Bools, edges: Sequence[float]) -> list[dict[str, Any]]:
    """Efficiency in bins, with its interval of 68.27 %.

    Args:
        values: (jets), of each true jet.
        found: (jets), whether it was found.
        edges: of the bins; a value on an edge belongs to the bin above.
    """
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (values >= low) & (values < high)
        n, k = int(inside.sum()), int((inside & found).sum())
        below, above = wilson(k, n)
        rows.append({"from": low, "to": high, "true_jets": n, "efficiency": k / n if n else np.nan})
        rows[-1] |= {"low": below, "high": above}
    return rows


def wilson(k: int, n: int) -> tuple[float, float]:
    """The score interval of one standard deviation for k of n (Wilson, doi:10.1080/01621459.1927.10502953)."""
    if not n:
        return float("nan"), float("nan")
    share = k / n
    middle = (share + 0.5 / n) / (1 + 1 / n)
    half = (share * (1 - share) / n + 0.25 / n**2) ** 0.5 / (1 + 1 / n)
    # Rounding must not leave the share itself outside: pictures take lengths from it.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def vertex_edges(n_vertices: Ints) -> list[float]:
    """Edges of bins with about as many events each; none where the files do not say."""
    known = n_vertices[n_vertices >= 0]
    if not len(known):
        return []
    quantiles = np.quantile(known, np.linspace(0, 1, VERTEX_BINS + 1), method="inverted_cdf")
    edges = np.unique(quantiles).astype(float)
    # The last edge is itself a value: it belongs to the last bin.
    return [*edges[:-1].tolist(), float(edges[-1]) + 1] if len(edges) > 1 else [float(edges[0]), float(edges[0]) + 1]
