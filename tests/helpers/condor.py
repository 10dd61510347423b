"""Snakemake with a stand-in for HTCondor's daemons, none of which installs here: `python condor.py FOLDER OPTIONS`.

Plugin, bindings and jobs are real: HTCondor's own `Submit` makes the job's ClassAd of what the plugin sends, or refuses
it; the reader of HTCondor's event log is its own. Only queue and nodes are made here: a job is run at once on this
machine, with the command, arguments, folder and environment of its ClassAd, and with nothing of this process.
FOLDER has the ClassAd of each job, by its number.
"""

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

# What an event has at the end of a job; the reader wants all of it.
NONE = "Usr 0 00:00:00, Sys 0 00:00:00"
USAGE = "".join(
    f"\t\t{NONE}  -  {which} {where} Usage\n" for which in ("Run", "Total") for where in ("Remote", "Local")
)
USAGE += "".join(f"\t0  -  {which} Bytes {way} By Job\n" for which in ("Run", "Total") for way in ("Sent", "Received"))
ATTRIBUTES = ("Cmd", "Args", "Arguments", "Environment", "Iwd", "RequestMemory", "RequestCpus", "MaxRuntime")


class Result:
    """What a submission returns."""

    def __init__(self, cluster: int) -> None:
        self._cluster = cluster

    def cluster(self) -> int:
        """The job's number."""
        return self._cluster


class Schedd:
    """The queue, which is empty: each job runs at once."""

    folder = Path()
    submitted = 0

    def submit(self, description: Any) -> Result:
        """Starts a job; the description has been checked by HTCondor's bindings."""
        import htcondor

        Schedd.submitted += 1
        number = Schedd.submitted
        (ad,) = htcondor.Submit(dict(description)).jobs(1, number, 0)
        noted = {name: str(ad[name]) for name in (*ATTRIBUTES, "Out", "Err", "UserLog") if name in ad}
        (self.folder / f"{number}.json").write_text(json.dumps(noted, indent=1))
        threading.Thread(target=_run, args=(number, noted)).start()
        return Result(number)


def _run(number: int, ad: dict[str, str]) -> None:
    iwd = Path(ad["Iwd"])
    _note(iwd / ad["UserLog"], number, 0, "Job submitted from host: <127.0.0.1:9618>\n")
    _note(iwd / ad["UserLog"], number, 1, "Job executing on host: <127.0.0.1:9618>\n")
    words = [ad["Cmd"], *ad.get("Args", ad.get("Arguments", "")).split()]
    with (iwd / ad["Out"]).open("wb") as out, (iwd / ad["Err"]).open("wb") as err:
        code = subprocess.call(words, cwd=iwd, env=environment(ad.get("Environment", "")), stdout=out, stderr=err)
    _note(iwd / ad["UserLog"], number, 5, f"Job terminated.\n\t(1) Normal termination (return value {code})\n{USAGE}")


def _note(log: Path, number: int, kind: int, text: str) -> None:
    """An event, as HTCondor writes it."""
    with log.open("a") as file:
        file.write(f"{kind:03d} ({number:03d}.000.000) {time.strftime('%Y-%m-%d %H:%M:%S')} {text}...\n")


def environment(text: str) -> dict[str, str]:
    """A ClassAd's environment: NAME=VALUE, between spaces; what is between single quotes may have spaces."""
    words = re.findall(r"(?:'(?:[^']|'')*'|[^ '])+", text)
    plain = [re.sub(r"'((?:[^']|'')*)'", lambda found: found[1].replace("''", "'"), word) for word in words]
    return dict(word.split("=", 1) for word in plain)


def main() -> None:
    """Runs Snakemake."""
    import htcondor2
    from snakemake.cli import main as snakemake

    htcondor2.Schedd = Schedd
    Schedd.folder = Path(sys.argv[1])
    sys.argv = ["snakemake", *sys.argv[2:]]
    snakemake(sys.argv[1:])


if __name__ == "__main__":
    main()
