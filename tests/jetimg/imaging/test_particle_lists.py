"""Lists of particles: what is in them, from Delphes file to array."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import uproot

import jetimg
from detector import load
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, plan, shard, verify
from jetimg.dataset.plan import Sharding
from jetimg.event_file import invariants
from jetimg.event_file.layout import PARTICLE_TYPES
from jetimg.event_file.store import Reader
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.particle_lists import listed
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import ImageSettings

TT = Path(__file__).parents[2] / "data/tt.root"


def chunk(**columns: list[list[float]]) -> dict[str, Jagged]:
    """Branches by event; EFlowTrack_PT stands for EFlowTrack.PT."""
    found = {}
    for name, events in columns.items():
        offsets = np.concatenate([[0], np.cumsum([len(event) for event in events])]).astype(np.int64)
        kind = np.int32 if name.endswith(("PID", "Charge")) else np.float32
        found[name.replace("_", ".")] = Jagged(offsets, np.array([x for event in events for x in event], kind))
    return found


def test_three_collections_become_one_list_hardest_first() -> None:
    """The first event is empty, the second has all types; equal pt: tracks first. What has no pt is left out."""
    events = chunk(
        EFlowTrack_PT=[[], [5, 7, 9, 0]], EFlowTrack_Eta=[[], [0.1, 0.2, 0.3, 0]], EFlowTrack_Phi=[[], [1, 2, 3, 0]],
        EFlowTrack_PID=[[], [211, 13, -11, 211]], EFlowTrack_Charge=[[], [1, -1, 1, 1]],
        EFlowPhoton_ET=[[], [7]], EFlowPhoton_Eta=[[], [-0.1]], EFlowPhoton_Phi=[[], [-1]],
        EFlowNeutralHadron_ET=[[], [20]], EFlowNeutralHadron_Eta=[[], [-0.2]], EFlowNeutralHadron_Phi=[[], [-2]],
    )  # fmt: skip
    found = listed(events, 10)
    assert found["indptr"].tolist() == [0, 0, 5]
    names = [PARTICLE_TYPES[k] for k in found["type"]]
    assert names == ["neutral hadron", "electron", "muon", "photon", "charged hadron"]
    assert found["pt"].tolist() == [20, 9, 7, 7, 5]
    assert found["charge"].tolist() == [0, 1, -1, 0, 1]
    assert found["phi"].tolist() == [-2, 3, 2, -1, 1]
    few = listed(events, 2)
    assert (few["indptr"].tolist(), few["pt"].tolist()) == ([0, 0, 2], [20, 9])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "tt.h5"
    convert(DelphesInputs([TT], "tt"), path, Setup(load(), ImageSettings(particles=300)))
    return path


def test_from_a_file_to_arrays(made: Path) -> None:
    with uproot.open(TT) as file:
        flow = ("EFlowTrack.PT", "EFlowPhoton.ET", "EFlowNeutralHadron.ET")
        tree = file["Delphes"].arrays(list(flow), library="np")
    events = jetimg.load(made, sample="particles")
    array = events.particles(40)
    for number, event in enumerate(events):
        pt = np.sort(np.concatenate([tree[name][number] for name in flow]))[::-1]
        assert event.particles["pt"] == pytest.approx(pt[:300])
        assert array[number, :, 0] == pytest.approx(pt[:40])
        assert events[number].particles["type"].tolist() == event.particles["type"].tolist()
        assert np.array_equal(array[number, :, 3], event.particles["type"][:40])
    assert events.particles(400).shape == (len(events), 400, 5)
    assert not events.particles(400)[:, 300:].any()
    assert np.array_equal(events[::-1].particles(40), array[::-1])


def test_shards_keep_them_and_verify_looks_at_them(made: Path, tmp_path: Path) -> None:
    planned = plan.make([made], Sharding(validation_fraction=0.0, test_fraction=0.0), [], {})
    for name in planned.shards():
        shard.make(planned, name, tmp_path / name)
    manifest.make(planned, tmp_path)
    assert not verify.verify(tmp_path).faults
    both = [jetimg.load(source, sample="particles").particles(20) for source in (tmp_path, made)]
    assert sorted(both[0][:, 0, 0].tolist()) == sorted(both[1][:, 0, 0].tolist())


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("pt", 1e9, "does not fall"),
        ("pt", -1, "above 0"),
        ("eta", np.nan, "eta"),
        ("phi", 4, "phi"),
        ("type", 5, "type"),
    ],
)
def test_a_fault_is_named(made: Path, tmp_path: Path, column: str, value: float, named: str) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(made.read_bytes())
    with h5py.File(path, "r+") as file:
        file[f"particles/{column}"][3] = value
    with Reader(path) as reader:
        assert [fault for fault in invariants.faults(reader.read(), reader) if named in fault]


def test_an_event_has_no_more_particles_than_it_can_have(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetimg.event_file.store.MAX_PARTICLES", 299)
    with Reader(made) as reader, pytest.raises(DataError, match="300 rows of /particles, at most 299"):
        reader.read()


def test_files_without_them_say_so(tmp_path: Path) -> None:
    path = tmp_path / "tt.h5"
    convert(DelphesInputs([TT], "tt"), path, Setup(load(), ImageSettings()))
    with pytest.raises(DataError, match="no /particles"):
        jetimg.load(path, sample="particles")
    events = jetimg.load(path)
    assert events[0].particles == {}
    with pytest.raises(ValueError, match="particles"):
        events.particles(3)
    with pytest.raises(ValueError, match="sample"):
        jetimg.load(path, sample="tracks")  # type: ignore[arg-type]


def test_without_lists_the_settings_in_a_file_are_those_of_files_from_before() -> None:
    assert "particles" not in provenance(load(), ImageSettings())["config"]
    assert provenance(load(), ImageSettings(particles=7))["config"]["particles"] == 7
