"""Which event goes where: every one to one place, by the seed and its own file alone."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jetimg.common.errors import DataError
from jetimg.dataset.plan import SPLITS, Input, Plan, Sharding, Source, make, read
from tests.helpers.campaigns import SHARDING, campaign, event_file, planned


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return campaign(tmp_path_factory.mktemp("campaign"))


def source(number: int, sizes: list[int], test: bool = False) -> Source:
    inputs = tuple(
        Input(name=f"{number}_{k}", sha256=f"{number * 1000 + k + 1:064x}", entries=size, verdict="ok", reason="")
        for k, size in enumerate(sizes)
    )
    return Source(path=f"{number:03d}.h5", sample="tth" if test else "tt", test=test, inputs=inputs)


SOURCES = st.lists(st.tuples(st.lists(st.integers(0, 30), max_size=3), st.booleans()), min_size=1, max_size=5)
SHARDINGS = st.builds(
    Sharding,
    seed=st.integers(0, 2**40),
    validation_fraction=st.floats(0, 0.5),
    test_fraction=st.floats(0, 0.49),
    events_per_shard=st.integers(1, 40),
    block=st.integers(1, 60),
)


@given(SOURCES, SHARDINGS)
def test_every_event_stands_in_exactly_one_shard(sources: list[tuple[list[int], bool]], sharding: Sharding) -> None:
    made = tuple(source(number, sizes, test) for number, (sizes, test) in enumerate(sources))
    plan = Plan(sharding=sharding, sources=made, attributes={})
    seen: Counter[tuple[int, int]] = Counter()
    for name, size in plan.shards().items():
        selected = plan.events_of(name)
        assert len(selected.source) == len(selected.index) == size
        assert 0 < size <= sharding.events_per_shard
        seen.update(zip(selected.source.tolist(), selected.index.tolist(), strict=True))
        tests = {made[number].test for number in selected.source.tolist()}
        assert tests == {name.startswith("test-")}
    expected = {(k, place) for k, one in enumerate(made) for place in range(sum(row.entries for row in one.inputs))}
    assert set(seen) == expected
    assert set(seen.values()) <= {1}
    for one in made:
        for file in one.inputs:
            assert sum(plan.events_of_input(file, one.test).values()) == file.entries


@given(SOURCES, SHARDINGS)
def test_only_the_last_shard_of_a_split_is_short(sources: list[tuple[list[int], bool]], sharding: Sharding) -> None:
    made = tuple(source(number, sizes, test) for number, (sizes, test) in enumerate(sources))
    shards = Plan(sharding=sharding, sources=made, attributes={}).shards()
    for split in SPLITS:
        names = [name for name in shards if name.startswith(split)]
        assert names == [f"{split}-{k:05d}.h5" for k in range(len(names))]
        assert all(shards[name] == sharding.events_per_shard for name in names[:-1])


@given(SOURCES, SOURCES, SHARDINGS)
def test_an_event_keeps_its_split_when_files_are_added(
    before: list[tuple[list[int], bool]], added: list[tuple[list[int], bool]], sharding: Sharding
) -> None:
    first = tuple(source(number, sizes, test) for number, (sizes, test) in enumerate(before))
    more = tuple(source(100 + number, sizes, test) for number, (sizes, test) in enumerate(added))

    def splits(plan: Plan, offset: int) -> dict[tuple[str, int], str]:
        found = {}
        for name in plan.shards():
            selected = plan.events_of(name)
            for number, index in zip(selected.source.tolist(), selected.index.tolist(), strict=True):
                found[plan.sources[number].path, index] = name.partition("-")[0]
        return found

    alone = splits(Plan(sharding=sharding, sources=first, attributes={}), 0)
    # Another place in the list, other shards, another block.
    other = sharding.model_copy(update={"events_per_shard": 7, "block": 2})
    together = splits(Plan(sharding=other, sources=more + first, attributes={}), len(more))
    assert alone.items() <= together.items()


def test_the_validation_share_is_what_was_asked_for() -> None:
    plan = Plan(sharding=Sharding(validation_fraction=0.2), sources=(source(1, [20_000]),), attributes={})
    share = plan.events_of_input(plan.sources[0].inputs[0], test=False)["validation"] / 20_000
    assert share == pytest.approx(0.2, abs=0.012)  # four standard deviations


def test_the_held_out_share_is_what_was_asked_for_and_validation_is_as_without_it() -> None:
    one = source(1, [20_000])
    with_it, without = (
        Plan(sharding=Sharding(test_fraction=share), sources=(one,), attributes={}).events_of_input(
            one.inputs[0], False
        )
        for share in (0.1, 0.0)
    )
    assert with_it["heldout"] / 20_000 == pytest.approx(0.1, abs=0.009)  # four standard deviations
    assert without["heldout"] == 0
    assert with_it["validation"] == without["validation"]


def test_fractions_leave_something_to_train_on() -> None:
    with pytest.raises(ValidationError, match="leave no events to train on"):
        Sharding(validation_fraction=0.6, test_fraction=0.4)


@given(st.floats(0, 0.5), st.floats(0, 0.49), st.integers(1, 400))
def test_whole_files_come_near_the_shares_and_keep_their_split(validation: float, test: float, files: int) -> None:
    sharding = Sharding(validation_fraction=validation, test_fraction=test)
    counts = Counter(sharding.split_of_file(number) for number in range(files))
    assert set(counts) <= {"train", "validation", "heldout"}
    # The discrepancy of Weyl's sequence grows as the logarithm of the number of files.
    assert abs(counts["validation"] - validation * files) < 3
    assert abs(counts["heldout"] - test * files) < 3


def test_files_with_a_split_of_their_own_follow_it(paths: list[Path]) -> None:
    splits = {"tt_a_0.root": "heldout", "tt_a_1.root": "train", "tt_a_bad0.root": "train", "tth_0.root": "test"}
    plan = make(paths, SHARDING, ["tth"], {}, splits)
    found = {file.name: plan.events_of_input(file, one.test) for one in plan.sources for file in one.inputs}
    assert found["tt_a_0.root"] == {"train": 0, "validation": 0, "test": 0, "heldout": 20}
    assert found["tt_a_1.root"] == {"train": 21, "validation": 0, "test": 0, "heldout": 0}
    assert sum(plan.shards().values()) == 98


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"tt_a_0.root": "tset"}, "no split 'tset'"),
        ({"tt_x_0.root": "train"}, "is in no event file"),
        ({"tt_a_0.root": "test"}, "sample tt is for training"),
        ({"tth_0.root": "heldout"}, "sample tth is for testing"),
    ],
)
def test_splits_that_make_no_sense_are_refused(paths: list[Path], splits: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        make(paths, SHARDING, ["tth"], {}, splits)


def test_an_older_plan_holds_nothing_out(paths: list[Path], tmp_path: Path) -> None:
    content = json.loads(planned(paths).model_dump_json())
    del content["sharding"]["test_fraction"]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    assert not [name for name in read(tmp_path / "plan.json").shards() if name.startswith("heldout")]


def test_seeds_make_other_splits_and_orders() -> None:
    one, two = (
        Plan(sharding=Sharding(seed=seed, events_per_shard=50), sources=(source(1, [100]),), attributes={})
        for seed in (1, 2)
    )
    assert one.events_of("train-00000.h5").index.tolist() != two.events_of("train-00000.h5").index.tolist()
    assert one.events_of_input(one.sources[0].inputs[0], False) != two.events_of_input(two.sources[0].inputs[0], False)


def test_events_are_mixed_over_samples() -> None:
    sharding = Sharding(events_per_shard=100, block=5, validation_fraction=0)
    plan = Plan(sharding=sharding, sources=(source(1, [200]), source(2, [200])), attributes={})
    for name in plan.shards():
        selected = plan.events_of(name)
        assert 20 < np.sum(selected.source == 0) < 80
        # Shuffled within the shard: hardly any event is followed by its neighbour.
        assert np.mean(np.diff(selected.index) == 1) < 0.2


def test_event_files_in_any_order_give_the_same_plan(paths: list[Path]) -> None:
    assert planned(paths) == planned(paths[::-1]) == planned([paths[2], paths[0], paths[3], paths[1]])


def test_a_plan_survives_its_file(paths: list[Path], tmp_path: Path) -> None:
    plan = planned(paths)
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    again = read(tmp_path / "plan.json")
    assert again == plan
    for name in plan.shards():
        np.testing.assert_array_equal(again.events_of(name).index, plan.events_of(name).index)


def test_bad_inputs_stand_in_the_plan_with_what_was_expected(paths: list[Path]) -> None:
    plan = planned(paths)
    bad = [file for one in plan.sources for file in one.inputs if not file.ok]
    assert [(file.name, file.verdict, file.expected) for file in bad] == [("tt_a_bad0.root", "truncated", 25)]
    assert plan.events_of_input(bad[0], False) == dict.fromkeys(SPLITS, 0)
    assert plan.samples == ["bb", "tt", "tth"]
    assert sum(plan.shards().values()) == 98


def test_an_input_given_twice_is_refused(tmp_path: Path) -> None:
    one = event_file(tmp_path, "one", "tt", [3])
    other = tmp_path / "other.h5"
    other.write_bytes(one.read_bytes())
    with pytest.raises(DataError, match=r"one_0\.root \(sample tt\) and .* have the same content"):
        make([one, other], SHARDING, [], {})
    with pytest.raises(DataError, match="have the same content"):
        make([one, one], SHARDING, [], {})


def test_two_bad_inputs_without_checksum_are_no_twins(tmp_path: Path) -> None:
    assert len(make([event_file(tmp_path, "one", "tt", [3], bad=2)], SHARDING, [], {}).sources[0].inputs) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("config", {"hcal": "spread"}),
        ("class_names", ["b", "t"]),
        ("detector_sha256", "0" * 64),
        ("image_shape", [170, 360]),
        ("software", {"jetimg": "0.0"}),
    ],
)
def test_event_files_made_in_different_ways_are_refused(tmp_path: Path, key: str, value: object) -> None:
    paths = [event_file(tmp_path, "one", "tt", [3]), event_file(tmp_path, "other", "tt", [3], **{key: value})]
    with pytest.raises(DataError, match=rf"other\.h5 was made with another {key} than .*one\.h5"):
        make(paths, SHARDING, [], {})


def test_no_files_and_misspelt_samples_are_refused(tmp_path: Path) -> None:
    one = [event_file(tmp_path, "one", "tt", [4])]
    for test, expected in ((["tht"], {}), ([], {"tht": 4})):
        with pytest.raises(DataError, match="no events of sample tht"):
            make(one, SHARDING, test, expected)
    with pytest.raises(DataError, match="no event files"):
        make([], SHARDING, [], {})


def test_an_event_file_without_inputs_does_not_stop_the_others(tmp_path: Path) -> None:
    paths = [event_file(tmp_path, "none", "tt", []), event_file(tmp_path, "some", "tt", [9])]
    assert sum(make(paths, SHARDING, [], {}).shards().values()) == 9


def test_a_shard_that_is_not_planned_is_named(paths: list[Path]) -> None:
    with pytest.raises(DataError, match=r"no shard 'train-00077\.h5'; it has train-00000\.h5"):
        planned(paths).events_of("train-00077.h5")


@pytest.mark.parametrize(
    "change", [{"split": "x"}, {"entries": -1}, {"entries": 2**62}, {"expected": -5}, {"sha256": ""}]
)
def test_a_plan_with_a_strange_input_is_refused(paths: list[Path], tmp_path: Path, change: dict[str, Any]) -> None:
    content = json.loads(planned(paths).model_dump_json())
    content["sources"][0]["inputs"][0] |= change
    (tmp_path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"plan\.json: not a plan of shards"):
        read(tmp_path / "plan.json")


def test_a_plan_whose_shards_could_not_say_what_they_are_is_refused(paths: list[Path], tmp_path: Path) -> None:
    content = json.loads(planned(paths).model_dump_json())
    content["attributes"]["detector"] = None
    (tmp_path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="attribute 'detector' has no value"):
        read(tmp_path / "plan.json")


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", "{", '{"sharding": {"seed": -1}, "sources": [], "attributes": {}}']
)
def test_what_is_not_a_plan_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(DataError, match=r"plan\.json: not a plan of shards"):
        read(tmp_path / "plan.json")
    with pytest.raises(DataError, match="not a plan of shards"):
        read(tmp_path / "nothing.json")
