"""PUPPI weights."""

import numpy as np
import pytest

from detector import Detector
from detector.simulation.fast.puppi import NEUTRAL, PILEUP, PRIMARY, Candidates, puppi_tables, weights


def crossing(rng: np.random.Generator) -> Candidates:
    """A jet of the primary vertex at (0.5, 1.0) on a carpet of pile-up, all in the barrel."""
    n_jet, n_carpet = 30, 900
    eta = np.concatenate([rng.normal(0.5, 0.08, n_jet), rng.uniform(-1.5, 1.5, n_carpet)])
    phi = np.concatenate([rng.normal(1.0, 0.08, n_jet), rng.uniform(-np.pi, np.pi, n_carpet)])
    pt = np.concatenate([rng.exponential(10, n_jet) + 2, rng.exponential(0.6, n_carpet) + 0.3])
    kind = np.concatenate([np.tile([PRIMARY, NEUTRAL], n_jet // 2), np.tile([PILEUP, NEUTRAL], n_carpet // 2)])
    # Some tracks of the primary vertex everywhere, so that the carpet has neighbours.
    kind[n_jet::20] = PRIMARY
    return Candidates(pt, eta, phi, np.zeros(len(pt)), kind)


def test_tracks_are_kept_or_dropped(cms: Detector, rng: np.random.Generator) -> None:
    some = crossing(rng)
    weight = weights(some, 51, puppi_tables(cms.puppi))
    assert np.all(weight[some.kind == PRIMARY] == 1)
    assert np.all(weight[some.kind == PILEUP] == 0)
    assert weight.min() >= 0
    assert weight.max() <= 1


def test_neutrals_near_the_primary_vertex_weigh_more(cms: Detector, rng: np.random.Generator) -> None:
    some = crossing(rng)
    weight = weights(some, 51, puppi_tables(cms.puppi))
    neutral = some.kind == NEUTRAL
    in_jet = np.hypot(some.eta - 0.5, some.phi - 1.0) < 0.15
    assert weight[neutral & in_jet].mean() > 0.8
    assert weight[neutral & ~in_jet].mean() < 0.4


def test_the_event_may_be_turned(cms: Detector, rng: np.random.Generator) -> None:
    some = crossing(rng)
    turned = some._replace(phi=np.mod(some.phi + 2.2 + np.pi, 2 * np.pi) - np.pi)
    tables = puppi_tables(cms.puppi)
    assert weights(turned, 51, tables) == pytest.approx(weights(some, 51, tables), abs=1e-6)


def test_soft_neutrals_fall_under_the_threshold(cms: Detector) -> None:
    """Without tracks there is no pile-up to tell: weight 1, but for the minimum pt, 0.2 + 35 * 0.006 GeV."""
    n = np.zeros(2)
    lone = Candidates(np.array([0.40, 0.42]), np.array([0.1, -1.0]), n, n, np.array([NEUTRAL, NEUTRAL]))
    assert weights(lone, 51, puppi_tables(cms.puppi)).tolist() == [0.0, 1.0]


def test_a_slow_track_counts_where_its_rapidity_takes_it(cms: Detector) -> None:
    """A proton of 0.6 GeV at eta 1.45 taken for a rapidity has eta asinh(2.0143 * 1.8557) = 2.029: the endcap's bin.

    So nothing tells the barrel's pile-up, and the neutral beside it keeps weight 1. Were the track the barrel's
    pile-up, with alpha 0, the neutral's alpha of ln(0.36 / 0.629^2) = -0.09 would look softer: weight 0.
    """
    track, neutral = (0.6, 1.45, 0.0, 0.938, PRIMARY), (5.0, 1.40, 0.0, 0.0, NEUTRAL)
    some = Candidates(*(np.array(column) for column in zip(track, neutral, strict=True)))
    assert weights(some, 51, puppi_tables(cms.puppi)).tolist() == [1.0, 1.0]
