"""Runs one command and prints what it used, as JSON; a program of its own, and a small one.

The kernel counts the memory of the process that starts another as that other's, until the other's own is larger:
a command started by a program with numpy loaded would seem to need as much.

    python launch.py CORE COMMAND...    (CORE: a number to be pinned to, or "any")
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    core, *command = sys.argv[1:]
    if core != "any":
        os.sched_setaffinity(0, {int(core)})
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    found = {"processor": used.ru_utime + used.ru_stime, "wall": wall, "memory": used.ru_maxrss * 1024 / 1e6}
    print(json.dumps(found | {"status": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    main()
