"""From a campaign to an archive and back, to a network that trains on what came back; no network but loopback."""

import json
import os

import pytest
import yaml
from typer.testing import CliRunner

from jetimg.cli.main import app
from models.training.history import PARTS
from tests.helpers.downloads import contents
from tests.helpers.release_metadata import SAID
from tests.helpers.zenodo import TOKEN, Zenodo
from tests.workflow.test_snakemake import snakemake, whole

pytest.importorskip("zenodo_get")

SMALL = {
    "model": {"architecture": "pfjet", "channels": [2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4]},
    "training": {"epochs": 1, "batch_size": 2},
}


def run(*call: str) -> str:
    """A command of ours; what it printed."""
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_release_publish_download_verify_train(server: Zenodo, tmp_path) -> None:
    """By the targets that a user types: what comes back is what was made, and two training steps need no ROOT file."""
    there = whole(tmp_path / "there", release=SAID | {"server": server.url, "publish": True})
    sent = snakemake(there, "publish")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    (deposit,) = json.loads((there / "out/deposits.json").read_text())

    here = whole(tmp_path / "here", release={"server": server.url, "download": [deposit["doi"]]})
    fetched = snakemake(here, "download")
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    back = here / "out/downloaded"
    assert contents(back) == contents(there / "out/release")
    made = contents(there / "out/dataset")
    assert {name: content for name, content in contents(back).items() if name in made} == made
    assert not (here / "out/events").exists()
    assert "6 events, no faults" in run("verify", str(back))

    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    run("models", "train", str(back), "-o", str(tmp_path / "run"), "--config", str(tmp_path / "small.yaml"))
    (epoch,) = map(json.loads, (tmp_path / "run/metrics.jsonl").read_text().splitlines())
    assert epoch["events"] == 3, "two steps"
    assert all(part in epoch["train"] for part in PARTS)

    files = [content for folder in (there, here) for content in contents(folder).values()]
    printed = (sent.stdout + sent.stderr + fetched.stdout + fetched.stderr).encode()
    assert os.environ["ZENODO_TOKEN"] == TOKEN
    assert all(TOKEN.encode() not in content for content in [*files, printed])
