"""A campaign by the plugin of HTCondor: its bindings take each job, and what they make of it is run here as it is."""

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import condor
from tests.helpers.plain_profile import plain_profile
from tests.helpers.web import served
from tests.workflow.test_snakemake import ROOT, campaign
from workflow.campaign import htcondor_jobs

PROFILE = ["--profile", str(ROOT / "workflow/profiles/htcondor")]
HURRY = ["--latency-wait", "5", "--seconds-between-status-checks", "1"]
EVENTS = "out/events/tt/00000.h5"
SPACES = "two words, 'quoted'"


@pytest.fixture(autouse=True)
def _installed():
    if importlib.util.find_spec(htcondor_jobs.PLUGIN) is None:
        pytest.skip("snakemake-executor-plugin-htcondor is not installed (pip install jetimg[htcondor])")


def test_jobs_that_htcondor_takes_and_that_end_well(tmp_path):
    """Without PATH, with the plugin's variables, or with `pip install &&` in the command, none would."""
    folder = campaign(tmp_path / "campaign", ("tt",))
    (job,) = run(folder, tmp_path / "ads")
    assert (job["RequestMemory"], job["RequestCpus"], job["MaxRuntime"]) == ("1500", "1", "1800")  # MB, cores, s
    assert condor.environment(job["Environment"])["KRB5CCNAME"] == SPACES


@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_storage_plugin_http") is None,
    reason="snakemake-storage-plugin-http is not installed (pip install jetimg[http])",
)
def test_a_remote_file_is_fetched_by_a_job(tmp_path):
    with served(ROOT / "tests/data") as server:
        samples = {"tt": {"files": [f"{server}/tt.root"], "events_per_file": 2}}
        fetch, convert = run(campaign(tmp_path / "campaign", (), samples=samples), tmp_path / "ads")
    assert ("rules fetch " in fetch["Args"], "rules convert " in convert["Args"]) == (True, True)


def run(folder: Path, ads: Path) -> list[dict[str, str]]:
    """Makes the event file of tt; the ClassAds of the jobs that made it, in their order."""
    ads.mkdir()
    command = [sys.executable, condor.__file__, str(ads), EVENTS, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    more = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "KRB5CCNAME": SPACES,
    }
    done = subprocess.run(
        [*command, *PROFILE, *HURRY, *plain_profile()],
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / EVENTS).is_file()
    return [json.loads(path.read_text()) for path in sorted(ads.iterdir())]


def test_the_plugin_still_needs_to_be_mended():
    """Where this fails, the plugin has changed: `htcondor_jobs` may be needless, or may no longer do."""
    source = inspect.getsource(importlib.import_module(htcondor_jobs.PLUGIN))
    for fault in ("auto_deploy_default_storage_provider=True", """parts.append(f'{k}="{v_escaped}"')"""):
        assert fault in source
    assert "MaxRuntime" not in source


def test_variables_have_the_values_that_they_had():
    import htcondor

    values = {"ONE": SPACES, "TWO": 'a "b" c', "EMPTY": "", "FOUR": "x=y;z"}
    description = {"executable": "/bin/true", "log": "log", "environment": htcondor_jobs.environment(values)}
    (ad,) = htcondor.Submit(description).jobs(1, 1, 0)
    assert condor.environment(ad["Environment"]) == values
