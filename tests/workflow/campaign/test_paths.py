"""Names of a campaign's files."""

import os

import pytest

from workflow.campaign.paths import Campaign, option


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (10, 9, 11):
        (tmp_path / f"tt_{number}.root").touch()
    samples = {"tt": {"files": ["tt_*.root", "gone.root", "none_*.root"]}, "bb": {"files": ["bb.root"]}}
    return Campaign({"samples": samples, "files_per_job": 2})


def test_inputs_are_sorted_and_none_vanishes(campaign):
    assert campaign.inputs("tt") == ["tt_10.root", "tt_11.root", "tt_9.root", "gone.root", "none_*.root"]
    assert campaign.sources("tt") == ["tt_10.root", "tt_11.root", "tt_9.root"]


def test_each_input_is_in_one_job(campaign):
    assert campaign.groups("tt") == ["00000", "00001", "00002"]
    jobs = [campaign.group("tt", name) for name in campaign.groups("tt")]
    assert [name for job in jobs for name in job] == campaign.inputs("tt")
    assert campaign.event_files()[-1] == "results/events/bb/00000.h5"


def test_a_list_that_does_not_change_keeps_its_time(campaign, tmp_path):
    campaign.write_lists()
    path = tmp_path / "results/lists/tt.txt"
    assert path.read_text().split() == campaign.inputs("tt")
    os.utime(path, (1, 1))
    campaign.write_lists()
    assert path.stat().st_mtime == 1
    (tmp_path / "tt_12.root").touch()
    Campaign({"samples": {"tt": {"files": ["tt_*.root"]}}}).write_lists()
    assert path.stat().st_mtime > 1


def test_options_are_quoted():
    assert option("--detector", None) == ""
    assert option("--detector", "my detector.yaml") == "--detector 'my detector.yaml'"
