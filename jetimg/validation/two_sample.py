"""Do two sets of events come from the same source? Ratios of means, and a permutation test of spectra.

The unit is the event: hits of one event share a collision and its pile-up, so that tests which take hits for
independent (Kolmogorov and Smirnov's own) find differences where there are none. Samples count alike
whatever their numbers of events, and events are exchanged only within their sample.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# Labels of this many events are permuted at once: 16 MB.
BLOCK = 2_000_000

# Distances this near are the same but for rounding.
SAME = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Which events belong to which sample and to which of the two sets.

    Attributes:
        sample: int64 (n), numbers of the samples from 0; each has events in both sets.
        second: bool (n), whether the event belongs to the second set.
    """

    sample: NDArray[np.int64]
    second: NDArray[np.bool_]

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """The number of each event's sample and set."""
        return 2 * self.sample + self.second

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """The number of events of each group."""
        return np.bincount(self.group)

    @cached_property
    def weights(self) -> Floats:
        """(2, n): what each event weighs in the mean of each set; samples count alike."""
        weight = 1.0 / (self.sizes[self.group] * (len(self.sizes) // 2))
        return np.stack([np.where(self.second, 0.0, weight), np.where(self.second, weight, 0.0)])

    def means(self, values: Floats) -> Floats:
        """The means (2, ...) of values (n, ...) in each set."""
        return np.asarray(np.tensordot(self.weights, values, axes=1))

    def residuals(self, values: Floats) -> Floats:
        """Values (n, ...) less the mean of their group."""
        members = np.arange(len(self.sizes))[:, None] == self.group
        sums = np.tensordot(members.astype(np.float64), values, axes=1)
        return np.asarray(values - (sums.T / self.sizes).T[self.group])

    def variances(self, residuals: Floats) -> Floats:
        """The squared statistical errors (2, ...) of the means, from residuals (n, ...)."""
        size = self.sizes[self.group]
        return np.asarray(np.tensordot(self.weights**2 * size / np.maximum(size - 1, 1), residuals**2, axes=1))


@dataclass(frozen=True)
class Ratios:
    """Means of some columns in both sets.

    Attributes:
        means, errors: (2, k).
        ratio, ratio_error: second over first, (k).
    """

    means: Floats
    errors: Floats
    ratio: Floats
    ratio_error: Floats


def ratios(design: Design, values: Floats, extra_variance: Floats | float = 0.0) -> Ratios:
    """Compares the means of columns (n, k), with their statistical errors.

    Args:
        design: the events' samples and sets.
        values: one row an event.
        extra_variance: of the ratio (k), beside that from the events.
    """
    means, variances = design.means(values), design.variances(design.residuals(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = means[1] / means[0]
        error = np.sqrt((variances[1] + ratio**2 * variances[0]) / means[0] ** 2 + extra_variance)
    return Ratios(means, np.sqrt(variances), ratio, error)


@dataclass(frozen=True)
class Adjusted:
    """Columns brought to one activity.

    Attributes:
        values: (n, ...), less slope * (activity - reference).
        slope, slope_variance: (...), change with the activity; the same for both sets.
        reference: the activity, the mean of both sets.
        difference: of the mean activity, second less first set.
    """

    values: Floats
    slope: Floats
    slope_variance: Floats
    reference: float
    difference: float


def at_same_activity(design: Design, values: Floats, activity: Floats) -> Adjusted:
    """What columns (n, ...) would be if every event had the same activity, by a linear fit.

    The slope is fitted within samples and sets, so that a difference between the sets does not enter it.
    """
    x = design.residuals(activity)
    y = design.residuals(values)
    spread = max(float(x @ x), SAME)
    slope = np.tensordot(x, y, axes=1) / spread
    left = y - np.multiply.outer(x, slope)
    variance = (left**2).sum(axis=0) / max(len(x) - len(design.sizes) - 1, 1) / spread
    first, second = design.means(activity)
    reference = float(first + second) / 2
    adjusted = values - np.multiply.outer(activity - reference, slope)
    return Adjusted(adjusted, slope, variance, reference, float(second - first))


def ratios_at_same_activity(design: Design, values: Floats, activity: Floats) -> Ratios:
    """As `ratios`, of columns brought to the same activity; the slope's error is in that of the ratio."""
    adjusted = at_same_activity(design, values, activity)
    with np.errstate(divide="ignore", invalid="ignore"):
        extra = adjusted.slope_variance * adjusted.difference**2 / design.means(adjusted.values)[0] ** 2
    return ratios(design, adjusted.values, extra)


@dataclass(frozen=True)
class PermutationResult:
    """A permutation test of several spectra.

    Attributes:
        distance: (s), the largest difference of the cumulated spectra, each of area 1.
        expected: (s), the median distance of permuted sets.
        p: (s), the share of permutations at least as far apart.
        p_smallest: the share whose smallest p of all spectra is as small as the smallest found.
    """

    distance: Floats
    expected: Floats
    p: Floats
    p_smallest: float


def permutation_test(design: Design, counts: Floats, permutations: int, seed: int) -> PermutationResult:
    """Tests whether spectra have the same shape in both sets, exchanging whole events.

    Args:
        design: the events' samples and sets.
        counts: (n, s, b), what each event adds to each bin of each spectrum.
        permutations: how many; the minimum p is 1 / (permutations + 1).
        seed: of the permutations.
    """
    rng = np.random.default_rng(seed)
    found = _distances(design, counts, design.second[None])[0]
    block = max(1, BLOCK // max(len(design.second), 1))
    drawn = [
        _distances(design, counts, _permuted(design, min(block, permutations - done), rng))
        for done in range(0, permutations, block)
    ]
    every = np.concatenate([found[None], *drawn])
    # The set as it is counts as one permutation: so p is exact, and never 0.
    at_least = np.stack([_share_at_least(column) for column in every.T], axis=1)
    smallest = at_least.min(axis=1)
    return PermutationResult(
        found, np.median(every, axis=0), at_least[0], float(np.mean(smallest <= smallest[0] + SAME))
    )


def _share_at_least(values: Floats) -> Floats:
    """For each value the share of all that is not smaller."""
    ordered = np.sort(values)
    return np.asarray((len(values) - np.searchsorted(ordered, values - SAME)) / len(values))


def _permuted(design: Design, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Labels (n, events), each sample's shuffled among its events."""
    labels = np.empty((n, len(design.second)), dtype=bool)
    for sample in range(len(design.sizes) // 2):
        mine = np.flatnonzero(design.sample == sample)
        labels[:, mine] = rng.permuted(np.tile(design.second[mine], (n, 1)), axis=1)
    return labels


def _distances(design: Design, counts: Floats, second: NDArray[np.bool_]) -> Floats:
    """The distance of each spectrum (columns) with each row of labels."""
    n, spectra, bins = counts.shape
    flat = counts.reshape(n, spectra * bins)
    samples = len(design.sizes) // 2
    cumulated = []
    for chosen, sizes in ((~second, design.sizes[0::2]), (second, design.sizes[1::2])):
        weighted = chosen / (sizes[design.sample] * samples)
        sums = np.cumsum((weighted @ flat).reshape(-1, spectra, bins), axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            cumulated.append(np.nan_to_num(sums / sums[:, :, -1:]))
    return np.asarray(np.abs(cumulated[1] - cumulated[0]).max(axis=2))
