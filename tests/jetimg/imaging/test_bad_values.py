"""Numbers that cannot be are a verdict on their file, with the entry: no event is half-labelled, none fails later."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import load
from jetimg.dataset.verify import verify
from jetimg.imaging import bad_values
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from tests.helpers.handmade import branches, write

DETECTOR = load()
EVENTS, BAD = 9, 6  # beyond the events that `check` looks at


def with_everything() -> dict[str, list[list[Any]]]:
    made = branches(EVENTS)
    made |= {f"JetPUPPIAK8.{name}": [[value]] * EVENTS for name, value in (("PT", 500), ("Eta", 0.5), ("Phi", 1.0))}
    made |= {"JetPUPPIAK8.SoftDroppedMass": [[80.0]] * EVENTS, "JetPUPPIAK8.Tau": [[0.8, 0.4, 0.1, 0.1, 0.1]] * EVENTS}
    made |= {f"GenJet.{name}": [[value]] * EVENTS for name, value in (("PT", 50), ("Eta", 0.1), ("Phi", 3.1))}
    made |= {"GenJet.Mass": [[5.0]] * EVENTS, "Event.Weight": [[1.0]] * EVENTS}
    made |= {"MissingET.MET": [[30.0]] * EVENTS, "MissingET.Phi": [[1.0]] * EVENTS}
    return made


def converted(tmp_path: Path, made: dict[str, list[list[Any]]], **settings: object) -> tuple[str, str]:
    """Verdict and reason of a file beside a good one; the good one's events are all there."""
    paths = [write(tmp_path / "good.root", branches(2)), write(tmp_path / "bad.root", made)]
    if settings:
        paths = paths[1:]
    setup = Setup(DETECTOR, ImageSettings.model_validate(settings))
    rows = convert(DelphesInputs(paths), tmp_path / "x.h5", setup)
    report = verify(tmp_path / "x.h5")
    assert (report.faults, report.n_events) == ([], sum(row.entries for row in rows if row.verdict == "ok"))
    assert [row.verdict for row in rows[:-1]] == ["ok"] * (len(rows) - 1)
    return rows[-1].verdict, rows[-1].reason


def test_all_good_is_ok(tmp_path: Path) -> None:
    assert converted(tmp_path, with_everything()) == ("ok", "")
    assert converted(tmp_path, with_everything(), truth="genjet") == ("ok", "")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("branch", "place"),
    [
        ("Particle.PT", 0),
        ("Particle.Eta", 0),
        ("Particle.Phi", 0),
        ("Particle.Mass", 0),
        ("Event.Weight", 0),
        ("JetPUPPIAK8.Tau", 1),
        ("JetPUPPIAK8.SoftDroppedMass", 0),
        ("JetPUPPIAK8.Eta", 0),
        ("MissingET.Phi", 0),
        ("EFlowTrack.PT", 0),
        ("EFlowTrack.Eta", 0),
        ("EFlowPhoton.ET", 0),
        ("EFlowPhoton.Edges", 2),
        ("EFlowNeutralHadron.Phi", 0),
    ],
)
def test_a_value_that_is_not_finite(tmp_path: Path, branch: str, place: int, value: float) -> None:
    made = with_everything()
    made[branch] = [list(event) for event in made[branch]]
    made[branch][BAD][place] = value
    assert converted(tmp_path, made) == ("bad-value", f"entry {BAD}: `{branch}` is {value:g}")


def test_generator_jets_of_their_truth_mode(tmp_path: Path) -> None:
    made = with_everything()
    made["GenJet.Eta"] = [[0.1]] * BAD + [[np.nan]] * (EVENTS - BAD)
    assert converted(tmp_path, made, truth="genjet") == ("bad-value", f"entry {BAD}: `GenJet.Eta` is nan")
    assert converted(tmp_path, made, truth="status") == ("ok", "")


@pytest.mark.parametrize("branch", ["EFlowTrack.PT", "EFlowNeutralHadron.ET", "Particle.PT"])
def test_a_negative_energy_or_pt(tmp_path: Path, branch: str) -> None:
    made = with_everything()
    made[branch] = [*made[branch][:BAD], [-2.0], *made[branch][BAD + 1 :]]
    assert converted(tmp_path, made) == ("bad-value", f"entry {BAD}: `{branch}` is -2")


def test_masses_negative_by_rounding_become_zero(tmp_path: Path) -> None:
    made = with_everything()
    made["Particle.Mass"] = [[-0.001]] * EVENTS
    assert converted(tmp_path, made, truth="status") == ("ok", "")
    made["Particle.Mass"] = [[-5.0]] * EVENTS
    assert converted(tmp_path, made, truth="status") == ("bad-value", "entry 0: `/jets/mass` is -5")


def test_a_score_that_no_float_holds(tmp_path: Path) -> None:
    """0.4 over the smallest float32 is finite in no float32."""
    made = with_everything()
    made["JetPUPPIAK8.Tau"] = [[1e-45, 0.4, 0.1, 0.1, 0.1]] * EVENTS
    assert converted(tmp_path, made, truth="status") == ("bad-value", "entry 0: `/baseline/score` is -inf")


def test_rows_of_several_values_are_found_in_their_event() -> None:
    jets = {"indptr": np.array([0, 1, 1, 3]), "mass": np.zeros(3, np.float32), "box": np.zeros((3, 4), np.float32)}
    assert bad_values.first_in_jets("jets", jets) is None
    jets["box"][1, 3] = np.inf
    assert bad_values.first_in_jets("jets", jets) == bad_values.BadValue("/jets/box", 2, np.inf)
