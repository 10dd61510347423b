"""Mothers by four-momentum: decays made by hand, with copies, siblings and look-alikes."""

import math
from typing import Any

import numpy as np

from jetimg.imaging.ancestry import inside_another
from tests.helpers.handmade import particles


def momentum(pid: int, status: int, p: tuple[float, float, float, float], m1: int) -> dict[str, Any]:
    """A particle from (px, py, pz, E)."""
    px, py, pz, energy = p
    pt = math.hypot(px, py)
    mass = math.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0.0))
    angles = {"Eta": math.asinh(pz / pt), "Phi": math.atan2(py, px)}
    return {"PID": pid, "Status": status, "PT": pt, "Mass": mass, "M1": m1} | angles


def total(*parts: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    return tuple(map(sum, zip(*parts, strict=True)))  # type: ignore[return-value]


B = (60.0, 10.0, 20.0, 65.0)
W = (150.0, -30.0, 70.0, 190.0)
Q1, Q2 = (100.0, -35.0, 50.0, 118.0), (50.0, 5.0, 20.0, 72.0)
H1 = (200.0, 0.0, 10.0, 240.0)
H2 = (-200.0, 20.0, 0.0, 241.0)


def nested(event: list[dict[str, Any]], rows: list[int]) -> list[bool]:
    return inside_another(particles([event]), np.array(rows)).tolist()


def test_a_top_its_w_and_b_and_the_quarks() -> None:
    event = [
        momentum(6, 22, total(B, W), 1),
        momentum(24, 22, W, 7),
        momentum(5, 23, B, 7),
        momentum(1, 23, Q1, 9),
        momentum(-2, 23, Q2, 9),
    ]
    assert total(Q1, Q2) == W
    assert nested(event, [0, 1, 2, 3, 4]) == [False, True, True, True, True]


def test_the_mother_may_be_a_later_copy_of_the_labelled_one() -> None:
    """A top radiates: the copy (status 62) that decays has another momentum than the labelled one."""
    first = total(B, W, (30.0, 5.0, 3.0, 31.0))
    event = [
        momentum(6, 22, first, 1),
        momentum(6, 62, total(B, W), 5),
        momentum(24, 22, W, 7),
        momentum(5, 23, B, 7),
    ]
    assert nested(event, [0, 2, 3]) == [False, True, True]


def test_a_mother_that_is_not_labelled_does_not_count() -> None:
    """The graviton is no class: its b quarks stay."""
    event = [momentum(5100039, 22, total(H1, H2), 1), momentum(5, 23, H1, 3), momentum(-5, 23, H2, 3)]
    assert nested(event, [1, 2]) == [False, False]


def test_of_two_equal_mothers_each_keeps_itself() -> None:
    """H H: each H is a sibling of the other, and a copy of each decays; only the quarks are inside."""
    low, high = (120.0, 30.0, 5.0, 130.0), total(H1, (-120.0, -30.0, -5.0, -130.0))
    event = [
        momentum(25, 22, H1, 1),
        momentum(25, 22, H2, 1),
        momentum(25, 62, H1, 2),
        momentum(5, 23, low, 9),
        momentum(-5, 23, high, 9),
    ]
    assert nested(event, [0, 1, 3, 4]) == [False, False, True, True]


def test_particles_without_siblings_or_with_strangers_are_not_inside() -> None:
    event = [momentum(6, 22, H1, 1), momentum(5, 23, B, 7), momentum(1, 23, Q1, 9), momentum(2, 23, Q2, 9)]
    assert nested(event, [0, 1, 2, 3]) == [False] * 4


def test_events_do_not_mix() -> None:
    """The W of event 0 stands next to the decay of event 1, with the same mother index."""
    chunk = particles([[momentum(24, 22, W, 1)], [momentum(1, 23, Q1, 9), momentum(-2, 23, Q2, 9)]])
    assert inside_another(chunk, np.array([0, 1, 2])).tolist() == [False] * 3


def test_particles_along_the_beam_do_not_overflow() -> None:
    beam = {"PID": 2212, "Status": 21, "PT": 0.0, "Eta": 999.9, "Phi": 0.0, "Mass": 0.0, "M1": 7}
    assert nested([beam, momentum(24, 22, W, 1), momentum(5, 23, B, 7)], [1, 2]) == [False, False]


def test_nothing_selected() -> None:
    assert nested([], []) == []
    assert nested([momentum(24, 22, W, 1)], []) == []
