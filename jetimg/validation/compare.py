"""Two sets of Delphes files side by side: do they come from the same detector?

Means of multiplicities and energies are compared with their statistical errors, spectra by a permutation
test; both also at the same pile-up activity, because the finite pool of soft collisions that a file was
made with is common to all its events: averaging over more events does not help.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.validation.observables import Observed, Observer, by_event
from jetimg.validation.two_sample import (
    Design,
    PermutationResult,
    Ratios,
    at_same_activity,
    permutation_test,
    ratios,
    ratios_at_same_activity,
)

# Bins of the test: as many hits in each.
QUANTILES = 20
# Bins of the pictures; fewer for fewer values than FEW.
BINS, COARSE, FEW = 40, 16, 20_000
# Events at the beginning of each file that the bins are made from.
FIRST = 50
# Spectra drawn on a logarithmic axis, if they span more than this factor.
LOGARITHMIC, WIDE = (".PT", ".ET", ".E"), 20.0

Floats = NDArray[np.float64]
Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class Binning:
    """Edges of a spectrum's bins: those of the test, whose last ones reach to infinity, and of the picture."""

    test: Floats
    picture: Floats


@dataclass(frozen=True)
class BinnedSpectrum:
    """A spectrum in bins, a row an event."""

    test: NDArray[np.int32]
    picture: NDArray[np.int32]


@dataclass
class EventColumns:
    """What all events of one set hold, file after file; see `Observed`."""

    sample: list[int] = field(default_factory=list)
    numbers: dict[str, list[Floats]] = field(default_factory=dict)
    spectra: dict[str, list[BinnedSpectrum]] = field(default_factory=dict)
    rings: dict[str, list[Floats]] = field(default_factory=dict)
    response: list[tuple[Floats, Floats]] = field(default_factory=list)
    activity: list[Floats | None] = field(default_factory=list)
    vertices: list[Floats] = field(default_factory=list)

    def add(self, seen: Observed, sample: int, binnings: Mapping[str, Binning]) -> None:
        """Adds the events of one chunk."""
        self.sample += [sample] * len(seen.numbers["tracks"])
        for name, numbers in seen.numbers.items():
            self.numbers.setdefault(name, []).append(numbers)
        for name, energy in seen.rings.items():
            self.rings.setdefault(name, []).append(energy)
        for name, binning in binnings.items():
            test, shown = (by_event(seen.spectra[name], edges) for edges in (binning.test, binning.picture))
            self.spectra.setdefault(name, []).append(BinnedSpectrum(test.astype(np.int32), shown.astype(np.int32)))
        self.response.append(seen.response)
        self.activity.append(seen.activity)
        self.vertices.append(seen.vertices)


@dataclass(frozen=True)
class Pileup:
    """The pile-up of both sets.

    Attributes:
        charged: (2), mean charged particles of a soft collision.
        spread: relative standard deviation of one soft collision's.
        pools: numbers of soft collisions in the pools.
        activity: (2), mean charged particles of pile-up an event.
    """

    charged: Floats
    spread: float
    pools: tuple[int, int]
    activity: Floats

    @property
    def scatter(self) -> Floats:
        """How much the mean of a pool scatters from pool to pool, relative (2)."""
        return np.asarray(self.spread / np.sqrt(self.pools))


@dataclass(frozen=True)
class Comparison:
    """Two sets of files compared.

    Attributes:
        labels: names of the sets.
        samples: those compared; events: their numbers of events, (samples, 2).
        design, gathered: the events, those of the first set before those of the second.
        binnings: of the spectra.
        numbers: their names, in the order of the columns of raw and same.
        raw, same: ratios as they are, and at the same pile-up activity (None: a file does not tell it).
        pool_error: of the raw ratio, from the finite pools, (numbers).
        by_sample: as same (raw if None), sample by sample.
        tested, tested_same: the spectra's tests.
        permutations: of these tests.
        activity: charged particles of pile-up in each event; None where a file does not tell it.
        pileup: the same of both sets.
        ring_edges: eta.
    """

    labels: tuple[str, str]
    samples: tuple[str, ...]
    events: NDArray[np.int64]
    design: Design
    gathered: tuple[EventColumns, EventColumns]
    binnings: dict[str, Binning]
    numbers: tuple[str, ...]
    raw: Ratios
    same: Ratios | None
    pool_error: Floats
    by_sample: dict[str, Ratios]
    tested: PermutationResult
    tested_same: PermutationResult | None
    permutations: int
    activity: Floats | None
    pileup: Pileup | None
    ring_edges: Floats

    def offenders(self, most: float) -> list[str]:
        """Numbers whose ratio, at the same activity where known, differs from 1 by more than `most`."""
        ratio = (self.same or self.raw).ratio
        return [
            f"{name}: {value:.4f}"
            for name, value in zip(self.numbers, ratio, strict=True)
            if not abs(value - 1) <= most
        ]


@dataclass(frozen=True)
class Choices:
    """How two sets are compared.

    Attributes:
        labels: names of the sets.
        pools: numbers of soft collisions in the pools they were made with.
        permutations, seed: of the tests.
    """

    labels: tuple[str, str] = ("A", "B")
    pools: tuple[int, int] = (4000, 4000)
    permutations: int = 2000
    seed: int = 1


