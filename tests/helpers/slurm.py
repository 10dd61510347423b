"""A real Slurm on loopback, for tests: munged, slurmctld and a slurmd for each node, started and stopped here."""

import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import slurm_cgroups
from tests.helpers.daemons import Daemons, wait_for
from tests.helpers.slurm_accounting import SLURM_CONF, Accounting

# Slurm's programs look here; an environment variable does not reach what they start.
CONF = Path("/etc/slurm/slurm.conf")
MARK = "# Written by the tests of jetimg, which remove it.\n"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo", "runuser")
CONTENT = """\
ClusterName=jetimg
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort=16817
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
SlurmdTimeout=10
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
MinJobAge=300
KillWait=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName={name} NodeAddr=127.0.0.1 Port={port} NodeHostname={host} CPUs={cores} RealMemory={memory}\n"
PLAIN = "AccountingStorageType=accounting_storage/none\n" + slurm_cgroups.POLLING
PORT = 16818  # of the first node


def why_not() -> str:
    """Why no Slurm can be started here, or nothing."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    if missing := [name for name in PROGRAMS if shutil.which(name, path=path) is None]:
        return f"no Slurm here: {', '.join(missing)} not found (Debian: apt-get install slurm-wlm)"
    if os.geteuid() != 0:
        return "Slurm's programs must be started by root"
    if CONF.exists() and not CONF.read_text().startswith(MARK):
        return f"{CONF} is there: this machine has a Slurm of its own, which is left alone"
    if CONF.exists() and "is UP" in said("scontrol", "ping"):
        return "another run of these tests has its Slurm here"
    if subprocess.run(["id", "munge"], capture_output=True, check=False).returncode != 0:
        return "no user munge (Debian: apt-get install slurm-wlm)"
    return ""


@dataclass(frozen=True)
class Nodes:
    """The nodes of a Slurm, all of them on this machine, which need not have what they promise.

    Attributes:
        number: how many.
        cores: of each.
        memory: of each, MB.
    """

    number: int = 1
    cores: int = os.cpu_count() or 1
    memory: int = 16_000

    def lines(self) -> str:
        """Their part of slurm.conf."""
        host = platform.node().partition(".")[0]
        return "".join(
            NODE.format(name=name, port=PORT + index, host=host, cores=self.cores, memory=self.memory)
            for index, name in enumerate(self.names())
        )

    def names(self) -> list[str]:
        """What they are called."""
        return [f"node{number}" for number in range(1, self.number + 1)]


class Slurm:
    """A Slurm that runs.

    Attributes:
        folder: for its files; `jobs.txt` has a line for each job that has ended.
        nodes: what it has.
        accounting: its database, if it has one.
    """

    def __init__(self, folder: Path, nodes: Nodes, accounted: bool) -> None:
        self.folder, self.nodes = folder, nodes
        self._daemons = Daemons(folder)
        self.accounting = Accounting(folder, self._daemons, MARK) if accounted else None

    def start(self) -> None:
        """Starts all programs.

        Raises:
            RuntimeError: one does not start; with what it said.
        """
        options = ("socket", "key-file", "pid-file", "log-file", "seed-file")
        munge = [f"--{option}={self.folder}/munge/{option.partition('-')[0]}" for option in options]
        self._daemons.run("munged", "runuser", "-u", "munge", "--", "munged", "--foreground", *munge)
        wait_for((self.folder / "munge/socket").exists, "munged", self.folder)
        if self.accounting:
            self.accounting.start()
        self._daemons.run("slurmctld", "slurmctld", "-D")
        for name in self.nodes.names():
            self._daemons.run(name, "slurmd", "-D", "-N", name)
        wait_for(lambda: _idle() == self.nodes.number, "the nodes", self.folder)
        if self.accounting:
            self.accounting.add_account()

    def stop(self) -> None:
        """Ends all jobs and programs."""
        said("scancel", "--user=root")
        self._daemons.stop_all()
        if self.accounting:
            self.accounting.remove()

    def restart_controller(self, seconds: float) -> None:
        """Ends the controller, and starts it again after some time."""
        self._daemons.stop("slurmctld")
        time.sleep(seconds)
        self._daemons.run("slurmctld", "slurmctld", "-D")

    def lose(self, node: str) -> None:
        """Kills a node's daemon and all of its jobs' processes, as a power cut does."""
        self._daemons.kill(node)
        for step in _processes_of(node):
            with suppress(ProcessLookupError):
                os.kill(step, signal.SIGKILL)


def _processes_of(node: str) -> list[int]:
    """All processes of a node's jobs, and the programs of Slurm that watch over them."""
    jobs = said("squeue", "--noheader", "--nodelist", node, "--format=%i").split()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            title, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            watcher = any(title.startswith(f"slurmstepd: [{job}.".encode()) for job in jobs)
            if watcher or f"SLURMD_NODENAME={node}".encode() in environment.split(b"\0"):
                found.append(int(folder.name))
    return found


@contextmanager
def slurm(nodes: Nodes = Nodes(), accounted: bool = False) -> Iterator[Slurm]:
    """Runs a Slurm; its files stand in a folder of its own, which all users can enter, as munge must.

    Args:
        nodes: what it has.
        accounted: with a database, for the account `slurm_accounting.ACCOUNT` only, and with cgroups where they can be.

    Raises:
        RuntimeError: it does not start; with what its programs said.
    """
    with tempfile.TemporaryDirectory(prefix="jetimg-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _prepare(folder, nodes, _as_sites_have_it() if accounted else PLAIN)
        running = Slurm(folder, nodes, accounted)
        try:
            running.start()
            yield running
        finally:
            running.stop()
            slurm_cgroups.remove(nodes.names())
            CONF.unlink()


def _as_sites_have_it() -> str:
    return SLURM_CONF + slurm_cgroups.prepare(MARK)


def _prepare(folder: Path, nodes: Nodes, more: str) -> None:
    for name in ("state", "munge", *(f"spool-{name}" for name in nodes.names())):
        (folder / name).mkdir(parents=True)
    (folder / "munge/key").write_bytes(os.urandom(128))
    (folder / "munge/key").chmod(0o400)
    shutil.chown(folder / "munge", "munge")
    shutil.chown(folder / "munge/key", "munge")
    CONF.parent.mkdir(exist_ok=True)
    CONF.write_text(MARK + (CONTENT + more).format(folder=folder) + nodes.lines())


def _idle() -> int:
    # A node has a line for each partition.
    return len(
        {line for line in said("sinfo", "--noheader", "--Node", "--format=%N %t").splitlines() if "idle" in line}
    )


def said(*command: str) -> str:
    """What a command of Slurm prints; nothing if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
