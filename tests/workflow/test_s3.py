"""A campaign whose inputs and outputs are in S3, from a real server of S3's protocol: moto's, on loopback."""

import importlib.util
import logging

import pytest

from tests.workflow.test_snakemake import ROOT, campaign, snakemake

EVENTS = "out/events/tt/00000.h5"
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


def test_inputs_and_outputs_in_s3(s3, tmp_path):
    folder = campaign(tmp_path / "there", (), samples={"tt": {"files": ["s3://here/tt.root"], "events_per_file": 2}})
    run = snakemake(folder, EVENTS, "--default-storage-provider", "s3", "--default-storage-prefix", "s3://here/results")
    assert run.returncode == 0, run.stdout + run.stderr
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="here")["Contents"]]
    assert f"results/{EVENTS}" in keys
    print(keys)
    logs = [path.read_text(errors="replace") for path in folder.rglob("*.log")]
    assert not any(SECRET in text for text in [run.stdout, run.stderr, *logs])
