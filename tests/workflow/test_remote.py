"""Input files that stand elsewhere, fetched by a storage plugin of Snakemake."""

import importlib.util

import pytest

from tests.helpers.web import served
from tests.workflow.test_snakemake import ROOT, campaign, digests, snakemake
from workflow.campaign.config import ConfigError
from workflow.campaign.paths import Campaign

URL = "root://eos.example.org//eos/tt/0.root"


def test_a_remote_file_keeps_its_address_in_the_name_of_its_copy():
    made = Campaign({"samples": {"tt": {"files": [URL]}, "bb": {"files": ["b.root"]}}})
    copy = "results/fetched/tt/eos.example.org/eos/tt/0.root"
    assert made.inputs("tt") == made.sources("tt") == [copy]
    assert made.url("tt", "eos.example.org/eos/tt/0.root") == URL


def test_a_glob_of_remote_files_is_refused():
    with pytest.raises(ConfigError, match="one by one, not as a glob"):
        Campaign({"samples": {"tt": {"files": ["s3://bucket/*.root"]}}})


@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_storage_plugin_http") is None,
    reason="snakemake-storage-plugin-http is not installed (pip install jetimg[http])",
)
def test_remote_files_give_the_events_of_local_ones(tmp_path):
    here = campaign(tmp_path / "here", ("tt", "tth"))
    with served(ROOT / "tests/data") as server:
        samples = {
            "tt": {"files": [f"{server}/tt.root"], "events_per_file": 2},
            "tth": {"files": [f"{server}/tth.root"], "events_per_file": 2, "test": True},
        }
        there = campaign(tmp_path / "there", (), samples=samples)
        for folder in (here, there):
            run = snakemake(folder, "dataset")
            assert run.returncode == 0, run.stdout + run.stderr
    assert digests(here).keys() == digests(there).keys()
    assert [p.name for p in (there / "out/fetched").rglob("*.root")] == []
