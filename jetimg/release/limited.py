"""Runs another program's module with a limit on the size of the files it writes.

`python -m jetimg.release.limited BYTES MODULE ARGUMENTS...`: zenodo-get writes as long as a server sends, whatever
size the record gives; past the limit its write fails instead of filling the disk. It ends with the command that
started it: otherwise it would go on writing into files that the next call has checked.
"""

import ctypes
import resource
import runpy
import signal
import sys
from contextlib import suppress

# prctl's number for: send me this signal when my parent ends (Linux).
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Sets the limit, which this process cannot lift again, and becomes the other program."""
    with suppress(AttributeError, OSError):  # other systems have no prctl
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    limit, module = int(arguments[0]), arguments[1]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = [module, *arguments[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
