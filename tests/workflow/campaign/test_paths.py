"""Names of a campaign's files."""

import json
import os
import shlex
from collections import Counter
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


def test_the_process_is_said_where_it_is_not_the_sample_s_name():
    simulate = {"files": 1, "pythia": ["25:onIfAny = 5"]}
    samples = {"tt": {"simulate": simulate}, "tt_1": {"simulate": simulate | {"process": "tt"}}}
    campaign = Campaign({"samples": {name: sample | {"events_per_file": 1} for name, sample in samples.items()}})
    assert campaign.pythia("tt") == ["--pythia", "25:onIfAny = 5"]
    assert campaign.pythia("tt_1") == ["--process", "tt", "--pythia", "25:onIfAny = 5"]


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
    assert campaign.complaint().splitlines() == campaign.missing
    assert campaign.before_converting() == ["results/lists/missing.txt"]
    assert made("tt_9.root").before_converting() == []
    assert made("gone.root", policy={"bad_files": "skip"}).before_converting() == []


def test_a_long_complaint_is_cut():
    lines = made(*(f"{number}.root" for number in range(30))).complaint().splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 10 more"


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


def test_the_backend_is_chosen_once(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert made("tt_9.root").backend == "embedded"
    (tmp_path / "results/lists").mkdir(parents=True)
    kept = tmp_path / "results/lists/backend.txt"
    kept.write_text("delphes\n")
    assert made("tt_9.root").backend == "delphes"
    assert made("tt_9.root").backend_file() == ["results/lists/backend.txt"]
    assert made("tt_9.root", simulation={"backend": "embedded"}).backend_file() == []
    kept.write_text("delfes")
    with pytest.raises(ConfigError, match="'delfes' is no detector simulation; embedded or delphes"):
        _ = made("tt_9.root").backend


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


def test_the_program_is_quoted_for_a_line_that_snakemake_formats(campaign):
    program = made("a", simulation={"program": "run 'my {file}' $(touch X)", "minutes": 1.5})
    words = program.program().format()
    assert shlex.split(words) == ["run", "my {file}", "$(touch", "X)"]
    assert "'$(touch'" in words
    assert program.limits() == "--minutes 1.5 --tries 2"


def test_a_simulated_file_is_on_one_side_with_its_soft_collisions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.root").touch()
    samples = {
        "tt": {"simulate": {"files": 10}, "events_per_file": 8},
        "tth": {"simulate": {"files": 2}, "events_per_file": 8, "test": True},
        "bb": {"files": ["own.root"]},
    }
    made = Campaign({"samples": samples, "simulation": {"pool_events": 100}})
    splits = dict(made.file_splits())
    assert "own.root" not in splits
    assert [splits[name] for name in made.inputs("tth")] == ["test", "test"]
    counts = Counter(splits[name] for name in made.inputs("tt"))
    assert counts == {"train": 7, "validation": 2, "heldout": 1}
    # 8 events of 50 collisions from a pool of 100, for each file of the split.
    assert made.pileup_text() == "train 28, validation 8, test 8, heldout 4"


def test_a_gun_s_options_and_its_pool():
    shot = {"gun": {"files": 2, "particles": ["pi0", "e"], "energy": [2, 50]}, "events_per_file": 10}
    noisy = {"gun": {"files": 1, "particles": ["pi"], "pileup": 20}, "events_per_file": 10, "test": True}
    samples = {"single": shot, "noisy": noisy, "tt": {"simulate": {"files": 1}, "events_per_file": 8}}
    campaign = Campaign({"samples": samples, "simulation": {"pool_events": 100, "backend": "embedded"}})
    words = campaign.gun("single")
    assert words[:6] == ["--particle", "pi0", "--particle", "e", "--energy", "2.0:50.0"]
    assert words[-2:] == ["--pileup", "0.0"]
    assert campaign.inputs("single") == [f"results/simulated/single/0000{n}.root" for n in (0, 1)]
    assert campaign.sources("noisy") == ["results/simulated/noisy/00000.json"]
    assert campaign.gun_pool("single", "00000") == []
    assert campaign.gun_pool("noisy", "00000") == ["results/simulated/pool/test"]
    assert campaign.guns() == "single|noisy"
    assert campaign.pileup_text().endswith("test 2")
    other = Campaign({"samples": samples, "simulation": {"backend": "delphes"}})
    with pytest.raises(ConfigError, match="noisy"):
        other.gun_pool("noisy", "00000")


def test_each_split_has_files_of_all_masses() -> None:
    """Also where the number of masses and the sequence of splits would otherwise go together."""
    masses = [600.0, 800.0, 1000.0, 1500.0, 2000.0]
    sample = {"simulate": {"files": 60, "masses": masses}, "events_per_file": 10}
    campaign = Campaign({"samples": {"tt": sample}, "sharding": {"validation_fraction": 0.2, "test_fraction": 0.2}})
    files = [f"{number:05d}" for number in range(60)]
    found = Counter((campaign.split_of("tt", index), campaign.mass("tt", index)) for index in files)
    for split in ("train", "validation", "heldout"):
        counts = [found[split, mass] for mass in masses]
        assert min(counts) > 0
        assert max(counts) - min(counts) <= 1
