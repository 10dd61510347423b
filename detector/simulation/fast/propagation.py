"""A particle's way from its birth to the surface of a cylinder in a magnetic field along z.

In a uniform field a charged particle runs on a helix of radius R = pt / (0.2998 |q| B) (m, GeV, T;
Review of Particle Physics, "Particle detectors"). Distances are m here, and "time" is the way along
the transverse circle in radians, or for neutral particles the way over the momentum.
"""

import math
from typing import NamedTuple

CURVATURE = 0.299792458  # GeV / (T m): speed of light / 1e9
TINY_PT2 = 1e-9  # GeV^2: below, Delphes drops a particle, which would run along the beam

# Whether a particle leaves a cylinder, and where: x, y, z, m.
Point = tuple[bool, float, float, float]


def shorter(angle: float) -> float:
    """The same angle in [-pi, pi), radians: `detector.geometry.angles.wrap` for one number."""
    if -math.pi <= angle < math.pi:
        return angle
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def eta_of(z: float, r: float) -> float:
    """Pseudorapidity of a point or momentum, asinh(z / r); r is its distance from the beam, not 0.

    By a logarithm: a third of the time of the C library's asinh, the same to 1e-15.
    """
    way = abs(z) / r
    return math.copysign(math.log(way + math.sqrt(way * way + 1.0)), z)


def transverse(x: float, y: float) -> float:
    """Distance from the beam. Plain: math.hypot guards lengths that no detector has, at six times the time."""
    return math.sqrt(x * x + y * y)


def straight(x: float, y: float, z: float, px: float, py: float, pz: float, radius: float, half_length: float) -> Point:
    """Where a straight line from inside a cylinder leaves it; the arguments are those of `leave`."""
    pt2 = px * px + py * py
    along = px * x + py * y
    way = (-along + math.sqrt(max(along * along + pt2 * (radius * radius - x * x - y * y), 0.0))) / pt2
    if abs(z + pz * way) > half_length:
        way = (math.copysign(half_length, pz) - z) / pz
    return True, x + px * way, y + py * way, z + pz * way


class Circle(NamedTuple):
    """A particle's way across the beam.

    Attributes:
        x, y: the circle's centre, m; radius: m, 0 for a straight way.
        off_axis: distance of the centre from the z axis, m.
        turn: the sign of d phi.
        start: angle at which the particle is born, seen from the centre.
        nearest: angle on its way from there to the closest approach to the z axis; negative for one that is past it.
        phi: of its momentum at that approach; of a straight way, anywhere.
    """

    x: float
    y: float
    radius: float
    off_axis: float
    turn: float
    start: float
    nearest: float
    phi: float


def circle(x: float, y: float, px: float, py: float, charge: float, field: float) -> Circle:
    """The way of a particle.

    Args:
        x, y: start, m.
        px, py: momentum, GeV.
        charge: units of the positron's.
        field: T, along z.
    """
    pt, phi = transverse(px, py), math.atan2(py, px)
    if charge * field == 0.0 or pt == 0.0:
        return Circle(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, shorter(phi))
    # A positive charge in a field along +z turns clockwise: phi falls.
    turn = -math.copysign(1.0, charge * field)
    r = pt / (CURVATURE * abs(charge * field))
    # The centre lies at a right angle to the momentum.
    cx, cy = x - turn * r * py / pt, y + turn * r * px / pt
    start = phi - turn * 0.5 * math.pi
    if x == 0.0 and y == 0.0:
        return Circle(cx, cy, r, r, turn, start, 0.0, shorter(phi))
    nearest = shorter(turn * (math.atan2(-cy, -cx) - start))
    return Circle(cx, cy, r, transverse(cx, cy), turn, start, nearest, shorter(phi + turn * nearest))


def leave(
    way: Circle,
    x: float,
    y: float,
    z: float,
    px: float,
    py: float,
    pz: float,
    radius: float,
    half_length: float,
) -> Point:
    """Where a particle from inside a cylinder leaves it.

    One whose circle stays inside loops until it leaves through an end.

    Args:
        way: its circle.
        x, y, z: start, m.
        px, py, pz: momentum, GeV.
        radius, half_length: the cylinder, m.
    """
    pt, r, d = transverse(px, py), way.radius, way.off_axis
    if pt * pt < TINY_PT2 or transverse(x, y) > radius or abs(z) > half_length:
        return False, 0.0, 0.0, 0.0
    if r == 0.0:
        return straight(x, y, z, px, py, pz, radius, half_length)
    to_end = math.inf if pz == 0.0 else (math.copysign(half_length, pz) - z) * pt / (pz * r)
    angle = to_end
    if d + r >= radius:
        # sin^2 of half the angle between nearest point and exit, by the law of cosines: exact for fast particles.
        sine2 = (radius * radius - (r - d) ** 2) / (4.0 * r * d)
        angle = min(to_end, way.nearest + 2.0 * math.asin(math.sqrt(min(1.0, max(0.0, sine2)))))
    if angle == math.inf:
        return False, 0.0, 0.0, 0.0
    there = way.start + way.turn * angle
    return True, way.x + r * math.cos(there), way.y + r * math.sin(there), z + pz / pt * r * angle


def arrive(
    way: Circle,
    x: float,
    y: float,
    z: float,
    px: float,
    py: float,
    pz: float,
    radius: float,
    half_length: float,
) -> Point:
    """Where a particle from inside a cylinder leaves it, as distance from the beam (m), phi, and z (m).

    The arguments are those of `leave`. Most particles are born on the beam, and need a third of the work.
    """
    if x == 0.0 and y == 0.0:
        return _from_the_beam(way, z, transverse(px, py), pz, radius, half_length)
    inside, x, y, z = leave(way, x, y, z, px, py, pz, radius, half_length)
    return inside, transverse(x, y), math.atan2(y, x), z


def _from_the_beam(way: Circle, z: float, pt: float, pz: float, radius: float, half_length: float) -> Point:
    """`arrive` of a particle from the beam: after an angle a on its circle it is 2 r sin(a / 2) away."""
    r = way.radius
    if pt * pt < TINY_PT2 or abs(z) > half_length:
        return False, 0.0, 0.0, 0.0
    to_end = math.inf if pz == 0.0 else (math.copysign(half_length, pz) - z) * pt / pz
    if r == 0.0:
        length = min(to_end, radius)
        return True, length, way.phi, z + pz / pt * length
    half = 0.5 * to_end / r
    if 2.0 * r >= radius:
        to_side = math.asin(radius / (2.0 * r))
        if to_side <= half:
            return True, radius, shorter(way.phi + way.turn * to_side), z + pz / pt * r * 2.0 * to_side
    if half == math.inf:
        return False, 0.0, 0.0, 0.0
    chord = 2.0 * r * math.sin(half)
    phi = way.phi + way.turn * half + (0.0 if chord >= 0.0 else math.pi)
    return True, abs(chord), shorter(phi), z + pz / pt * r * 2.0 * half
