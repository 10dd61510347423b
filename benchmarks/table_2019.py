"""The table of October 2019 from our generator: jets an image in truth mode `genjet`, for several graviton masses.

    python -m benchmarks.table_2019 [--events 1000] [--seed 7] [--samples bb tt hh WW tth]
    python -m benchmarks.table_2019 --samples bb --mass 3500 --pythia "PartonLevel:MPI = off"     # one row of one's own

Generator jets alone: no detector, no pile-up (which generator jets do not see). Prints a table in Markdown.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import load
from detector.geometry.grid import Grid
from detector.simulation.fast.jet_finding import FoundJets, find
from detector.simulation.processes import settings as process
from detector.simulation.pythia import Collision, Generator
from jetimg.imaging.delphes_reader import Chunk, Jagged
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.truth_jets import jets
from jetimg.reports.summary import OCTOBER_2019

BATCH = 50
QUARKS = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
NO_GLUONS = ("ExtraDimensionsG*:gg2G* = off",)
GENJET = ImageSettings(truth="genjet")


@dataclass(frozen=True)
class Choice:
    """One way to make a sample: the graviton's mass in GeV, and what differs from our samples."""

    sample: str
    mass: float
    text: str = ""
    pythia: tuple[str, ...] = ()


CHOICES = (
    Choice("bb", 1500),
    Choice("bb", 3500),
    Choice("bb", 3000, "made by quarks alone", NO_GLUONS),
    Choice("tt", 1500),
    Choice("tt", 3500),
    Choice("tt", 3500, "W to quarks", QUARKS),
    Choice("hh", 1500),
    Choice("hh", 3500),
    Choice("WW", 1500),
    Choice("WW", 2500),
    Choice("WW", 2500, "W to quarks", QUARKS),
    Choice("tth", 0),
    Choice("tth", 0, "pT-hat above 300 GeV", ("PhaseSpace:pTHatMin = 300",)),
)


@dataclass(frozen=True)
class Counted:
    """Generator jets above the sample's minimum pt in each event: all of them, and the labels of mode `genjet`."""

    every: NDArray[np.int64]
    labels: NDArray[np.int64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the events and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table_2019", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1000, help="events of each row")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--samples", nargs="+", default=list(OCTOBER_2019), choices=list(OCTOBER_2019))
    parser.add_argument("--mass", type=float, help="one row a sample, with this graviton mass in GeV")
    parser.add_argument("--pythia", nargs="+", default=[], help="with --mass: more settings")
    parser.add_argument("--min-pt", type=float, help="count all jets above this pt in GeV instead")
    chosen = parser.parse_args(arguments)
    print("| sample | mass [TeV] | differs | all jets | in the image | October 2019 |\n|---|---|---|---|---|---|")
    choices: Sequence[Choice] = CHOICES
    if chosen.mass is not None:
        own = ", ".join(chosen.pythia), tuple(chosen.pythia)
        choices = [Choice(sample, chosen.mass, *own) for sample in chosen.samples]
    for choice in choices:
        if choice.sample in chosen.samples:
            print(row(choice, count(choice, chosen.events, chosen.seed, chosen.min_pt)), flush=True)


def row(choice: Choice, counted: Counted) -> str:
    """A line of the table."""
    mass = f"{choice.mass / 1000:g}" if choice.sample != "tth" else ""
    then = OCTOBER_2019[choice.sample].mean
    return f"| {choice.sample} | {mass} | {choice.text} | {mean(counted.every)} | {mean(counted.labels)} | {then} |"


def mean(counts: NDArray[np.int64]) -> str:
    """Mean and its error."""
    return f"{counts.mean():.2f} ± {counts.std() / math.sqrt(len(counts)):.2f}"


def count(choice: Choice, n_events: int, seed: int, min_pt: float | None = None) -> Counted:
    """Makes events and counts their generator jets, all of them above `min_pt`: the sample's own if it is None."""
    detector = load()
    (described,) = (jets for jets in detector.jets.generator if jets.name == GENJET.genjet)
    generator = Generator((*process(choice.sample, choice.mass or 1.0), *choice.pythia), seed)
    own = [c.genjet_min_pt for c in GENJET.classes.values() if choice.sample in c.genjet_samples]
    least = min(own, default=0.0) if min_pt is None else min_pt
    every, labels = [], []
    for batch in generator.batches(n_events, BATCH):
        visible = [event.momentum[event.visible] for event in batch]
        found = find(visible, described)
        starts = np.concatenate([[0], np.cumsum(found.counts)])
        every.append(np.diff(np.concatenate([[0], np.cumsum(found.pt >= least)])[starts]))
        made = jets(chunk(batch, found), Grid.of(detector), GENJET, sample=choice.sample)
        labels.append(np.diff(made.indptr))
    return Counted(np.concatenate(every), np.concatenate(labels))


def chunk(batch: Sequence[Collision], found: FoundJets) -> Chunk:
    """Events as the reader of Delphes files gives them: the hard process, and the generator jets."""
    hard = [(np.abs(event.status) >= 21) & (np.abs(event.status) <= 29) for event in batch]
    px, py, pz, _ = np.concatenate([event.momentum[kept] for event, kept in zip(batch, hard, strict=True)]).T
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore"):  # incoming partons
        eta = np.arcsinh(pz / pt)
    columns: dict[str, NDArray[Any]] = {"PT": pt, "Eta": eta, "Phi": np.arctan2(py, px)}
    for name, attribute in (("PID", "pid"), ("Status", "status"), ("Mass", "mass")):
        parts = [getattr(event, attribute)[kept] for event, kept in zip(batch, hard, strict=True)]
        columns[name] = np.concatenate(parts)
    made = _branch("Particle", np.array([kept.sum() for kept in hard]), columns)
    axes = {"PT": found.pt, "Eta": found.eta, "Phi": found.phi, "Mass": found.mass}
    return made | _branch(GENJET.genjet, found.counts, axes)


def _branch(name: str, counts: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> Chunk:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return {f"{name}.{key}": Jagged(offsets, column) for key, column in columns.items()}


if __name__ == "__main__":
    main()
