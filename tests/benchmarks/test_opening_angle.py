"""The theory that the gun's opening angles stand beside."""

import numpy as np
import pytest

from benchmarks import opening_angle


@pytest.mark.parametrize("energy", opening_angle.ENERGIES)
def test_a_share_and_the_angle_that_it_stays_below_belong_together(energy: float) -> None:
    shares = np.linspace(0.0, 0.99, 12)
    angle = np.array([opening_angle.expected(energy, share) for share in shares])
    assert opening_angle.share_below(energy, angle) == pytest.approx(shares, abs=1e-7)
    assert opening_angle.share_below(energy, angle[:1] / 2) == 0
