"""What stands in the small files that rules write."""

import json

import pytest
import yaml

from jetimg.imaging import settings
from workflow.campaign.networks import CampaignNetworks
from workflow.campaign.paths import Campaign
from workflow.campaign.settings import settings_files

CONFIG = {
    "samples": {"tt": {"files": ["b.root", "a.root"]}, "bb": {"simulate": {"files": 3}, "events_per_file": 2}},
    "images": {"hcal": "spread"},
    "networks": {"pfjet": {"smaller": {"int8": {"epochs": 3}}}},
    "simulation": {"backend": "delphes"},
    "files_per_job": 2,
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    campaign = Campaign(CONFIG)
    return settings_files(campaign, CampaignNetworks(campaign.config.networks, campaign.results))


def test_the_files_are_those_that_rules_ask_for(files):
    names = ("campaign", "images", "release", "pfjet-full", "pfjet-int8")
    lists = ("events", "backend", "tt", "bb")
    expected = {*(f"settings/{name}.yaml" for name in names), *(f"lists/{name}.txt" for name in lists)}
    assert set(files) == expected | {"lists/file-splits.tsv"}


def test_their_contents(files, tmp_path):
    assert files["lists/tt.txt"]().split() == ["b.root", "a.root"]
    assert files["lists/events.txt"]().split() == [
        f"results/events/{name}.h5" for name in ("tt/00000", "bb/00000", "bb/00001")
    ]
    assert files["lists/backend.txt"]() == "delphes"
    assert yaml.safe_load(files["settings/pfjet-int8.yaml"]())["training"]["epochs"] == 3
    assert json.loads(files["settings/campaign.yaml"]())["files_per_job"] == 2
    (tmp_path / "images.yaml").write_text(files["settings/images.yaml"]())
    assert settings.read(tmp_path / "images.yaml").hcal == "spread"
