"""Windows about objects and events, from events made by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jetimg.common.errors import DataError
from models.classify import data
from models.classify.config import TASKS, Classifier, Network, Task
from models.classify.inputs import Inputs

N_ETA, N_PHI = 340, 360
PITCH = 0.0174, np.pi / 180
B, T = 0, 1
MANY = 40
SMALL = Task(unit="object", classes=("t", "b"), channels=("ecal",), window=(4, 4))
MakeEvents = Callable[..., Path]


def pixel(row: int, column: int) -> int:
    return row * N_PHI + column % N_PHI


def axis(row: int, column: int) -> tuple[float, float]:
    """Eta and phi of the middle of a pixel."""
    phi = (column % N_PHI + 0.5 - N_PHI / 2) * PITCH[1]
    return (row + 0.5 - N_ETA / 2) * PITCH[0], phi


def many(event: Any) -> list[Any]:
    """So many events that each split has one."""
    return [event] * MANY


@pytest.mark.parametrize("column", [180, 0, 359])
def test_a_window_goes_round_at_the_seam(make_events: MakeEvents, made_event: Any, tmp_path: Path, column: int) -> None:
    """Rows and columns 0 to 3 with the axis at 2, 2; one hit just outside on each side."""
    hits = [(-2, -2, 1.0), (0, 0, 5.0), (1, 1, 3.0), (2, 0, 9.0), (0, 2, 9.0), (-3, 0, 9.0), (0, -3, 9.0)]
    event = made_event(
        hits={"ecal": sorted((pixel(100 + r, column + c), v) for r, c, v in hits), "hcal": [(pixel(100, column), 7.0)]},
        jets=[(T, 50, *axis(100, column)), (B, 20, *axis(300, 5))],
    )
    path = make_events(tmp_path / "made.h5", many(event) + many(made_event(jets=[(B, 20, *axis(100, column))])))
    with pytest.raises(DataError, match="no train example of b"):
        data.read([path], SMALL)
    event.jets[1] = (B, 20, *axis(101, column))
    found = data.read([make_events(tmp_path / "more.h5", many(event))], SMALL)
    events = [set(one.event.tolist()) for one in found.values()]
    assert sum(map(len, events)) == len(set.union(*events)) == MANY  # both objects of an event are on one side
    assert sum(len(one) for one in found.values()) == 2 * MANY
    first = found["train"].take(np.array([0]))
    assert first.class_names == ("t", "b")
    assert first.label.tolist() == [0]
    assert first.energy.tolist() == [50]
    assert first.value.tolist() == [5, 3, 1]
    expected = np.zeros((4, 4))
    expected[0, 0], expected[2, 2], expected[3, 3] = 1, 5, 3
    assert first.images()[0, 0].tolist() == expected.tolist()


def test_the_hardest_crystal_comes_to_the_middle(make_events: MakeEvents, made_event: Any, tmp_path: Path) -> None:
    hits = {"ecal": [(pixel(99, 1), 8.0), (pixel(100, 0), 5.0), (pixel(102, 0), 9.0)]}
    event = made_event(hits=hits, jets=[(T, 10, *axis(100, 0)), (B, 10, *axis(100, 0))])
    task = SMALL.model_copy(update={"centre": "hottest", "against": "energy"})
    found = data.read([make_events(tmp_path / "made.h5", many(event))], task)["train"].take(np.array([0]))
    assert found.value.tolist() == [8, 5]  # what is outside the first window does not count
    assert (found.row.tolist(), found.column.tolist()) == ([2, 3], [2, 1])
    assert found.energy[0] == pytest.approx(10 * np.cosh(axis(100, 0)[0]))


def test_an_event_is_turned_until_its_hardest_hit_is_in_the_middle(
    make_events: MakeEvents, made_event: Any, tmp_path: Path
) -> None:
    hits = {"ecal": [(pixel(10, 350), 2.0)], "hcal": [(pixel(20, 5), 30.0)], "tracker": [(pixel(20, 4), 1.0)]}
    events = [made_event(sample=number % 2, hits=hits) for number in range(MANY)]
    path = make_events(tmp_path / "made.h5", events, sample_names=("tt", "qq"))
    found = data.read([path], TASKS["process"])["test"]
    assert found.class_names == ("tt", "qq")
    assert found.label.tolist() == (found.event % 2).tolist()
    assert found.shape == (3, N_ETA, N_PHI)
    one = found.take(np.array([1]))
    assert one.energy[0] == 33
    assert list(zip(one.channel.tolist(), one.row.tolist(), one.column.tolist(), one.value.tolist(), strict=True)) == [
        (2, 20, 180, 30.0),
        (1, 10, 165, 2.0),
        (0, 20, 179, 1.0),
    ]


def test_objects_that_are_left_out_are_counted(make_events: MakeEvents, made_event: Any, tmp_path: Path) -> None:
    hits = {"ecal": [(pixel(100, 0), 5.0)]}
    jets = [(T, 50, *axis(100, 0)), (B, 20, *axis(100, 1)), (B, 20, *axis(200, 100)), (B, 9, *axis(100, 0))]
    task = SMALL.model_copy(update={"min_pt": 10})
    found = data.read([make_events(tmp_path / "made.h5", many(made_event(hits=hits, jets=jets)))], task)
    assert sum(len(one) for one in found.values()) == 2 * MANY
    assert found["train"].left_out == {"below min_pt": MANY, "with an empty window": MANY}


def test_particles_are_seen_where_they_are_and_not_where_their_pixel_is(
    make_events: MakeEvents, made_event: Any, tmp_path: Path
) -> None:
    """The hardest particle, a muon at phi = 3.1, is in the middle; one beyond the seam is near; one is outside."""
    particles = [(2, 40, 0.1, 3.1), (3, 10, -0.2, -3.1), (0, 5, 4.0, 3.1), (4, 2, 0.1, 0.0)]
    hits = {"ecal": [(pixel(100, 0), 500.0)]}
    events = [made_event(sample=number % 2, hits=hits, particles=particles) for number in range(MANY)]
    path = make_events(tmp_path / "made.h5", events, sample_names=("tt", "qq"))
    task = TASKS["process"].model_copy(update={"input": "particles"})
    found = data.read([path], task)["train"]
    assert found.shape == (5, N_ETA, N_PHI)
    one = found.take(np.array([0]))
    assert (one.channel.tolist(), one.value.tolist(), one.energy.tolist()) == ([2, 3, 4], [40, 10, 2], [57])
    assert (one.row - N_ETA / 2) * PITCH[0] == pytest.approx([0.1, -0.2, 0.1], abs=1e-6)
    middle = np.floor(3.1 / PITCH[1]) * PITCH[1]
    apart = [3.1 - middle, 2 * np.pi - 3.1 - middle, -middle]
    assert (one.column - N_PHI / 2) * PITCH[1] == pytest.approx(apart, abs=1e-6)
    assert one.images()[0, 2, int(0.1 / PITCH[0]) + 170, 180] == 40
    some = Classifier(task=task, network=Network(architecture="gru", hits=4))
    sequence = Inputs(one, some, torch.device("cpu")).of(torch.tensor([0]))[0].numpy()
    assert sequence[:3, 1] * N_ETA / 2 * PITCH[0] == pytest.approx([0.1, -0.2, 0.1], abs=1e-6)
    assert sequence[:3, 2] * np.pi == pytest.approx(apart, abs=1e-6)
    assert sequence[:, 4:].argmax(1).tolist() == [2, 3, 4, 0]
    assert not sequence[3].any()


def test_particles_about_a_jet(make_events: MakeEvents, made_event: Any, tmp_path: Path) -> None:
    """The window of 4 x 4 pixels about the hottest of the particles about the axis."""
    eta, phi = axis(100, 0)
    particles = [(0, 9, eta, phi + PITCH[1]), (0, 5, eta, phi - 1.6 * PITCH[1] + 2 * np.pi), (1, 3, eta, phi)]
    event = made_event(jets=[(T, 50, eta, phi), (B, 20, eta, phi)], particles=particles)
    task = SMALL.model_copy(update={"input": "particles", "centre": "hottest"})
    one = data.read([make_events(tmp_path / "made.h5", many(event))], task)["train"].take(np.array([0]))
    assert one.value.tolist() == [9, 3]
    assert one.column == pytest.approx([2.5, 1.5], abs=1e-4)
    assert one.row == pytest.approx([2.5, 2.5], abs=1e-4)


def test_what_the_files_do_not_know_is_told(make_events: MakeEvents, made_event: Any, tmp_path: Path) -> None:
    path = make_events(tmp_path / "made.h5", many(made_event(hits={"ecal": [(1, 1.0)]})))
    with pytest.raises(DataError, match=r"made\.h5: no class gamma; there are b, t, H, V, q"):
        data.read([path], TASKS["photon"])
    with pytest.raises(DataError, match="one sample, tt: nothing to tell apart"):
        data.read([path], TASKS["process"])
    with pytest.raises(DataError, match=r"made\.h5: has no /particles; the settings of `jetimg convert` ask for it"):
        data.read([path], TASKS["process"].model_copy(update={"input": "particles"}))


def test_a_data_set_keeps_its_splits(dataset: Path) -> None:
    """Its training events are of one sample: nothing to learn from, and no validation."""
    with pytest.raises(DataError, match="no validation events; there are"):
        data.read([dataset], TASKS["process"])
