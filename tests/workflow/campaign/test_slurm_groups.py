"""The change to Slurm's executor plugin, and what it stands on in the plugin."""

import importlib.util
import inspect
import sys

import pytest

from workflow.campaign import slurm_groups


@pytest.fixture
def executor(monkeypatch):
    if importlib.util.find_spec(slurm_groups.PLUGIN) is None:
        pytest.skip("snakemake-executor-plugin-slurm is not installed (pip install jetimg[slurm])")
    made = importlib.import_module(slurm_groups.PLUGIN).Executor
    monkeypatch.setattr(made, "additional_general_args", made.additional_general_args)  # put back afterwards
    return made


def test_the_plugin_still_runs_one_member_after_the_other(executor):
    """Where this fails, the plugin has changed: `slurm_groups` may be needless, or may no longer do."""
    assert '"--executor slurm-jobstep --jobs 1"' in inspect.getsource(executor.additional_general_args)


def test_a_job_runs_its_members_itself(executor):
    slurm_groups.run_side_by_side()
    assert executor.additional_general_args(None) == "--executor local"


def test_nothing_happens_without_the_plugin(monkeypatch):
    monkeypatch.delitem(sys.modules, slurm_groups.PLUGIN, raising=False)
    slurm_groups.run_side_by_side()
    assert slurm_groups.PLUGIN not in sys.modules
