"""The cells that the card lists are those of the geometry."""

import math

import numpy as np
import pytest

from detector.geometry import cells
from detector.geometry.description import Detector, EdgeList, load
from detector.simulation.delphes import card_bins
from detector.simulation.delphes.card import render
from tests.helpers.cards import Card, built


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load()


@pytest.fixture(scope="module")
def card(detector: Detector) -> Card:
    return Card(render(detector, tower=True))


@pytest.mark.parametrize(("module", "name"), [("ECal", "ecal"), ("HCal", "hcal")])
def test_cells_are_those_of_the_geometry(card, detector, module, name):
    expected, found = cells.build(getattr(detector.calorimeters, name)), built(card[module])
    np.testing.assert_allclose(found.eta_edges, expected.eta_edges, atol=1e-12)
    np.testing.assert_array_equal(found.n_phi, expected.n_phi)


def test_an_edge_in_two_lists_belongs_to_the_later_one():
    # 0.1 * 3 is 0.30000000000000004: in Delphes, that and 0.3 would be two edges.
    lists = (
        EdgeList(phi_degrees=10, pitch=0.1, first=-3, last=5),
        EdgeList(phi_degrees=5, values=(-0.3, 0.3)),
        EdgeList(phi_degrees=2, values=(0.5, 0.9)),
    )
    parameters: dict = {}
    Card("")._run("\n".join(card_bins.calorimeter(lists)), parameters)
    expected, found = cells.build(lists), built(parameters)
    np.testing.assert_allclose(found.eta_edges, expected.eta_edges, atol=1e-12)
    np.testing.assert_array_equal(found.n_phi, expected.n_phi)


def test_dense_filter_has_whole_cells(card, detector):
    found = built(card["DenseFilter"])
    assert len(found.n_phi) == 2 * int(4.0 / 0.003)
    assert set(found.n_phi) == {2 * int(math.pi / 0.003)}
    np.testing.assert_allclose(np.diff(found.eta_edges), detector.tracker.dense_filter.cell)
