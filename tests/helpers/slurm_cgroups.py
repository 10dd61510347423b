"""Memory limits of a Slurm of the tests by cgroups, which the kernel has to let it make (here: version 1)."""

import os
from contextlib import suppress
from pathlib import Path

CONF = Path("/etc/slurm/cgroup.conf")
MOUNTED = Path("/sys/fs/cgroup")
CONTENT = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
"""
# For slurm.conf: with cgroups, and without.
KERNEL = "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n"
POLLING = "ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nJobAcctGatherParams=OverMemoryKill\n"


def why_not() -> str:
    """Why there can be no cgroups of Slurm here, or nothing."""
    if missing := [name for name in ("memory", "freezer") if not os.access(MOUNTED / name / "cgroup.procs", os.W_OK)]:
        return f"no cgroups (version 1) that can be written here: {', '.join(missing)}"
    if CONF.exists() and not CONF.read_text().startswith("#"):
        return f"{CONF} is there: this machine has a Slurm of its own, which is left alone"
    return ""


def prepare(mark: str) -> str:
    """Writes the file that Slurm reads, if there can be cgroups; the lines for slurm.conf.

    Args:
        mark: first line of files outside the Slurm's folder.
    """
    if why_not():
        return POLLING
    CONF.write_text(mark + CONTENT)
    return KERNEL


def remove(nodes: list[str]) -> None:
    """Removes the file, and what nodes leave behind."""
    CONF.unlink(missing_ok=True)
    for node in nodes:
        for left in MOUNTED.glob(f"*/slurm_{node}"):
            with suppress(OSError):
                left.rmdir()
