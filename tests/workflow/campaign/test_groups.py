"""Jobs that go to a batch system together."""

from types import SimpleNamespace

import pytest

from workflow.campaign.groups import JobGroups


@pytest.fixture
def workflow():
    """What Snakemake's has of groups, where simulations come in threes."""
    return SimpleNamespace(group_settings=SimpleNamespace(group_components={"simulate": 3}), parent_groupids={})


def test_a_group_has_as_many_jobs_as_its_rule_is_given(workflow):
    groups = [JobGroups(workflow).of("simulate", "tt", number) for number in range(7)]
    assert groups == ["simulate-tt-0"] * 3 + ["simulate-tt-1"] * 3 + ["simulate-tt-2"]
    assert set(workflow.parent_groupids.values()) == {"simulate"}  # whose number Snakemake looks up


def test_jobs_of_two_parts_are_never_in_one_group(workflow):
    made = JobGroups(workflow)
    assert made.of("simulate", "tt", 0) != made.of("simulate", "bb", 0)


def test_a_rule_without_a_number_has_a_group_for_each_job(workflow):
    assert [JobGroups(workflow).of("shard", "all", number) for number in (0, 1)] == ["shard-all-0", "shard-all-1"]


def test_a_job_keeps_its_group_however_often_it_is_asked_for(workflow):
    """Snakemake asks again after each checkpoint."""
    made = JobGroups(workflow)
    first = [made.in_turn("simulate", "again", job) for job in "abcd"]
    assert first == ["simulate-again-0"] * 3 + ["simulate-again-1"]
    assert [made.in_turn("simulate", "again", job) for job in "dcba"] == first[::-1]
