"""Decays by four-momentum and by index: made by hand, with copies, siblings, dropped particles and look-alikes."""

from typing import Any

import numpy as np

from jetimg.imaging.decays import Decays, event_pairs, find, first_come
from tests.helpers.decaying import Momentum, massive, particle, total
from tests.helpers.handmade import particles

B, Q1, Q2 = massive(4.8, 120, 0.3, 0.1), massive(0.3, 90, -0.2, 0.5), massive(0.3, 60, 0.1, 1.2)
W = total(Q1, Q2)


def boosted(p: Momentum, mass_of: Momentum) -> Momentum:
    """A copy with another momentum and the same mass."""
    px, py, pz, energy = mass_of
    mass = (energy**2 - px**2 - py**2 - pz**2) ** 0.5
    x, y, z = p[0] * 1.1, p[1] + 4.0, p[2] - 7.0
    return x, y, z, (x * x + y * y + z * z + mass**2) ** 0.5


FIRST_W = boosted(W, W)
T = total(B, FIRST_W)


def top_decay(sign: int = 1) -> list[dict[str, Any]]:
    """t (22), a copy (44), the copy that decays (62), W with a copy (52), b, q, q'."""
    return [
        particle(6 * sign, 22, boosted(boosted(T, T), T), 3, 10, 10),
        particle(6 * sign, 44, boosted(T, T), 5, 20, 20),
        particle(6 * sign, 62, T, 10, 30, 31),
        particle(24 * sign, 22, FIRST_W, 20, 35, 35),
        particle(24 * sign, 52, W, 30, 40, 41),
        particle(5 * sign, 23, B, 20),
        particle(2 * sign, 23, Q1, 35),
        particle(-1 * sign, 23, Q2, 35),
    ]


def of(*events: list[dict[str, Any]]) -> Decays:
    return find(particles(list(events)))


def test_a_top_down_to_its_quarks() -> None:
    found = of(top_decay())
    assert found.row.tolist() == [0, 3]
    assert found.last.tolist() == [2, 4]
    assert found.parent.tolist() == [-1, -1, -1, 0, -1, 0, 1, 1]
    assert found.children.tolist() == [[3, 5], [6, 7]]
    assert found.known.tolist() == [True, True]
    assert sorted(found.products[0].tolist()) == [-1, 5, 6, 7]
    assert found.decay_pdg_id.tolist() == [5, 2]


def test_delphes_calls_leptons_of_a_decay_1_or_2() -> None:
    for status, lepton in ((1, 11), (2, 15)):
        event = top_decay()
        event[6] |= {"PID": -lepton, "Status": status}
        event[7] |= {"PID": lepton + 1, "Status": 1}
        found = of(event)
        assert found.known.tolist() == [True, True]
        assert found.decay_pdg_id.tolist() == [lepton + 1, lepton + 1]


def test_a_dropped_w_leaves_the_b_its_top_but_the_decay_is_not_known() -> None:
    """W and its copies are below the filter's minimum pt; the b's M1 is where the top's copy handed on to."""
    event = [thing for thing in top_decay() if abs(thing["PID"]) != 24]
    found = of(event)
    assert found.row.tolist() == [0]
    assert found.known.tolist() == [False]
    b, q, other = 3, 4, 5
    assert found.parent[b] == 0
    # The W decays at once in this record: the quarks' M1 is that of a daughter of the top.
    for quark in (q, other):
        event[quark]["M1"] = 30
    assert of(event).parent.tolist() == [-1, -1, -1, 0, 0, 0]


def test_a_hard_process_copy_may_be_dropped_and_a_later_one_not() -> None:
    event = top_decay()
    del event[3]
    event[3]["M1"] = 30
    found = of(event)
    assert found.row.tolist() == [0, 3]  # the later copy stands for the W
    assert found.parent.tolist() == [-1, -1, -1, 0, 0, 1, 1]
    assert found.known.tolist() == [False, True]


def test_a_dropped_quark_leaves_the_w_unknown() -> None:
    found = of(top_decay()[:-1])
    assert found.known.tolist() == [False, False]
    assert found.parent.tolist() == [-1, -1, -1, 0, -1, 0, 1]


def test_a_graviton_is_no_resonance_of_ours() -> None:
    found = of([particle(5100039, 22, total(B, Q1), 1, 3, 4), particle(5, 23, B, 3), particle(-5, 23, Q1, 3)])
    assert len(found.row) == 0
    assert found.parent.tolist() == [-1, -1, -1]


def test_two_higgs_of_nearly_one_mass_keep_their_own_decays() -> None:
    first = massive(4.8, 100, 1.0, 0.2), massive(4.8, 80, 0.6, 0.9)
    second = massive(4.8, 100, -1.0, -2.2), massive(4.8, 80, -0.6, -2.9)  # the same mass, elsewhere
    event = [
        particle(25, 22, total(*second), 1, 8, 9),
        particle(25, 22, total(*first), 1, 6, 7),
        particle(5, 23, first[0], 5),
        particle(-5, 23, first[1], 5),
        particle(5, 23, second[0], 4),
        particle(-5, 23, second[1], 4),
    ]
    found = of(event)
    assert found.children.tolist() == [[4, 5], [2, 3]]
    assert found.known.all()


def test_events_do_not_mix() -> None:
    """The W of event 0 stands next to the decay of event 1, with the same index."""
    found = of([particle(24, 22, W, 1, 5, 6)], [particle(1, 23, Q1, 9), particle(-2, 23, Q2, 9)], top_decay(-1))
    assert found.event.tolist() == [0, 2, 2]
    assert found.known.tolist() == [False, True, True]
    assert found.parent[:3].tolist() == [-1, -1, -1]


def test_particles_along_the_beam_do_not_overflow() -> None:
    beam = {"PID": 2212, "Status": 21, "PT": 0.0, "Eta": 999.9, "Phi": 0.0, "Mass": 0.0, "M1": 35}
    with np.errstate(all="raise"):
        assert of([beam, *top_decay()]).known.tolist() == [True, True]


def test_no_particles_at_all() -> None:
    assert len(of([]).row) == len(of([], []).parent) == 0


def test_pairs_of_the_same_event() -> None:
    one, two = event_pairs(np.array([0, 2, 2]), np.array([0, 0, 1, 2]))
    assert list(zip(one.tolist(), two.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 3), (2, 3)]


def test_the_best_pairs_come_first_and_nothing_stands_twice() -> None:
    one, two, taken = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]), np.array([False, False, True])
    assert first_come(np.array([2, 0, 1, 3]), one, two, taken).tolist() == [2, 1]
    assert taken.tolist() == [True, True, True]
