"""Jobs are followed by the command that the profile names, also where Slurm's controller is away for a while.

Before the executor plugin (2.8) asks for the states of its jobs, it asks for Slurm's `MinJobAge`. Without an answer, as
while the controller restarts, it takes `sacct` in place of `squeue`. Without accounting that never answers, and the
plugin forgets the jobs. Here the last answer holds.
"""

import sys
from collections.abc import Callable

from workflow.campaign.slurm_groups import PLUGIN


def keep_status_command() -> None:
    """Changes the plugin, if Snakemake has loaded it."""
    if (plugin := sys.modules.get(PLUGIN)) is not None:
        names = vars(plugin)
        names["get_min_job_age"] = _last_answer(names["get_min_job_age"])


def _last_answer(ask: Callable[[], int | None]) -> Callable[[], int | None]:
    last: int | None = None

    def answer() -> int | None:
        nonlocal last
        last = ask() or last
        return last

    return answer
