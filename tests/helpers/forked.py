"""Snakemake in processes of its own, forked from one that has imported it already.

Its imports are a second of each call, and the same each time. What runs is what a user's command runs, with a folder,
environment, output and exit code of its own.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
# Snakemake imports all of its plugins, whether they are used or not; those that are not installed are left out here.
# Not XRootD's: its client reads the environment when it is loaded, and its threads are lost in a fork.
_PLUGINS = ["executor_plugin_htcondor", "executor_plugin_slurm", "storage_plugin_http", "storage_plugin_s3"]
_OURS = ["workflow.campaign.start", "workflow.campaign.settings"]
_FORKS.set_forkserver_preload(["snakemake.cli", *_OURS, *(f"snakemake_{name}" for name in _PLUGINS)])


def snakemake(
    arguments: Sequence[str], folder: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """`snakemake ARGUMENTS` in a folder, as `subprocess.run(..., capture_output=True, text=True)` runs it.

    Raises:
        subprocess.TimeoutExpired: it did not end; it is killed then.
    """
    with tempfile.TemporaryDirectory() as outputs:
        out, err = (Path(outputs) / name for name in ("out", "err"))
        process = _FORKS.Process(target=_main, args=(list(arguments), folder, environment, out, err))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["snakemake", *arguments], timeout)
        return subprocess.CompletedProcess(
            ["snakemake", *arguments], process.exitcode, out.read_text(), err.read_text()
        )


def _main(arguments: list[str], folder: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    """In the forked process: its output to files, then the program."""
    for stream, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, stream)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main(arguments)
