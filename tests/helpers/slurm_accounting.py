"""The accounting of a Slurm of the tests: slurmdbd and a MariaDB of its own, whose files stand beside Slurm's."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.helpers.daemons import Daemons, wait_for

CONF = Path("/etc/slurm/slurmdbd.conf")
PROGRAMS = ("slurmdbd", "sacctmgr", "sacct", "mariadbd", "mariadb-install-db", "mariadb")
ACCOUNT = "higgs"
CONTENT = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16830
SlurmUser=root
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=16831
StorageUser=root
StoragePass=none
StorageLoc=jetimg
"""
# For slurm.conf: jobs without a known account are refused, and those of one partition push others out.
SLURM_CONF = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16830
AccountingStoragePass={folder}/munge/socket
AccountingStorageEnforce=associations,limits
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9 PreemptMode=OFF
"""


def why_not() -> str:
    """Why there can be no accounting here, or nothing."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    if missing := [name for name in PROGRAMS if shutil.which(name, path=path) is None]:
        return f"no accounting here: {', '.join(missing)} not found (Debian: apt-get install slurmdbd mariadb-server)"
    if CONF.exists() and not CONF.read_text().startswith("#"):
        return f"{CONF} is there: this machine has an accounting of its own, which is left alone"
    return ""


class Accounting:
    """Database and slurmdbd.

    Args:
        folder: of the Slurm, whose munged runs.
        daemons: starts and stops programs.
        mark: first line of files outside the folder.
    """

    def __init__(self, folder: Path, daemons: Daemons, mark: str) -> None:
        self._folder, self._daemons = folder, daemons
        self._data = folder / "mariadb"
        self._data.mkdir()
        shutil.chown(self._data, "mysql")
        self._socket = self._data / "socket"
        CONF.write_text(mark + CONTENT.format(folder=folder))
        CONF.chmod(0o600)

    def start(self) -> None:
        """Starts both."""
        install = ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={self._data}"]
        install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        self.start_database()
        self._daemons.run("slurmdbd", "slurmdbd", "-D")
        wait_for(_succeeds("sacctmgr", "--noheader", "list", "cluster"), "slurmdbd", self._folder)

    def stop_database(self) -> None:
        """Ends the database; slurmdbd stays, and has nothing to say."""
        self._daemons.stop("mariadbd")

    def start_database(self) -> None:
        """Starts the database."""
        options = [f"--datadir={self._data}", f"--socket={self._socket}", "--port=16831", "--bind-address=127.0.0.1"]
        options += ["--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900", "--skip-grant-tables"]
        self._daemons.run("mariadbd", "mariadbd", "--no-defaults", "--user=mysql", *options)
        asked = ["mariadb", "--no-defaults", f"--socket={self._socket}", "--user=root", "--execute=select 1"]
        wait_for(_succeeds(*asked), "mariadbd", self._folder)

    def add_account(self) -> None:
        """The cluster is known by now; an account for the user who tests."""
        for words in (["account", ACCOUNT], ["user", "root", f"account={ACCOUNT}"]):
            wait_for(_succeeds("sacctmgr", "--immediate", "add", *words), f"account {ACCOUNT}", self._folder)

    @staticmethod
    def remove() -> None:
        """Removes the file outside the folder."""
        CONF.unlink(missing_ok=True)


def _succeeds(*command: str) -> Callable[[], bool]:
    return lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0
