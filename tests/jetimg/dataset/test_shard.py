"""Shards: the planned events with all that belongs to them, the same bytes whenever they are made."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from jetimg.common.errors import DataError
from jetimg.dataset import shard
from jetimg.dataset.plan import Plan
from jetimg.dataset.verify import verify
from jetimg.event_file import store
from tests.helpers.campaigns import SHARDING, campaign, event_file, events_in, planned


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(campaign(tmp_path_factory.mktemp("campaign")))


@pytest.fixture(scope="module")
def shards(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for name, n_events in plan.shards().items():
        assert shard.make(plan, name, folder / name) == n_events
    return folder


def row_of(batch: store.Batch, event: int) -> dict[str, list[object]]:
    """All of an event but the numbers of its sample and file."""
    content = {}
    for table, columns in batch.tables.items():
        indptr = batch.tables[table].get("indptr")
        mine = slice(event, event + 1) if indptr is None else slice(*indptr[event : event + 2])
        content |= {f"{table}/{name}": batch.tables[table][name][mine].tolist() for name in columns if name != "indptr"}
    return {name: values for name, values in content.items() if name not in ("events/sample", "events/file")}


def test_every_event_of_every_input_is_there_once(plan: Plan, shards: Path) -> None:
    found = Counter(event for name in plan.shards() for event in events_in(shards / name))
    expected = {
        (file.sha256, entry) for one in plan.sources for file in one.inputs if file.ok for entry in range(file.entries)
    }
    assert set(found) == expected
    assert set(found.values()) == {1}


def test_an_event_keeps_all_its_rows(plan: Plan, shards: Path) -> None:
    originals = {}
    for one in plan.sources:
        path = Path(one.path)
        with store.Reader(path) as reader:
            batch = reader.read()
        originals |= {event: (one.sample, row_of(batch, k)) for k, event in enumerate(events_in(path))}
    for name in plan.shards():
        with store.Reader(shards / name) as reader:
            batch, samples = reader.read(), reader.attributes["sample_names"]
        for k, event in enumerate(events_in(shards / name)):
            sample = samples[batch.tables["events"]["sample"][k]]
            assert (sample, row_of(batch, k)) == originals[event]


def test_the_order_is_the_plans(plan: Plan, shards: Path) -> None:
    name = "train-00001.h5"
    selected = plan.events_of(name)
    lists = [events_in(Path(one.path)) for one in plan.sources]
    expected = [lists[number][index] for number, index in zip(selected.source, selected.index, strict=True)]
    assert events_in(shards / name) == expected


def test_shards_hold_the_invariants_and_say_what_they_are(plan: Plan, shards: Path) -> None:
    for name in plan.shards():
        assert verify(shards / name).faults == []
        with store.Reader(shards / name) as reader:
            assert reader.attributes["kind"] == "shard"
            assert reader.attributes["split"] == name.partition("-")[0]
            assert reader.attributes["sample_names"] == ["bb", "tt", "tth"]
            assert reader.attributes["sharding"] == SHARDING.model_dump()
            used = np.unique(reader.read().tables["events"]["file"])
            assert used.tolist() == list(range(len(reader.files)))


def test_made_alone_or_in_another_order_the_bytes_are_the_same(plan: Plan, shards: Path, tmp_path: Path) -> None:
    again = Plan.model_validate_json(plan.model_dump_json())
    for name in list(plan.shards())[::-2]:
        shard.make(again, name, tmp_path / name)
        assert (tmp_path / name).read_bytes() == (shards / name).read_bytes()


def test_step_does_not_show_in_the_bytes(
    plan: Plan, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard, "STEP", 3)
    done: list[int] = []
    shard.make(plan, "train-00000.h5", tmp_path / "other.h5", done.append)
    assert (tmp_path / "other.h5").read_bytes() == (shards / "train-00000.h5").read_bytes()
    assert sum(done) == 25


def test_the_same_shards_whatever_the_order_of_event_files(plan: Plan, shards: Path, tmp_path: Path) -> None:
    paths = [Path(one.path) for one in plan.sources]
    shard.make(planned(paths[::-1]), "validation-00000.h5", tmp_path / "x.h5")
    assert (tmp_path / "x.h5").read_bytes() == (shards / "validation-00000.h5").read_bytes()


@pytest.mark.parametrize("change", ["events", "config", "gone", "damaged"])
def test_an_event_file_that_changed_after_the_plan_is_refused(tmp_path: Path, change: str) -> None:
    path = event_file(tmp_path, "tt", "tt", [20])
    plan = planned([path])
    if change == "events":
        event_file(tmp_path, "tt", "tt", [19])
    elif change == "config":
        event_file(tmp_path, "tt", "tt", [20], config={"hcal": "spread"})
    elif change == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"tt\.h5: (not the event file that was planned|not a readable)"):
        shard.make(plan, "train-00000.h5", tmp_path / "train-00000.h5")
    assert not (tmp_path / "train-00000.h5").exists()


def test_indices_of_events_and_hits_do_not_overflow_at_run_borders(tmp_path: Path) -> None:
    """Blocks of one event with gaps: every run of neighbours is read as its own range."""
    path = event_file(tmp_path, "tt", "tt", [60])
    sharding = SHARDING.model_copy(update={"block": 1, "events_per_shard": 15, "validation_fraction": 0.5})
    plan = planned([path], sharding)
    names = list(plan.shards())
    for name in names:
        shard.make(plan, name, tmp_path / name)
    found = [event for name in names for event in events_in(tmp_path / name)]
    assert sorted(found) == sorted(events_in(path))
