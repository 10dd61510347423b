"""What the plugin takes for `MinJobAge` while Slurm does not answer."""

import importlib.util
import inspect
import sys
from types import SimpleNamespace

import pytest

from workflow.campaign import slurm_status
from workflow.campaign.slurm_groups import PLUGIN


def test_the_last_answer_holds(monkeypatch):
    answers = iter([None, 300, None, 60, None])
    plugin = SimpleNamespace(get_min_job_age=lambda: next(answers))
    monkeypatch.setitem(sys.modules, PLUGIN, plugin)
    slurm_status.keep_status_command()
    assert [plugin.get_min_job_age() for _ in range(5)] == [None, 300, 300, 60, 60]


@pytest.mark.skipif(importlib.util.find_spec(PLUGIN) is None, reason="no jetimg[slurm]")
def test_the_plugin_still_takes_another_command_without_an_answer():
    """Where this fails, the plugin has changed: `slurm_status` may be needless, or may no longer do."""
    source = inspect.getsource(importlib.import_module(PLUGIN).Executor.check_active_jobs)
    assert "min_job_age = get_min_job_age()" in source
    assert "min_job_age is None or" in source


def test_nothing_happens_without_the_plugin(monkeypatch):
    monkeypatch.delitem(sys.modules, PLUGIN, raising=False)
    slurm_status.keep_status_command()
    assert PLUGIN not in sys.modules
