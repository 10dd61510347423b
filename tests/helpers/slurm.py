"""A real Slurm on loopback, for tests: munged, slurmctld and a slurmd for each node, started and stopped here."""

import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
MinJobAge=300
KillWait=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName={name} NodeAddr=127.0.0.1 Port={port} NodeHostname={host} CPUs={cores} RealMemory={memory}\n"
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


@contextmanager
def slurm(nodes: Nodes = Nodes()) -> Iterator[Path]:
    """Runs a Slurm; its files stand in a folder of its own, which all users can enter, as munge must.

    `jobs.txt` in that folder has a line for each job that has ended.

    Raises:
        RuntimeError: it does not start; with what its programs said.
    """
    with tempfile.TemporaryDirectory(prefix="jetimg-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _running(folder, nodes):
            yield folder


@contextmanager
def _running(folder: Path, nodes: Nodes) -> Iterator[None]:
    _prepare(folder, nodes)
    started: list[subprocess.Popen[bytes]] = []
    try:
        options = ("socket", "key-file", "pid-file", "log-file", "seed-file")
        munge = [f"--{option}={folder}/munge/{option.partition('-')[0]}" for option in options]
        started.append(_start(folder, "runuser", "-u", "munge", "--", "munged", "--foreground", *munge))
        _wait_for((folder / "munge/socket").exists, "munged", folder)
        started.append(_start(folder, "slurmctld", "-D"))
        started += [_start(folder, "slurmd", "-D", "-N", name) for name in nodes.names()]
        _wait_for(lambda: _idle() == nodes.number, "the nodes", folder)
        yield
    finally:
        said("scancel", "--user=root")
        for process in reversed(started):
            _stop(process)
        CONF.unlink()


def _prepare(folder: Path, nodes: Nodes) -> None:
    for name in ("state", "munge", *(f"spool-{name}" for name in nodes.names())):
        (folder / name).mkdir(parents=True)
    (folder / "munge/key").write_bytes(os.urandom(128))
    (folder / "munge/key").chmod(0o400)
    shutil.chown(folder / "munge", "munge")
    shutil.chown(folder / "munge/key", "munge")
    CONF.parent.mkdir(exist_ok=True)
    CONF.write_text(MARK + CONTENT.format(folder=folder) + nodes.lines())


def _idle() -> int:
    return said("sinfo", "--noheader", "--Node", "--format=%t").split().count("idle")


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def said(*command: str) -> str:
    """What a command of Slurm prints; nothing if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    with (folder / "daemons.log").open("ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, env=os.environ | {"PATH": path}
        )


def _wait_for(ready: Callable[[], bool], what: str, folder: Path, seconds: float = 60) -> None:
    for _ in range(int(10 * seconds)):
        if ready():
            return
        time.sleep(0.1)
    raise RuntimeError(f"Slurm: {what} did not start; {(folder / 'daemons.log').read_text()}")
