"""Names of a campaign's files."""

import json
import os
from pathlib import Path

import pytest

from workflow.campaign.errors import ConfigError
from workflow.campaign.paths import Campaign, option, options


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


def listed(campaign, sample):
    """Writes what a run leaves behind: the list of a sample's files."""
    folder = Path(campaign.results, "lists")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{sample}.txt").write_text("\n".join(campaign.inputs(sample)) + "\n")


def made(*files, **changes):
    return Campaign({"samples": {"tt": {"files": files}}} | changes)


def test_a_file_that_vanished_between_runs_keeps_its_place(campaign, tmp_path):
    listed(campaign, "tt")
    (tmp_path / "tt_11.root").unlink()
    (tmp_path / "tt_12.root").touch()
    now = made("tt_*.root")
    assert now.inputs("tt") == ["tt_10.root", "tt_11.root", "tt_12.root", "tt_9.root"]
    (line,) = now.missing
    assert line.startswith("samples.tt.files: tt_11.root: was there in the last run and is gone")
    assert "results/lists/tt.txt" in line
    assert made("tt_9*.root").missing == [], "another pattern asks for other files"
    assert made("other/tt_*.root").inputs("tt") == ["other/tt_*.root"]


def test_a_mistyped_pattern_is_forgotten_once_it_is_mended(campaign):
    listed(made("tx_*.root"), "tt")
    assert made("tt_*.root", "*.root").missing == []


def test_missing_files_are_named_and_stop_conversions_if_none_may_be_missing(campaign):
    wrong = ["samples.tt.files: gone.root: no such file", "samples.tt.files: none_*.root: matches no file"]
    assert campaign.missing == [*wrong, "samples.bb.files: bb.root: no such file"]
    assert campaign.complaint().splitlines() == [*campaign.missing, f"relative names start from {Path.cwd()}"]
    assert campaign.before_converting() == ["results/lists/missing.txt"]
    assert made("tt_9.root").before_converting() == []
    assert made("gone.root", policy={"bad_files": "skip"}).before_converting() == []


def test_a_long_complaint_is_cut():
    lines = made(*(f"{number}.root" for number in range(30))).complaint().splitlines()
    assert len(lines) == 22
    assert lines[-2] == "... and 10 more"


def test_a_folder_in_the_place_of_files_is_told_how_to_name_them(campaign, tmp_path):
    (tmp_path / "files").mkdir()
    assert made("files/").missing == ["samples.tt.files: files/: a folder; name its files: files/*.root"]


def test_a_repaired_file_is_seen_though_its_time_is_old(campaign, tmp_path):
    before, others = campaign.fingerprint("tt", "00000"), campaign.fingerprint("tt", "00001")
    path = tmp_path / "tt_11.root"
    os.utime(path, (1000, 1000))
    old_time = campaign.fingerprint("tt", "00000")
    path.write_text("longer")
    os.utime(path, (1000, 1000))
    longer = campaign.fingerprint("tt", "00000")
    assert len({before, old_time, longer, campaign.fingerprint("tt")}) == 4
    assert campaign.fingerprint("tt", "00001") == others


def test_inputs_of_a_configuration_that_comes_with_the_repository_are_found_from_elsewhere(campaign, tmp_path):
    config = {"samples": {"tt": {"files": ["tt_*.root", "/a.root"], "compare_to": ["b.root"]}}}
    there = Campaign(config, base=str(tmp_path))
    names = [f"{tmp_path}/tt_{number}.root" for number in (10, 11, 9)]
    assert there.inputs("tt") == [*names, "/a.root"]
    assert there.others("tt") == [f"{tmp_path}/b.root"]
    assert there.results == "results"
    again = json.loads(there.as_read_here())
    assert again == {
        "samples": {"tt": {"files": [f"{tmp_path}/tt_*.root", "/a.root"], "compare_to": [f"{tmp_path}/b.root"]}}
    }
    assert json.loads(Campaign(config).as_read_here()) == config


def test_the_detector_description_has_to_be_there(campaign):
    with pytest.raises(ConfigError, match=r"detector: none\.yaml: no such file"):
        made("tt_9.root", detector="none.yaml")


def test_results_that_cannot_be_written_are_refused(campaign, tmp_path, monkeypatch):
    made("a", results="new/folder").check_results(os.W_OK)
    assert list(tmp_path.glob("new")) == []
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"results: file/out: .*/file is not a folder"):
        made("a", results="file/out")
    monkeypatch.setattr("os.access", lambda _, access: access != os.W_OK)
    made("a", results="out")
    with pytest.raises(ConfigError, match="cannot be written to"):
        made("a", results="out").check_results(os.W_OK)


def test_options_are_words():
    assert option("--detector", None) == []
    assert option("--detector", "my detector.yaml") == ["--detector", "my detector.yaml"]
    assert options({"events_per_shard": 5, "seed": None}) == ["--events-per-shard", "5"]
