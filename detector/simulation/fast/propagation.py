"""A particle's way from its birth to the surface of a cylinder in a magnetic field along z.

In a uniform field a charged particle runs on a helix of radius R = pt / (0.2998 |q| B) (m, GeV, T;
Review of Particle Physics, "Particle detectors"). Distances are m here, and "time" is the way along
the transverse circle in radians, or for neutral particles the way over the momentum.
"""

import math

from detector.common.numba_cache import compiled

CURVATURE = 0.299792458  # GeV / (T m): speed of light / 1e9
TINY_PT2 = 1e-9  # GeV^2: below, Delphes drops a particle, which would run along the beam


@compiled
def shorter(angle: float) -> float:
    """The same angle in [-pi, pi), radians: `detector.geometry.angles.wrap` for one number."""
    if -math.pi <= angle < math.pi:
        return angle
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


@compiled
def straight(
    x: float, y: float, z: float, px: float, py: float, pz: float, radius: float, half_length: float
) -> tuple[bool, float, float, float]:
    """Where a straight line from inside a cylinder leaves it.

    Args:
        x, y, z: start, m.
        px, py, pz: direction, any scale.
        radius, half_length: the cylinder, m.

    Returns:
        Whether it leaves, and where (x, y, z), m.
    """
    pt2 = px * px + py * py
    if pt2 < TINY_PT2 or math.hypot(x, y) > radius or abs(z) > half_length:
        return False, 0.0, 0.0, 0.0
    along = px * x + py * y
    way = (-along + math.sqrt(max(along * along + pt2 * (radius * radius - x * x - y * y), 0.0))) / pt2
    if abs(z + pz * way) > half_length:
        way = (math.copysign(half_length, pz) - z) / pz
    return True, x + px * way, y + py * way, z + pz * way


@compiled
def helix(
    x: float,
    y: float,
    z: float,
    px: float,
    py: float,
    pz: float,
    charge: float,
    field: float,
    radius: float,
    half_length: float,
) -> tuple[bool, float, float, float, float]:
    """Where a charged particle from inside a cylinder leaves it.

    A particle whose circle stays inside the cylinder loops until it leaves through an end.

    Args:
        x, y, z: start, m.
        px, py, pz: momentum, GeV.
        charge: units of the positron's.
        field: T, along z.
        radius, half_length: the cylinder, m.

    Returns:
        Whether it leaves; where (x, y, z), m; phi of its momentum at the closest approach to the z axis.
    """
    pt = math.hypot(px, py)
    if pt * pt < TINY_PT2 or math.hypot(x, y) > radius or abs(z) > half_length:
        return False, 0.0, 0.0, 0.0, 0.0
    # A positive charge in a field along +z turns clockwise: phi falls. `turn` is the sign of d phi.
    turn = -math.copysign(1.0, charge * field)
    r = pt / (CURVATURE * abs(charge * field))
    phi = math.atan2(py, px)
    # The centre lies at a right angle to the momentum; the particle at `start` on the circle.
    cx, cy = x - turn * r * py / pt, y + turn * r * px / pt
    distance = math.hypot(cx, cy)
    start = math.atan2(y - cy, x - cx)
    nearest = shorter(turn * (math.atan2(-cy, -cx) - start))
    to_end = math.inf if pz == 0.0 else (math.copysign(half_length, pz) - z) * pt / (pz * r)
    angle = to_end
    if distance + r >= radius:
        # sin^2 of half the angle between nearest point and exit, by the law of cosines: exact for fast particles.
        sine2 = (radius * radius - (r - distance) ** 2) / (4.0 * r * distance)
        angle = min(to_end, nearest + 2.0 * math.asin(math.sqrt(min(1.0, max(0.0, sine2)))))
    if angle == math.inf:
        return False, 0.0, 0.0, 0.0, 0.0
    there = start + turn * angle
    phi_nearest = shorter(phi + turn * nearest)
    return True, cx + r * math.cos(there), cy + r * math.sin(there), z + pz / pt * r * angle, phi_nearest
