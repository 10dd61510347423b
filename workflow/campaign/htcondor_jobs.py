"""Jobs as HTCondor takes them: four things that its executor plugin (0.3) sends otherwise.

* Where a storage plugin is installed, it puts `pip install ... &&` before each job's command. HTCondor starts commands
  without a shell, and all jobs fail.
* Its list of environment variables is in neither of HTCondor's two notations: the first variable gets all others in
  its value.
* It sends no time limit. HTCondor at CERN reads one, `MaxRuntime`, and ends jobs without it after 20 minutes.
* Memory and GPUs it takes from resources of its own only.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

PLUGIN = "snakemake_executor_plugin_htcondor"


def mend_htcondor_jobs() -> None:
    """Changes the plugin, if Snakemake has loaded it."""
    if (plugin := sys.modules.get(PLUGIN)) is None:
        return
    executor = plugin.Executor
    if executor._handle_explicit_unit_resources.__module__ == __name__:
        return
    plugin.common_settings.auto_deploy_default_storage_provider = False
    executor._format_htcondor_environment = lambda _, variables: environment(variables)
    executor._handle_explicit_unit_resources = _with_limits(executor._handle_explicit_unit_resources)


def environment(variables: Mapping[str, str]) -> str:
    """Environment variables in HTCondor's new notation.

    Args:
        variables: values by names.
    """
    pairs = (f"{name}='{value.replace(chr(39), chr(39) * 2)}'" for name, value in variables.items())
    return '"' + " ".join(pairs).replace('"', '""') + '"'


def _with_limits(plain: Callable[[Any, Any, dict[str, Any]], None]) -> Callable[[Any, Any, dict[str, Any]], None]:
    """Makes a step of the plugin, which knows the job, put its memory, GPUs and time into its description too."""

    def described(executor: Any, job: Any, description: dict[str, Any]) -> None:
        resources = job.resources
        asked = {
            "request_memory": (resources.get("mem_mb"), "MB"),
            "request_gpus": (resources.get("gpu"), ""),
            "+MaxRuntime": (60 * resources.get("runtime", 0), ""),  # s
        }
        description |= {key: f"{number}{unit}" for key, (number, unit) in asked.items() if number}
        plain(executor, job, description)

    return described
