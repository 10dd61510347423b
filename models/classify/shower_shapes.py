"""Twelve numbers that describe the shape of an electromagnetic shower in 5 x 5 crystals.

They are the inputs of CMS' neural network for photons and neutral pions in the ECAL barrel, p1 to p12: CMSSW,
`EndcapPiZeroDiscriminatorAlgo::calculateBarrelNNInputVariables`, with energy sums as in `ClusterShapeAlgo`. The
weights of the covariances are logarithmic (T. C. Awes et al., doi:10.1016/0168-9002(92)90858-2).

With S1 the energy of the hottest crystal, which is the middle one, S9 and S25 those of the 3 x 3 and 5 x 5 crystals
about it, M2 the second largest energy of a crystal, S4 the largest 2 x 2 crystals that hold S1, and S6 the 3 x 2
crystals that are S1, its hottest neighbour and those on both sides of these two:

    p1, p7    |sum E x| / S25: the centre of gravity in eta and in phi, x in crystals from the middle
    p2, p3    sigma_eta_eta / 0.0004, sigma_phi_phi / 0.001, weights max(0, 4.7 + ln(E / S25))
    p4        S1 / S9
    p5        (S9 - S1) / (S25 - S1)
    p6        S4 / S25
    p8        (the two crystals beside the neighbour) / (0.5 GeV + the two beside S1)
    p9        S6 / S9
    p10       lambda_- / lambda_+, the eigenvalues of the covariances
    p11, p12  (M2 + S1) / S9, (M2 + S1) / S4

CMSSW takes the difference of two halves for p1 and p7; here they are the sums of the energies with their distances.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NAMES = tuple(f"p{number}" for number in range(1, 13))
SIDE = 5
MIDDLE = SIDE // 2
# Of the logarithmic weights: a crystal with less than exp(-4.7) of the energy counts nothing.
OMEGA_0 = 4.7
# GeV: keeps p8 finite where nothing is beside the hottest crystal.
BESIDE = 0.5
ETA_ETA, PHI_PHI = 0.0004, 0.001


def shower_shapes(crystals: NDArray[np.floating], eta_pitch: float, phi_pitch: float) -> Floats:
    """The numbers p1 to p12 of showers, 0 where there is nothing to divide by.

    Args:
        crystals: (showers, 5, 5), GeV: their energies along eta and phi, the hottest in the middle.
        eta_pitch, phi_pitch: width of a crystal; radians in phi.

    Returns:
        (showers, 12), in the order of `NAMES`.

    Raises:
        ValueError: not 5 x 5 crystals, or an energy that is negative or not finite.
    """
    energy = crystals.astype(np.float64)
    if energy.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"energies of {energy.shape}: (showers, 5, 5) is wanted")
    if not (np.isfinite(energy).all() and (energy >= 0).all()):
        raise ValueError("an energy of a crystal is negative or not finite")
    s1, s9, s25 = energy[:, MIDDLE, MIDDLE], energy[:, 1:4, 1:4].sum((1, 2)), energy.sum((1, 2))
    m2 = np.sort(energy.reshape(len(energy), -1), axis=1)[:, -2]
    s4 = np.max([energy[:, i : i + 2, j : j + 2].sum((1, 2)) for i in (1, 2) for j in (1, 2)], axis=0)
    s6, ratio = _three_by_two(energy)
    eta_eta, phi_phi, eta_phi = covariances(energy, eta_pitch, phi_pitch)
    distance = np.arange(SIDE) - MIDDLE
    numbers = (
        _divided(np.abs(energy.sum(2) @ distance), s25),
        eta_eta / ETA_ETA,
        phi_phi / PHI_PHI,
        _divided(s1, s9),
        _divided(s9 - s1, s25 - s1),
        _divided(s4, s25),
        _divided(np.abs(energy.sum(1) @ distance), s25),
        ratio,
        _divided(s6, s9),
        _eccentricity(eta_eta, phi_phi, eta_phi),
        _divided(m2 + s1, s9),
        _divided(m2 + s1, s4),
    )
    return np.stack(numbers, axis=1)


def covariances(energy: Floats, eta_pitch: float, phi_pitch: float) -> tuple[Floats, Floats, Floats]:
    """sigma_eta_eta, sigma_phi_phi and sigma_eta_phi of showers, with logarithmic weights; (showers) each.

    Args:
        energy: (showers, 5, 5), GeV.
        eta_pitch, phi_pitch: width of a crystal; radians in phi.
    """
    share = _divided(energy, energy.sum((1, 2))[:, None, None])
    weight = np.maximum(0, OMEGA_0 + np.log(np.maximum(share, np.finfo(float).tiny)))
    total = weight.sum((1, 2))
    eta, phi = np.meshgrid(
        (np.arange(SIDE) - MIDDLE) * eta_pitch, (np.arange(SIDE) - MIDDLE) * phi_pitch, indexing="ij"
    )

    def mean(values: Floats) -> Floats:
        return _divided((weight * values).sum((1, 2)), total)

    mean_eta, mean_phi = mean(eta)[:, None, None], mean(phi)[:, None, None]
    return (
        mean((eta - mean_eta) ** 2),
        mean((phi - mean_phi) ** 2),
        mean((eta - mean_eta) * (phi - mean_phi)),
    )


def _three_by_two(energy: Floats) -> tuple[Floats, Floats]:
    """S6 and p8: the hottest crystal, its hottest neighbour, and what is beside the two."""
    # The neighbour in each of four directions comes to stand above the middle.
    turned = np.stack([np.rot90(energy, turns, axes=(1, 2)) for turns in range(4)])
    best = turned[:, :, MIDDLE - 1, MIDDLE].argmax(0)
    chosen = turned[best, np.arange(len(energy))]
    above, row = chosen[:, MIDDLE - 1], chosen[:, MIDDLE]
    beside_neighbour, beside = (line[:, MIDDLE - 1] + line[:, MIDDLE + 1] for line in (above, row))
    s6 = above[:, MIDDLE] + row[:, MIDDLE] + beside_neighbour + beside
    return s6, beside_neighbour / (BESIDE + beside)


def _eccentricity(eta_eta: Floats, phi_phi: Floats, eta_phi: Floats) -> Floats:
    """The smaller eigenvalue of the covariances over the larger one."""
    root = np.sqrt((eta_eta - phi_phi) ** 2 + 4 * eta_phi**2)
    # In exact numbers never below 0.
    smaller = np.maximum(eta_eta + phi_phi - root, 0)
    return _divided(smaller, eta_eta + phi_phi + root)


def _divided(value: Floats, by: Floats) -> Floats:
    """A quotient, 0 where there is nothing to divide by."""
    return np.divide(value, by, out=np.zeros(np.broadcast_shapes(value.shape, by.shape)), where=by > 0)
