"""From Pythia to shards: the same bytes at one core and at two, from the same seed."""

from pathlib import Path

import yaml

from tests.workflow.test_snakemake import digests, snakemake

CONFIG = {
    "results": "out",
    "samples": {
        "bb": {"simulate": {"files": 2}, "events_per_file": 3},
        "pi0": {"gun": {"files": 1, "particles": ["pi0"], "pileup": 2}, "events_per_file": 3},
        "tth_1": {"simulate": {"process": "tth", "files": 1}, "events_per_file": 3, "test": True},
    },
    # Both files of bb to train on: each split has a pool of its own, and Pythia starts soft collisions in seconds.
    "sharding": {"test_fraction": 0.0},
    "simulation": {"pool_events": 60, "backend": "embedded"},
}


def campaign(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def test_the_same_seed_gives_the_same_files_at_any_number_of_cores(tmp_path):
    one, two = campaign(tmp_path / "one"), campaign(tmp_path / "two")
    runs = [snakemake(one, "dataset", cores=1), snakemake(two, "dataset", cores=2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr + runs[1].stderr
    assert "Detector simulation: the embedded one" in runs[0].stderr
    names = ["simulated/bb/00000.root", "simulated/bb/00001.root", "simulated/tth_1/00000.root"]
    names.append("simulated/pi0/00000.root")
    first, second = ([(folder / "out" / name).read_bytes() for name in names] for folder in (one, two))
    assert first == second
    assert len(set(first)) == 4
    assert digests(one) == digests(two)
