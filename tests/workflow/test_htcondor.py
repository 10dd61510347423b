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
from tests.workflow.test_snakemake import ROOT, campaign
from workflow.campaign import htcondor_jobs

PROFILE = ["--profile", str(ROOT / "workflow/profiles/htcondor"), "--latency-wait", "5"]
EVENTS = "out/events/tt/00000.h5"
SPACES = "two words, 'quoted'"


@pytest.fixture(autouse=True)
def _installed():
    if importlib.util.find_spec(htcondor_jobs.PLUGIN) is None:
        pytest.skip("snakemake-executor-plugin-htcondor is not installed (pip install jetimg[htcondor])")


def test_jobs_that_htcondor_takes_and_that_end_well(tmp_path):
    """Without PATH, with the plugin's variables, or with `pip install &&` in the command, none would."""
    folder = campaign(tmp_path / "campaign", ("tt",))
    ads = tmp_path / "ads"
    ads.mkdir()
    command = [sys.executable, condor.__file__, str(ads), EVENTS, "--snakefile", str(ROOT / "Snakefile"), *PROFILE]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml"), *plain_profile()]
    more = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "KRB5CCNAME": SPACES,
    }
    run = subprocess.run(command, env=os.environ | more, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (folder / EVENTS).is_file()
    (job,) = [json.loads(path.read_text()) for path in ads.iterdir()]
    assert (job["RequestMemory"], job["RequestCpus"], job["MaxRuntime"]) == ("1500", "1", "1800")  # MB, cores, s
    assert condor.environment(job["Environment"])["KRB5CCNAME"] == SPACES


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
