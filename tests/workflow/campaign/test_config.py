"""The configuration: defaults, complaints, and the schema that stands in the repository."""

from pathlib import Path

import pytest

from workflow.campaign.config import parse, schema
from workflow.campaign.errors import ConfigError

ROOT = Path(__file__).parents[3]
SMALL = {"samples": {"tt": {"files": ["a.root"]}, "tth": {"files": ["b.root"], "test": True}}}


def test_defaults_fill_in_what_is_not_given():
    config = parse(SMALL)
    assert config.results == "results"
    assert config.images.hcal == "point"
    assert config.policy.bad_files == "fail"
    assert not config.samples["tt"].test


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (SMALL | {"image": {}}, "image: unknown key; did you mean `images`?"),
        (SMALL | {"sharding": {"event_per_shard": 5}}, "did you mean `events_per_shard`?"),
        (SMALL | {"images": {"hcal": "smear"}}, "images.hcal"),
        (SMALL | {"pile_up_seed": 2}, "pile_up_seed: unknown key"),
        (SMALL | {"masses": [800]}, "masses: unknown key here; it stands in `samples.*.simulate.masses`"),
        (SMALL | {"slimming": 1}, "`networks.*.training.slimming`"),
        (SMALL | {"samples": {"t t": {"files": ["a"]}}}, "samples.t t"),
        (SMALL | {"samples": {"tt": {"files": []}}}, "give either `files` or `simulate` or `gun`"),
        (SMALL | {"samples": {"e": {"gun": {"files": 1, "particles": ["e"]}}}}, "`gun` needs `events_per_file`"),
        (
            SMALL
            | {"samples": {"e": {"gun": {"files": 1, "particles": ["e"], "energy": [5, 2]}, "events_per_file": 1}}},
            "samples.e.gun.energy: from 5 to 2",
        ),
        ({"samples": {"tth": {"files": ["b.root"], "test": True}}}, "none is left to train on"),
        ({}, "samples: is missing"),
        (SMALL | {"detectors": {"pfjet": {}}}, "detectors: this key is called `networks` now"),
        (SMALL | {"results": ""}, "results: : an empty name"),
        (SMALL | {"results": "out{a}"}, "results: out{a}: braces"),
        (SMALL | {"results": "-out"}, "write ./-out"),
        (SMALL | {"results": "~/out"}, "give the whole path"),
        (SMALL | {"results": "a/" + "x" * 256}, "a name of 256 bytes; file systems take 255"),
        (SMALL | {"results": "a\nb"}, r"results: a\nb: the name has line breaks"),
        ({"samples": {"events": {"files": ["a"]}}}, "a sample cannot be called events"),
        ({"samples": {"heldout": {"files": ["a"]}}}, "a sample cannot be called heldout"),
        ({"samples": {"_tt": {"files": ["a"]}}}, "samples._tt"),
        ({"samples": {"tt-1": {"files": ["a"]}}}, "samples.tt-1"),
        ({"samples": {"top": {"simulate": {"files": 1}, "events_per_file": 1}}}, "top is none of bb, tt, hh,"),
        (
            {"samples": {"tt": {"simulate": {"files": 1, "process": "ttt"}, "events_per_file": 1}}},
            "samples.tt.simulate.process: ttt is none of bb, tt, hh, WW, qq, ZZ, gg, tth",
        ),
        ({"samples": {"t" * 101: {"files": ["a"]}}}, "at most 100 characters"),
        (SMALL | {"simulation": {"program": ""}}, "simulation.program: no program"),
    ],
)
def test_what_cannot_be_used_is_named(content, hint):
    with pytest.raises(ConfigError) as error:
        parse(content)
    assert hint in str(error.value)


def test_a_sample_may_be_called_otherwise_than_its_process():
    simulate = {"simulate": {"process": "tt", "files": 1}, "events_per_file": 1}
    assert parse({"samples": {"top_1": simulate, "tops": simulate}}).samples["top_1"].simulate.process == "tt"


def test_a_sample_may_be_one_of_several_of_its_process():
    simulate = {"simulate": {"files": 1}, "events_per_file": 1}
    assert set(parse({"samples": {"tt_1": simulate, "tt_heavy": simulate, "tt": simulate}}).samples) == {
        "tt_1",
        "tt_heavy",
        "tt",
    }


def test_another_program_may_know_other_processes():
    simulate = {"simulate": {"process": "ttbb", "files": 1}, "events_per_file": 1}
    parse({"samples": {"ttbb": simulate}, "simulation": {"program": "our_generator --fast"}})


def test_one_fault_is_one_line():
    with pytest.raises(ConfigError) as error:
        parse(SMALL | {"results": 5})
    assert "\n" not in str(error.value)


def test_the_results_folder_is_written_in_one_way():
    assert parse(SMALL | {"results": "./my results//a/"}).results == "my results/a"


def test_every_key_has_a_description():
    definitions = [*parse(SMALL).model_json_schema()["$defs"].values(), parse(SMALL).model_json_schema()]
    missing = [key for part in definitions for key, field in part["properties"].items() if "description" not in field]
    assert missing == []


def test_the_schema_in_the_repository_is_current():
    """After a change of the model: make schema."""
    assert (ROOT / "workflow/config/schema.json").read_text() == schema()
