"""Jobs that go to Slurm together run side by side there.

The executor plugin (2.8) gives a group the cores that it asks for, and then runs its members one after the other, each
in a Snakemake of its own: github.com/snakemake/snakemake-executor-plugin-slurm/issues/469. Here the job's one Snakemake
runs them itself, on all of its cores.
"""

import sys

PLUGIN = "snakemake_executor_plugin_slurm"


def run_side_by_side() -> None:
    """Changes the plugin's executor, if Snakemake has loaded the plugin."""
    if (plugin := sys.modules.get(PLUGIN)) is not None:
        plugin.Executor.additional_general_args = _in_the_job


def _in_the_job(_: object) -> str:
    """Options of the Snakemake in a job: it runs the members, where `slurm-jobstep` starts a step of Slurm for each."""
    return "--executor local"
