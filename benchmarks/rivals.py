"""Other programs that read or convert the same Delphes events: each a process on one core, all in turn in one run.

`--coffea PYTHON` names the Python of an environment that has coffea (it is none of our dependencies: `python -m venv
coffea && coffea/bin/pip install coffea`). It groups branches as Delphes itself writes them, so it is held against ours
on the real files as they are, not on the long file of repeated events. `--published COMMAND` is a command line with
{input} and {output} in it: of the published code's conversion, in its own environment, or of any other. What is not
there is named as absent.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import inputs
from benchmarks.convert import BARE, branches
from benchmarks.measure import Figure, Pairs, command, first_core, run

# Its names: `Edges[4]` is `Edges_4`. Reading is lazy, so each column is asked for.
COFFEA = """
import sys, awkward as ak
from coffea.nanoevents import DelphesSchema, NanoEventsFactory
for path in sys.argv[2:]:
    tree = NanoEventsFactory.from_root({path: "Delphes"}, schemaclass=DelphesSchema, mode="virtual").events()
    for name in sys.argv[1].split(","):
        branch, _, leaf = name.partition(".")
        (field,) = [field for field in tree[branch].fields if field.partition("_")[0] == leaf]
        ak.materialize(tree[branch][field])
"""

COFFEA_TEXT = "coffea reads the same branches (NanoEvents, Delphes schema)"
PUBLISHED = "give its command by --published 'COMMAND {input} {output}'"


def figures(folder: Path, n_events: int, rounds: int, coffea: str | None, published: str | None) -> Iterator[Figure]:
    """Ours against each rival that is there; the processor time of whole processes."""
    long, ours = inputs.delphes_file(folder, n_events), command("jetimg", "convert", "--output", folder / "ours.h5")
    wanted = ",".join(branches(long))
    rivals = {"uproot": ("uproot reads the same branches", [sys.executable, "-c", BARE, str(long), wanted])}
    if published is None:
        print(f"published          absent: {PUBLISHED}", flush=True)
    else:
        rivals["published"] = ("the published code's conversion", words(published, long, folder / "published.h5"))
    yield from against([*ours, str(long)], rivals, rounds, f"convert {n_events} events")
    if not has_coffea(python := coffea or sys.executable):
        print(f"coffea             absent: {python} cannot import it; give one that can by --coffea", flush=True)
        return
    files = [str(path) for path in inputs.sources(n_events)]
    command_line = [python, "-c", COFFEA, ",".join(branches(Path(files[0]))), *files]
    yield from against(
        [*ours, *files], {"coffea": (COFFEA_TEXT, command_line)}, rounds, f"convert {len(files)} real files"
    )


def against(ours: list[str], rivals: dict[str, tuple[str, list[str]]], rounds: int, text: str) -> Iterator[Figure]:
    """Our command and others on the same input, all in turn; one round before them fills caches and is not counted.

    Args:
        ours: words of our command.
        rivals: by key, what they do and the words of their commands.
        rounds: how often.
        text: what ours does.
    """
    core = first_core()
    commands = {"ours": ours} | {key: line for key, (_, line) in rivals.items()}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + (rounds > 1)):
        for name, line in commands.items():
            seconds = run(line, core).processor
            if number or rounds == 1:
                taken[name].append(seconds)
    for key, (rival_text, _) in rivals.items():
        pairs = Pairs(taken["ours"], taken[key])
        yield pairs.figure(f"against_{key}", f"{text}, one process on one core, start included", "s", rival_text)


def words(text: str, long: Path, output: Path) -> list[str]:
    """The words of a command line with {input} and {output} in it."""
    return [word.replace("{input}", str(long)).replace("{output}", str(output)) for word in shlex.split(text)]


def has_coffea(python: str) -> bool:
    """Whether this Python can import coffea."""
    try:
        found = subprocess.run([python, "-c", "import coffea.nanoevents"], capture_output=True, check=False)
    except OSError:
        return False
    return found.returncode == 0
