"""A campaign whose inputs and outputs are in S3, from a real server of S3's protocol: moto's, on loopback."""

import hashlib
import importlib.util
import logging

import pytest

from tests.helpers.release_metadata import SAID
from tests.workflow.test_snakemake import ROOT, campaign, digests, snakemake

STORAGE = ["--default-storage-provider", "s3", "--default-storage-prefix", "s3://here/results"]
SECRET = "a-secret-that-no-log-has"


@pytest.fixture
def s3(monkeypatch):
    """A client of a server with the bucket `here`, which has tt.root; Snakemake knows it from the environment alone."""
    for name in ("snakemake_storage_plugin_s3", "moto.server"):
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            pytest.skip(f"{name} is not installed (pip install jetimg[s3] 'moto[server]')")
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY": "someone", "SECRET_KEY": SECRET}
    for name, value in settings.items():
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="someone",
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="here")
    client.upload_file(str(ROOT / "tests/data/tt.root"), "here", "tt.root")
    yield client
    server.stop()


def in_storage(s3) -> dict[str, bytes]:
    """What stands in the bucket, below the prefix of the results."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="here", Prefix="results/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key.removeprefix("results/"): s3.get_object(Bucket="here", Key=key)["Body"].read() for key in keys}


SAMPLES = {
    "tt": {"files": ["s3://here/tt.root"], "events_per_file": 2},
    "tth": {"files": ["data/tth/*.root"], "events_per_file": 2, "test": True},
}
SHARDING = {"validation_fraction": 0.0, "test_fraction": 0.0}


def test_inputs_results_and_release_in_s3(s3, tmp_path):
    """The data set has the bytes of one on a disk; a second run misses nothing; the key is in no file and no output."""
    here, there = (
        campaign(tmp_path / name, ("tth",), samples=SAMPLES, sharding=SHARDING, release=SAID)
        for name in ("here", "there")
    )
    runs = [
        snakemake(here, "out/dataset/manifest.json"),
        snakemake(there, "release", *STORAGE),
        snakemake(there, "release", "--dry-run", *STORAGE),
    ]
    assert [run.returncode for run in runs] == [0, 0, 0], runs[1].stdout + runs[1].stderr
    found = {name: hashlib.sha256(content).hexdigest() for name, content in in_storage(s3).items()}
    same = digests(here)
    assert {name: found[f"out/dataset/{name}"] for name in same} == same
    assert {name: found[f"out/release/{name}"] for name in same} == same
    assert "Nothing to be done" in runs[2].stdout + runs[2].stderr

    assert list((there / "out/").rglob("*.h5")) == [], "the copies are gone"
    printed = [run.stdout + run.stderr for run in runs]
    files = [path.read_bytes() for folder in (here, there) for path in folder.rglob("*") if path.is_file()]
    assert not any(SECRET in text for text in printed)
    assert not any(SECRET.encode() in content for content in [*files, *in_storage(s3).values()])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"samples": {"tt": {"simulate": {"files": 1}, "events_per_file": 2}}},
            "samples.tt: files cannot be simulated",
        ),
        ({"results": "/tmp/elsewhere"}, "results: /tmp/elsewhere: in storage, the name of a folder inside"),
        ({"results": "data"}, "results: data is a folder of a run without storage"),
    ],
)
def test_what_storage_cannot_hold_is_refused(s3, tmp_path, changes, message):
    run = snakemake(campaign(tmp_path / "there", ("tt",), **changes), "dataset", *STORAGE)
    assert run.returncode != 0
    assert message in run.stdout + run.stderr
