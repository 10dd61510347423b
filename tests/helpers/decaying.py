"""Decays made by hand: particles of an event whose four-momenta add up, as Delphes writes them."""

import math
from typing import Any

Momentum = tuple[float, float, float, float]


def massive(mass: float, pt: float, eta: float, phi: float) -> Momentum:
    """(px, py, pz, E)."""
    px, py, pz = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
    return px, py, pz, math.sqrt(px * px + py * py + pz * pz + mass * mass)


def total(*parts: Momentum) -> Momentum:
    """Their sum."""
    return tuple(map(sum, zip(*parts, strict=True)))  # type: ignore[return-value]


def particle(pid: int, status: int, p: Momentum, m1: int, d1: int = 0, d2: int = 0) -> dict[str, Any]:
    """A particle of this momentum; m1, d1 and d2 as in the whole record."""
    px, py, pz, energy = p
    pt = math.hypot(px, py)
    mass = math.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0.0))
    angles = {"Eta": math.asinh(pz / pt), "Phi": math.atan2(py, px)}
    return {"PID": pid, "Status": status, "PT": pt, "Mass": mass, "M1": m1, "D1": d1, "D2": d2} | angles


def genjet(pt: float, eta: float, phi: float = 0.0, mass: float = 20.0) -> dict[str, Any]:
    """A generator jet."""
    return {"PT": pt, "Eta": eta, "Phi": phi, "Mass": mass}
