"""Networks of a campaign of real events: trained, made smaller, measured, exported and timed by one command."""

import json
import re

import onnx
import pytest
import yaml

from jetimg.detections.hdf5 import Reader
from models.trained import checkpoint
from tests.workflow.test_snakemake import campaign, snakemake

pytest.importorskip("brevitas")

SHORT = {"epochs": 1, "batch_size": 4}
NETWORKS = {
    "pfjet": {
        "model": {"architecture": "pfjet", "channels": [4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8]},
        "training": SHORT,
        "smaller": {"ternary": {}, "int8": {}, "pruned": {"steps": 1, "epochs": 1, "parameters": 1000}},
    },
    "ssd7": {"model": {"architecture": "ssd7", "channels": [2, 2, 2, 4, 4, 4, 4]}, "training": SHORT},
    "shipped": {"checkpoint": "fast"},
}
NAMES = ["pfjet-full", "pfjet-ternary", "pfjet-int8", "pfjet-pruned", "ssd7-full"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    quick = {"threads": 1, "batch_sizes": [1], "benchmark_seconds": 0}
    folder = campaign(tmp_path_factory.mktemp("networks"), networks=NETWORKS, **quick)
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "out"


def test_every_network_is_measured_beside_the_classical_jets(trained):
    found = json.loads((trained / "networks/evaluation/tth/evaluation.json").read_text())
    assert sorted(found["detectors"]) == sorted([*NAMES, "shipped", "baseline"])
    assert found["data_set"]["events"] == 2
    assert all(found["detectors"][name]["trained_on_this_data_set"] for name in NAMES)


def test_every_network_is_exported_and_timed(trained):
    results = json.loads((trained / "networks/latency/latency.json").read_text())["results"]
    assert sorted(result["name"].split(",")[0] for result in results) == sorted([*NAMES, "shipped"])
    for name in [*NAMES, "shipped-given"]:
        onnx.checker.check_model(trained / "networks" / name.replace("-", "/") / "network.onnx")


def test_each_version_is_what_it_is_called(trained):
    kinds = [checkpoint.read(path)[1].compression.kind for path in sorted(trained.glob("networks/*/*/network.pt"))]
    assert sorted(kinds) == ["int8", "none", "none", "none", "none", "ternary"]
    pruned = checkpoint.read(trained / "networks/pfjet/pruned/network.pt")[1]
    assert sum(pruned.model.channels) < sum(NETWORKS["pfjet"]["model"]["channels"])


def test_the_page_and_the_viewer_show_all_of_it(trained):
    page = (trained / "report.html").read_text()
    sections = re.findall(r'<section id="([a-z]+)"', page)
    assert sections == ["summary", "events", "distributions", "inputs", "audit", "training", "evaluation", "latency"]
    for name in NAMES:
        network, version = name.split("-")
        assert f"--output out/networks/{network}/{version}" in page
        assert f"{network}, {version}: loss against the epoch" in page
    assert "shipped=out/networks/shipped/given/network.pt" in page
    assert '<a class="button" href="events.html">' in page
    viewer = (trained / "events.html").read_text()
    assert "/out/dataset</title>" in viewer
    with Reader(trained / "networks/pfjet/full/detections.h5") as found:
        assert [row.name for row in found.inputs] == ["out/dataset/test-00000.h5"]


def test_the_report_of_snakemake_shows_all_of_it(trained):
    run = snakemake(trained.parent, "report")
    assert run.returncode == 0, run.stdout + run.stderr
    log = (trained / "logs/report.log").read_text()
    assert log.count("Adding loss.png") == len(NAMES)
    assert all(f"Adding {name}" in log for name in ("evaluation.md", "precision_recall.png", "latency.md", "tt.png"))
    assert "WARNING" not in log, "captions that cannot be read"
    assert "ERROR" not in log
    assert (trained / "snakemake-report.html").stat().st_size > 1_000_000


def test_other_settings_train_again_what_they_concern(trained):
    folder = trained.parent
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["networks"]["pfjet"]["smaller"]["ternary"] = {"seed": 5}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    plan = snakemake(folder, "--dry-run").stdout
    assert "quantize_network" in plan
    assert "train_network" not in plan
    run = snakemake(folder, "quantize")
    assert run.returncode == 0, run.stdout + run.stderr
    assert checkpoint.read(trained / "networks/pfjet/ternary/network.pt")[1].training.seed == 5
