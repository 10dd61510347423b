"""What Snakemake plans for a campaign, and that a finished one needs nothing; timed only in the benchmark."""

import re

import yaml

from benchmarks import bench_dag
from tests.workflow.test_snakemake import ROOT, snakemake
from workflow.campaign.paths import Campaign


def test_the_full_campaign_is_4400_files_of_1000_events():
    full = Campaign(yaml.safe_load((ROOT / "workflow/config/paper.yaml").read_text()))
    files = {name: len(full.inputs(name)) for name in full.config.samples}
    assert sum(files.values()) == 4400 + files["tthBoosted"]
    assert [name for name, sample in full.config.samples.items() if sample.test] == ["tth", "tthBoosted"]
    events = {"bb": 769_973, "tt": 940_000, "hh": 990_000, "WW": 911_000, "tth": 770_000}  # October 2019
    shares = {name: files[name] / number for name, number in events.items()}
    assert max(shares.values()) < 1.002 * min(shares.values())


def test_the_plan_has_the_right_jobs_and_a_finished_campaign_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    campaign = bench_dag.started(tmp_path, 30)
    files = {name: len(campaign.inputs(name)) for name in campaign.config.samples}
    said = bench_dag.snakemake(tmp_path, "--dry-run", "--cores", "2")
    planned = {name: int(number) for name, number in re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)}
    pools = len({split for _, split in campaign.simulated.file_splits()})
    once = dict.fromkeys(("plan", "manifest", "verify", "dataset"), 1)
    jobs = once | {
        "simulate": sum(-(-number // 18) for number in files.values()),  # four minutes are 18 files
        "check": 7,
        "convert": len(campaign.event_files()),
        "settings": 10,
        "pool": pools,
    }
    assert planned == jobs | {"total": sum(jobs.values())}
    bench_dag.finish(campaign)
    assert "Nothing to be done" in bench_dag.snakemake(tmp_path, "--cores", "2")


def test_masks_are_planned_from_composed_images_and_nothing_is_exported(tmp_path):
    samples = {"tt": {"files": [str(ROOT / "tests/data/tt.root")]}}
    composed = {"images": {"train": 4, "validation": 2}, "objects": [1, 2]}
    networks = {"objects": {"model": {"architecture": "mask"}, "training": {"epochs": 1}}}
    config = {"results": "out", "samples": samples, "composed": composed, "networks": networks}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    said = snakemake(tmp_path, "--dry-run", "masks", "export", "benchmark")
    planned = dict(re.findall(r"^(\w+) +(\d+)$", said.stdout + said.stderr, re.MULTILINE))
    assert said.returncode == 0, said.stderr
    assert {name: planned.get(name) for name in ("compose", "train_network", "measure_masks")} == dict.fromkeys(
        ("compose", "train_network", "measure_masks"), "1"
    )
    assert not {"export_network", "benchmark_networks"} & set(planned)
