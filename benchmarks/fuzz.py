"""Files of ours with strange content, by seed: each has to be read, or refused in one line.

    python -m benchmarks.fuzz --seed 1 --seconds 300 [--only manifest checkpoint]

Other than `benchmarks.faults`, which damages bytes, this changes what the bytes say: a value of another type, a key
that is missing or new, numbers out of range, columns of other lengths, links that lead out of a file.
"""

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.strange import Target, targets
from workflow.campaign.errors import ConfigError

COLUMNS = ("tried", "refused", "read", "crashed", "too slow", "several lines")
# Seconds for one file; bytes that a reader may ask for beyond what the process has.
PATIENCE, ROOM = 20, 2**31


class TooSlow(BaseException):
    """Raised by the alarm; no reader catches it."""


def main(arguments: list[str] | None = None) -> Mapping[str, Counter[str]]:
    """Tries, and prints a table; what was not refused as it should is named below it."""
    options = _options(arguments)
    rng, begun = np.random.default_rng(options.seed), time.monotonic()
    signal.signal(signal.SIGALRM, _stop)
    table: dict[str, Counter[str]] = {}
    named: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = [target for target in targets(Path(folder)) if not options.only or target.name in options.only]
        _limit_memory()
        while time.monotonic() - begun < options.seconds:
            for target in made:
                column, said = _try(target, rng)
                table.setdefault(target.name, Counter()).update(("tried", column))
                if column not in ("refused", "read"):
                    named.setdefault(f"{target.name}: {column}: {said[:120]}", said)
                    print(f"{target.name}: {column}: {said}", file=sys.stderr, flush=True)
    total: Counter[str] = sum(table.values(), Counter())
    print(f"| file | {' | '.join(COLUMNS)} |\n{'|---' * (len(COLUMNS) + 1)}|")
    for name, row in [*sorted(table.items()), ("all", total)]:
        print(f"| {name} | {' | '.join(f'{row[each]:,}' for each in COLUMNS)} |")
    print(*named.values(), sep="\n")
    return table


def _try(target: Target, rng: np.random.Generator) -> tuple[str, str]:
    """One strange file of a kind; the file is good again afterwards."""
    good, what = target.path.read_bytes(), "as it is"
    try:
        what = target.change(target.path, rng)
        signal.alarm(PATIENCE)
        target.read()
    except target.refusals as error:
        lines = "\n" in str(error).strip() and not isinstance(error, ConfigError)  # which has a line for each fault
        return ("several lines" if lines else "refused"), str(error)
    except TooSlow:
        return "too slow", what
    except Exception as error:
        return "crashed", f"{type(error).__name__}: {error} ({what})"
    finally:
        signal.alarm(0)
        target.path.write_bytes(good)
    return "read", ""


def _stop(*_: Any) -> None:
    raise TooSlow


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, resource.RLIM_INFINITY))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of the changes")
    parser.add_argument("--seconds", type=float, default=60, help="how long")
    parser.add_argument("--only", nargs="+", help="some kinds of file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
