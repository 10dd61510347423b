"""Particles and tracks for tests, made by hand."""

import numpy as np

from detector.simulation.particles import Particles, Tracks


def particles(
    pid: list[int], charge: list[int], pt: list[float], eta: list[float], phi: list[float], mass: float = 0.0
) -> Particles:
    """Particles born at the origin."""
    pt_, eta_, phi_ = (np.array(column, dtype=float) for column in (pt, eta, phi))
    n = len(pid)
    zeros = np.zeros(n)
    return Particles(
        np.array(pid, np.int32), np.array(charge, np.int8), pt_ * np.cos(phi_), pt_ * np.sin(phi_),
        pt_ * np.sinh(eta_), np.full(n, mass), zeros, zeros, zeros, np.zeros(n, np.uint8),
    )  # fmt: skip


def tracks(
    pid: list[int], energy: list[float], eta: list[float], phi: list[float], resolution: float = 0.0, charge: int = 1
) -> Tracks:
    """Massless particles on straight lines from the origin, or tracks of them."""
    e, eta_, phi_ = (np.array(column, dtype=float) for column in (energy, eta, phi))
    n = len(pid)
    zeros = np.zeros(n)
    return Tracks(
        np.array(pid, np.int32), np.full(n, charge, np.int32), np.zeros(n, np.int32), e / np.cosh(eta_), eta_, phi_,
        zeros, e, eta_, phi_, zeros, zeros, zeros, np.full(n, resolution),
    )  # fmt: skip
