"""p1 to p12 by hand, from 5 x 5 crystals whose sums anybody can check."""

import math

import numpy as np
import pytest

from models.classify.shower_shapes import ETA_ETA, NAMES, OMEGA_0, PHI_PHI, covariances, shower_shapes

PITCH = 0.0174, math.pi / 180


def named(crystals: list[list[float]]) -> dict[str, float]:
    return dict(zip(NAMES, shower_shapes(np.array([crystals]), *PITCH)[0], strict=True))


SHOWER = [
    [0, 0, 0, 0, 0],
    [0, 0, 4, 2, 0],
    [0, 1, 10, 3, 0],
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 5],
]


def test_ratios_of_sums_by_hand() -> None:
    """S1 10, M2 5 (in the corner, outside S9), S9 20, S25 25; S4 4 + 2 + 10 + 3 = 19.

    The hottest neighbour is above with 4, beside it 0 and 2, beside S1 1 and 3: S6 = 10 + 4 + 2 + 1 + 3 = 20.
    """
    found = named(SHOWER)
    assert found["p4"] == pytest.approx(10 / 20)
    assert found["p5"] == pytest.approx(10 / 15)
    assert found["p6"] == pytest.approx(19 / 25)
    assert found["p8"] == pytest.approx(2 / 4.5)
    assert found["p9"] == pytest.approx(20 / 20)
    assert found["p11"] == pytest.approx(15 / 20)
    assert found["p12"] == pytest.approx(15 / 19)


def test_centre_of_gravity_by_hand() -> None:
    """Eta: -1 (4 + 2) + 2 (5) = 4; phi: -1 (1) + 1 (2 + 3) + 2 (5) = 14; over 25."""
    found = named(SHOWER)
    assert found["p1"] == pytest.approx(4 / 25)
    assert found["p7"] == pytest.approx(14 / 25)


def test_covariances_of_two_equal_crystals_by_hand() -> None:
    """Equal weights at distances 0 and 1 along phi: a variance of a quarter of the pitch squared, none in eta."""
    crystals = np.zeros((5, 5))
    crystals[2, 2] = crystals[2, 3] = 7
    found = named(crystals.tolist())
    assert found["p2"] == 0
    assert found["p3"] == pytest.approx(PITCH[1] ** 2 / 4 / PHI_PHI)
    assert found["p10"] == 0


def test_logarithmic_weights_by_hand() -> None:
    """A crystal with a tenth of the energy beside one with nine tenths."""
    crystals = np.zeros((1, 5, 5))
    crystals[0, 2, 2], crystals[0, 1, 2] = 9, 1
    near, far = OMEGA_0 + math.log(0.9), OMEGA_0 + math.log(0.1)
    share = far / (near + far)
    eta_eta, phi_phi, eta_phi = covariances(crystals, *PITCH)
    assert eta_eta[0] == pytest.approx(share * (1 - share) * PITCH[0] ** 2)
    assert phi_phi[0] == eta_phi[0] == 0


def test_a_diagonal_shower_has_one_axis_and_a_square_two() -> None:
    diagonal, square = np.zeros((5, 5)), np.zeros((5, 5))
    diagonal[[1, 2, 3], [1, 2, 3]] = 5
    square[1:4, 1:4] = 5
    width = 0.01
    shapes = shower_shapes(np.stack([diagonal, square]), width, width)
    assert shapes[0, NAMES.index("p10")] == pytest.approx(0, abs=1e-12)
    assert shapes[1, NAMES.index("p10")] == pytest.approx(1)
    assert shapes[1, NAMES.index("p2")] == pytest.approx(2 / 3 * width**2 / ETA_ETA)


def test_a_photon_in_one_crystal_divides_by_nothing() -> None:
    """CMSSW says 0 there, too."""
    crystals = np.zeros((5, 5))
    crystals[2, 2] = 8
    found = named(crystals.tolist())
    assert {name: found[name] for name in ("p4", "p6", "p9", "p11", "p12")} == dict.fromkeys(
        ("p4", "p6", "p9", "p11", "p12"), 1.0
    )
    assert not any(found[name] for name in ("p1", "p2", "p3", "p5", "p7", "p8", "p10"))


def test_nothing_changes_in_a_mirror_or_by_the_scale_but_p8() -> None:
    random = np.random.default_rng(1)
    energy = random.exponential(1, (50, 5, 5))
    energy[:, 2, 2] += 20
    shapes = shower_shapes(energy, *PITCH)
    for mirrored in (energy[:, ::-1], energy[:, :, ::-1]):
        assert shower_shapes(mirrored, *PITCH) == pytest.approx(shapes)
    others = [number for number, name in enumerate(NAMES) if name != "p8"]
    assert shower_shapes(10 * energy, *PITCH)[:, others] == pytest.approx(shapes[:, others])


@pytest.mark.parametrize("wrong", [np.zeros((2, 3, 3)), -np.ones((1, 5, 5)), np.full((1, 5, 5), np.nan)])
def test_what_is_no_shower_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="energ"):
        shower_shapes(wrong, *PITCH)
