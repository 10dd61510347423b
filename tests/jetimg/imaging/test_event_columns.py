"""What an input says of its events as a whole: weight, missing momentum, pile-up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from detector import load
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Columns, Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from tests.helpers.handmade import branches, write

SETUP = Setup(load(), ImageSettings())


def events_of(source: Path, output: Path) -> Columns:
    assert [row.verdict for row in convert(DelphesInputs([source]), output, SETUP)] == ["ok"]
    assert verify(output).faults == []
    with Reader(output) as reader:
        return reader.read().tables["events"]


def test_what_the_input_does_not_say_is_marked(tmp_path: Path) -> None:
    events = events_of(write(tmp_path / "x.root", branches(2)), tmp_path / "x.h5")
    for name in ("met", "rho", "n_vertices", "true_pileup"):
        assert events[name].tolist() == [-1, -1]
    assert (events["met_phi"].tolist(), events["weight"].tolist()) == ([0, 0], [1, 1])


def test_by_hand(tmp_path: Path) -> None:
    """Event 0 has densities in three ranges, event 1 in one, event 2 in two that do not hold 0."""
    made = branches(3) | {
        "MissingET.MET": [[30.0], [0.0], [12.5]],
        "MissingET.Phi": [[3.0], [-3.0], [0.5]],
        "Event.TruePileUp": [[50.0]] * 3,
        "Vertex.Z": [[1.0, 2.0], [], [3.0]],
        "Rho.Rho": [[1.0, 2.0, 3.0], [4.0], [5.0, 6.0]],
        "Rho.Edges": [[-5.0, -1.5, -1.5, 1.5, 1.5, 5.0], [0.0, 0.0], [-5.0, -2.0, 2.0, 5.0]],
    }
    events = events_of(write(tmp_path / "x.root", made), tmp_path / "x.h5")
    assert events["met"].tolist() == [30, 0, 12.5]
    assert events["met_phi"].tolist() == [3, -3, 0.5]
    assert events["true_pileup"].tolist() == [50] * 3
    assert events["n_vertices"].tolist() == [2, 0, 1]
    assert events["rho"].tolist() == [2, 4, -1]


def test_a_real_file(data: Path, tmp_path: Path) -> None:
    events = events_of(data / "tt.root", tmp_path / "x.h5")
    with uproot.open({data / "tt.root": "Delphes"}) as tree:
        assert events["n_vertices"].tolist() == tree["Vertex_size"].array().tolist() == [58, 40]
        rho = tree["Rho.Rho"].array()
    assert events["rho"].tolist() == [rho[0][2], rho[1][2]]  # ranges -5, -4, -1.5, 1.5, 4, 5


@pytest.mark.parametrize(
    ("branch", "values", "reason"),
    [
        ("Event.Weight", [[1.0], [1.0], [], [2.0, 2.0]], "entry 2: `Event.Weight` has 0 values"),
        ("Event.Weight", [[1.0], [1.0, 1.0], [], [1.0]], "entry 1: `Event.Weight` has 2 values"),
        ("MissingET.MET", [[1.0], [1.0], [1.0], []], "entry 3: `MissingET.MET` has 0 values"),
    ],
)
def test_values_match_event_by_event(tmp_path: Path, branch: str, values: list[list[Any]], reason: str) -> None:
    """As many weights as events are not enough."""
    made = branches(4) | {branch: values}
    if branch.startswith("Missing"):
        made["MissingET.Phi"] = values
    (row,) = convert(DelphesInputs([write(tmp_path / "x.root", made)]), tmp_path / "x.h5", SETUP)
    assert (row.verdict, row.reason.startswith(reason)) == ("unreadable", True)


def test_nothing_is_a_nan(data: Path, tmp_path: Path) -> None:
    events = events_of(data / "bb.root", tmp_path / "x.h5")
    assert all(np.isfinite(rows).all() for rows in events.values())