def compare(
    sets: tuple[Files, Files], observer: Observer, choices: Choices, progress: Callable[[int], None] = lambda _: None
) -> Comparison:
    """Compares two sets of files, sample by sample; both must have the same samples.

    Args:
        sets: the files of each sample.
        observer: reads them.
        choices: see there.
        progress: told how many files are done.

    Raises:
        DataError: a file that cannot be used, or a sample with fewer than two events in a set.
    """
    samples = tuple(sets[0])
    binnings = _binnings(sets, observer)
    gathered = EventColumns(), EventColumns()
    for files, into in zip(sets, gathered, strict=True):
        for number, sample in enumerate(samples):
            for path in files[sample]:
                for seen in observer.read(path):
                    into.add(seen, number, binnings)
                progress(1)
    return _compared(samples, gathered, binnings, observer, choices)


def _compared(
    samples: tuple[str, ...],
    gathered: tuple[EventColumns, EventColumns],
    binnings: dict[str, Binning],
    observer: Observer,
    choices: Choices,
) -> Comparison:
    sample = np.array(gathered[0].sample + gathered[1].sample)
    design = Design(sample, np.arange(len(sample)) >= len(gathered[0].sample))
    events = np.stack([np.bincount(part.sample, minlength=len(samples)) for part in gathered], axis=1)
    if (few := np.flatnonzero(events.min(axis=1) < 2)).size:
        raise DataError(f"{samples[few[0]]}: {events[few[0]].tolist()} events; at least two are needed in each set")
    names = tuple(gathered[0].numbers)
    values = np.stack([_joined(gathered, "numbers", name) for name in names], axis=1)
    spectra = np.stack([column.test for column in (_spectrum(gathered, n) for n in binnings)], axis=1)
    counts = spectra.astype(np.float64)
    activity = _activity(gathered)
    test = choices.permutations, choices.seed
    pileup, same, tested_same, pool_error = None, None, None, np.zeros(len(names))
    if activity is not None:
        pileup = _pileup(gathered, design, activity, choices.pools)
        same = ratios_at_same_activity(design, values, activity)
        tested_same = permutation_test(design, at_same_activity(design, counts, activity).values, *test)
        pool_error = _pool_error(design, values, activity, pileup)
    return Comparison(
        choices.labels, samples, events, design, gathered, binnings, names,
        ratios(design, values), same, pool_error, _by_sample(samples, design, values, activity),
        permutation_test(design, counts, *test), tested_same, choices.permutations, activity, pileup,
        observer.ring_edges,
    )  # fmt: skip


def _by_sample(samples: tuple[str, ...], design: Design, values: Floats, activity: Floats | None) -> dict[str, Ratios]:
    found = {}
    for number, name in enumerate(samples):
        mine = design.sample == number
        alone = Design(np.zeros(np.count_nonzero(mine), np.int64), design.second[mine])
        if activity is None:
            found[name] = ratios(alone, values[mine])
        else:
            found[name] = ratios_at_same_activity(alone, values[mine], activity[mine])
    return found


def _binnings(sets: tuple[Files, Files], observer: Observer) -> dict[str, Binning]:
    """Bins that both sets share, from the first events of every file."""
    seen = [
        next(iter(observer.read(path, FIRST))).spectra for files in sets for paths in files.values() for path in paths
    ]
    common = [name for name in seen[0] if all(name in spectra for spectra in seen)]
    return {name: _binning(name, np.concatenate([spectra[name].content for spectra in seen])) for name in common}


def _binning(name: str, values: NDArray[np.floating]) -> Binning:
    finite = values[np.isfinite(values)].astype(np.float64)
    if not len(finite):
        finite = np.array([0.0, 1.0])
    inner = np.unique(np.quantile(finite, np.arange(1, QUANTILES) / QUANTILES))
    # Padded with empty bins, so that all spectra have as many.
    test = np.concatenate([[-np.inf], inner, np.full(QUANTILES - len(inner), np.inf)])
    low, high = np.quantile(finite, (0.0005, 0.9995))
    bins = COARSE if len(finite) < FEW else BINS
    if name.endswith(LOGARITHMIC) and low > 0 and high > WIDE * low:
        return Binning(test, np.geomspace(low, high, bins + 1))
    return Binning(test, np.linspace(low, max(high, low + 1e-6), bins + 1))


def _joined(gathered: tuple[EventColumns, EventColumns], what: str, name: str) -> Floats:
    return np.concatenate([part for side in gathered for part in getattr(side, what)[name]])


def _spectrum(gathered: tuple[EventColumns, EventColumns], name: str) -> BinnedSpectrum:
    parts = [part for side in gathered for part in side.spectra[name]]
    return BinnedSpectrum(
        np.concatenate([part.test for part in parts]), np.concatenate([part.picture for part in parts])
    )


def _activity(gathered: tuple[EventColumns, EventColumns]) -> Floats | None:
    parts = [part for side in gathered for part in side.activity]
    if any(part is None for part in parts):
        return None
    return np.concatenate([part for part in parts if part is not None])


def _pileup(
    gathered: tuple[EventColumns, EventColumns], design: Design, activity: Floats, pools: tuple[int, int]
) -> Pileup | None:
    vertices = [np.concatenate(side.vertices) for side in gathered]
    if not all(len(part) > 1 for part in vertices):
        return None
    charged = np.array([part.mean() for part in vertices])
    spread = float(np.mean([part.std() / part.mean() for part in vertices]))
    return Pileup(charged, spread, pools, design.means(activity))


def _pool_error(design: Design, values: Floats, activity: Floats, pileup: Pileup | None) -> Floats:
    """The error of the raw ratios from the finite pools: their scatter, times how the number follows."""
    if pileup is None:
        return np.zeros(values.shape[1])
    adjusted = at_same_activity(design, values, activity)
    with np.errstate(divide="ignore", invalid="ignore"):
        follows = adjusted.slope * adjusted.reference / design.means(values).mean(axis=0)
    return np.asarray(np.abs(follows) * np.hypot(*pileup.scatter))
