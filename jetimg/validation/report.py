"""A comparison as tables, as JSON and as a folder of both with pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.common.atomic import write_text
from jetimg.common.tables import Sheet
from jetimg.validation.compare import Comparison, Floats
from jetimg.validation.two_sample import PermutationResult, Ratios

# Columns of the table by sample.
MAIN = (
    "tracks", "photons", "neutral hadrons",
    "sum of EFlowTrack.PT", "sum of EFlowPhoton.ET", "sum of EFlowNeutralHadron.ET",
    "tracker pixels", "ecal pixels", "hcal pixels",
)  # fmt: skip

TEST = (
    "D is the largest difference of the two cumulated spectra, each of area 1, over {bins} bins with as many hits in "
    "each; p is the share of {n:,} permutations of whole events between the sets, within their samples, with a D at "
    "least as large. The hits of one event stay together. The smallest of the {spectra} p values is met by a share "
    "{p:.3g} of the permutations{same}. Events of one pool also share soft collisions, which exchanging events cannot "
    "undo: with small pools, spectra that pile-up makes get low p values a few times too often."
)


def write(found: Comparison, folder: Path) -> None:
    """Writes compare.json, compare.md and the pictures.

    Raises:
        DataError: the folder cannot be written.
    """
    from jetimg.validation.plots import draw_all

    write_text(folder / "compare.json", json.dumps(as_dict(found), indent=1) + "\n")
    write_text(folder / "compare.md", "\n".join(sheet.markdown() for sheet in sheets(found)))
    draw_all(found, folder)


def sheets(found: Comparison) -> list[Sheet]:
    """The tables: events, numbers, samples, spectra."""
    return [_events(found), _numbers(found), _samples(found), _spectra(found)]


def _events(found: Comparison) -> Sheet:
    rows = [(name, *map(int, events)) for name, events in zip(found.samples, found.events, strict=True)]
    note = "The files do not tell how much pile-up each event has: nothing is compared at the same activity."
    if (pileup := found.pileup) is not None:
        (a, b), scatter = pileup.charged, pileup.scatter
        note = (
            f"Charged particles of a soft collision: {found.labels[0]} {a:.2f}, {found.labels[1]} {b:.2f}, ratio "
            f"{b / a:.4f}. From pool to pool it scatters by {scatter[0]:.2%} ({pileup.pools[0]:,} collisions) and "
            f"{scatter[1]:.2%} ({pileup.pools[1]:,}), and all events of a pool share that. An event has "
            f"{pileup.activity[0]:,.0f} and {pileup.activity[1]:,.0f} charged particles of pile-up."
        )
    return Sheet("Events", ("sample", *found.labels), rows, note)


def _numbers(found: Comparison) -> Sheet:
    rows = []
    for k, name in enumerate(found.numbers):
        raw = found.raw
        pool = f"{found.pool_error[k]:.4f}" if found.pileup else None
        same = _ratio(found.same, k) if found.same else None
        rows.append((name, float(raw.means[0, k]), float(raw.means[1, k]), _ratio(raw, k), pool, same))
    return Sheet(
        "Means an event",
        ("number", *found.labels, "ratio", "from the pools", "ratio at the same activity"),
        rows,
        "GeV for sums. Errors are statistical, with the event as the unit; samples count alike. `from the pools`: one "
        "more error of the ratio, from the scatter of the pools. At the same activity: both brought to the same "
        "number of charged pile-up particles by a linear fit, which takes this error away.",
    )


def _samples(found: Comparison) -> Sheet:
    columns = [found.numbers.index(name) for name in MAIN]
    rows = [(name, *(_ratio(ratio, k) for k in columns)) for name, ratio in found.by_sample.items()]
    title = "Ratios by sample" + (", at the same activity" if found.same else "")
    return Sheet(title, ("sample", *(name.removeprefix("sum of ") for name in MAIN)), rows)


def _spectra(found: Comparison) -> Sheet:
    tests = [found.tested] if found.tested_same is None else [found.tested, found.tested_same]
    rows = [(name, *(cell for test in tests for cell in _cells(test, k))) for k, name in enumerate(found.binnings)]
    heads = ["spectrum", "D", "median of permutations", "p"]
    heads += ["D, same activity", "median", "p, same activity"] if found.tested_same else []
    same = f"; at the same activity, by {found.tested_same.p_smallest:.3g}" if found.tested_same else ""
    bins = len(next(iter(found.binnings.values())).test) - 1
    note = TEST.format(bins=bins, n=found.permutations, spectra=len(rows), p=found.tested.p_smallest, same=same)
    return Sheet("Spectra", heads, rows, note)


def _cells(test: PermutationResult, k: int) -> tuple[str, str, str]:
    return f"{test.distance[k]:.4f}", f"{test.expected[k]:.4f}", f"{test.p[k]:.3f}"


def _ratio(ratio: Ratios, k: int) -> str:
    return f"{ratio.ratio[k]:.4f} ± {ratio.ratio_error[k]:.4f}"


def as_dict(found: Comparison) -> dict[str, Any]:
    """For JSON."""
    pileup = found.pileup
    return {
        "labels": list(found.labels),
        "events": {name: counts.tolist() for name, counts in zip(found.samples, found.events, strict=True)},
        "numbers": {
            name: _number(found.raw, k)
            | {"ratio_error_from_pools": float(found.pool_error[k])}
            | ({"same_activity": _number(found.same, k)} if found.same else {})
            for k, name in enumerate(found.numbers)
        },
        "by_sample": {
            sample: {name: _number(ratio, k) for k, name in enumerate(found.numbers)}
            for sample, ratio in found.by_sample.items()
        },
        "spectra": {
            name: _test(found.tested, k) | ({"same_activity": _test(found.tested_same, k)} if found.tested_same else {})
            for k, name in enumerate(found.binnings)
        },
        "smallest_p": found.tested.p_smallest,
        "smallest_p_same_activity": found.tested_same.p_smallest if found.tested_same else None,
        "permutations": found.permutations,
        "pileup": pileup
        and {
            "charged_a_collision": pileup.charged.tolist(),
            "charged_an_event": pileup.activity.tolist(),
            "pools": list(pileup.pools),
            "scatter_of_pools": pileup.scatter.tolist(),
        },
    }


def _number(ratio: Ratios, k: int) -> dict[str, Any]:
    return {
        "means": _finite(ratio.means[:, k]),
        "errors": _finite(ratio.errors[:, k]),
        "ratio": _finite(ratio.ratio[k : k + 1])[0],
        "ratio_error": _finite(ratio.ratio_error[k : k + 1])[0],
    }


def _finite(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _test(test: PermutationResult, k: int) -> dict[str, float]:
    return {"distance": float(test.distance[k]), "expected": float(test.expected[k]), "p": float(test.p[k])}
