"""Files that a campaign simulates: splits, masses, pools, options, and which job makes which."""

import shlex
from collections import Counter

import pytest

from workflow.campaign.errors import ConfigError
from workflow.campaign.paths import Campaign
from workflow.campaign.simulated import SimulatedFiles


def simulated(samples=None, **changes) -> SimulatedFiles:
    one = {"tt": {"simulate": {"files": 1}, "events_per_file": 8}}
    return Campaign({"samples": samples or one} | changes).simulated


def files(number, events=1000, **changes):
    return {"simulate": {"files": number} | changes, "events_per_file": events}


def test_each_file_is_in_one_job():
    made = simulated({"tt": files(25)}, simulation={"backend": "embedded", "files_per_job": 10})
    assert made.of_job("tt", "00001") == [f"{number:05d}" for number in range(10, 20)]
    assert made.of_job("tt", "00002") == [f"{number:05d}" for number in range(20, 25)]
    tables = [f"results/simulated/tt/job-{number:05d}.tsv" for number in range(3)]
    assert made.tables("tt", made.names("tt")) == tables
    assert made.tables("tt", made.names("tt")[8:12]) == tables[:2]


@pytest.mark.parametrize(
    ("simulation", "events", "expected"),
    [
        ({"backend": "embedded"}, 1000, 18),  # four minutes at 13 ms an event
        ({"backend": "delphes"}, 300, 4),
        ({"backend": "delphes"}, 1000, 1),
        ({"backend": "embedded"}, 10, 20),  # no more
        ({"backend": "embedded", "program": "my_delphes"}, 10, 1),
        ({"backend": "embedded", "program": "my_delphes", "files_per_job": 3}, 10, 3),
    ],
)
def test_a_job_takes_four_minutes(simulation, events, expected):
    assert simulated({"tt": files(100, events)}, simulation=simulation).files_per_job("tt") == expected


def test_a_job_asks_for_the_minutes_of_its_files_and_of_all_tries_at_one():
    limits = {"backend": "embedded", "minutes": 20, "tries": 2}
    assert simulated({"tt": files(100)}, simulation=limits).minutes("tt") == 12 + 40 + 5
    assert simulated({"tt": files(1)}, simulation=limits).minutes("tt") == 1 + 40 + 5


def test_what_a_job_is_told_of_each_file():
    sample = files(2, masses=[600, 800]) | {"test": True}
    made = simulated({"tt": files(1), "hh": sample}, results="my results", simulation={"backend": "embedded"})
    assert made.pools("hh", "00000") == ["my results/simulated/pool/test"]
    assert made.words("hh", "00000") == [
        f"0000{n} --mass {mass} --pool 'my results/simulated/pool/test'" for n, mass in enumerate((600.0, 800.0))
    ]


def test_the_process_is_said_where_it_is_not_the_sample_s_name():
    more = {"pythia": ["25:onIfAny = 5"]}
    made = simulated({"tt": files(1, **more), "tt_1": files(1, process="tt", **more)})
    assert made.pythia("tt") == ["--pythia", "25:onIfAny = 5"]
    assert made.pythia("tt_1") == ["--process", "tt", "--pythia", "25:onIfAny = 5"]


def test_the_backend_is_chosen_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert simulated().backend == "embedded"
    (tmp_path / "results/lists").mkdir(parents=True)
    kept = tmp_path / "results/lists/backend.txt"
    kept.write_text("delphes\n")
    assert simulated().backend == "delphes"
    assert simulated().backend_file() == ["results/lists/backend.txt"]
    assert simulated(simulation={"backend": "embedded"}).backend_file() == []
    kept.write_text("delfes")
    with pytest.raises(ConfigError, match="'delfes' is no detector simulation; embedded or delphes"):
        _ = simulated().backend


def test_the_program_is_one_quoted_word_of_a_line_that_snakemake_formats():
    made = simulated(simulation={"program": "run 'my {file}' $(touch X)", "minutes": 1.5})
    (word,) = shlex.split(made.program().format())
    assert shlex.split(word) == ["run", "my {file}", "$(touch", "X)"]
    assert made.limits() == "--minutes 1.5 --tries 2"


def test_a_simulated_file_is_on_one_side_with_its_soft_collisions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.root").touch()
    samples = {"tt": files(10, 8), "tth": files(2, 8) | {"test": True}, "bb": {"files": ["own.root"]}}
    made = simulated(samples, simulation={"pool_events": 100})
    splits = dict(made.file_splits())
    assert "own.root" not in splits
    assert [splits[name] for name in made.names("tth")] == ["test", "test"]
    counts = Counter(splits[name] for name in made.names("tt"))
    assert counts == {"train": 7, "validation": 2, "heldout": 1}
    # 8 events of 50 collisions from a pool of 100, for each file of the split.
    assert made.pileup_text(None) == "train 28, validation 8, test 8, heldout 4"
    assert len(made.pools("tt", "00000")) == 3, "a job may make files of several splits"


def test_a_gun_s_options_and_its_pool():
    shot = {"gun": {"files": 2, "particles": ["pi0", "e"], "energy": [2, 50]}, "events_per_file": 10}
    noisy = {"gun": {"files": 1, "particles": ["pi"], "pileup": 20}, "events_per_file": 10, "test": True}
    samples = {"single": shot, "noisy": noisy, "tt": files(1, 8)}
    made = simulated(samples, simulation={"pool_events": 100, "backend": "embedded"})
    words = made.gun("single")
    assert words[:6] == ["--particle", "pi0", "--particle", "e", "--energy", "2.0:50.0"]
    assert words[-2:] == ["--pileup", "0.0"]
    assert made.names("single") == [f"results/simulated/single/0000{n}.root" for n in (0, 1)]
    assert (made.pools("single", "00000"), made.words("single", "00000")) == ([], ["00000", "00001"])
    assert made.words("noisy", "00000") == ["00000 --pool results/simulated/pool/test"]
    assert made.guns() == "single|noisy"
    assert made.pileup_text(None).endswith("test 2")
    other = simulated(samples, simulation={"backend": "delphes"})
    with pytest.raises(ConfigError, match="noisy"):
        other.pools("noisy", "00000")


def test_each_split_has_files_of_all_masses() -> None:
    """Also where the number of masses and the sequence of splits would otherwise go together."""
    masses = [600.0, 800.0, 1000.0, 1500.0, 2000.0]
    made = simulated({"tt": files(60, 10, masses=masses)}, sharding={"validation_fraction": 0.2, "test_fraction": 0.2})
    indices = [f"{number:05d}" for number in range(60)]
    found = Counter((made.split_of("tt", index), made.mass("tt", index)) for index in indices)
    for split in ("train", "validation", "heldout"):
        counts = [found[split, mass] for mass in masses]
        assert min(counts) > 0
        assert max(counts) - min(counts) <= 1
