"""One file to simulate."""

from dataclasses import dataclass
from pathlib import Path

from detector.simulation import processes
from detector.simulation.gun import Gun


@dataclass(frozen=True)
class SimulationJob:
    """One file to make; the same job gives the same bytes.

    Attributes:
        sample: its name; the seeds follow from it.
        events: how many.
        seed: the campaign's.
        index: number of the file in its sample.
        masses: graviton masses, GeV; file number i takes masses[i modulo their number].
        pool: file with the pile-up pool; None for a gun without pile-up.
        pythia: more settings, lines of a Pythia command file.
        process: one of `processes.PROCESSES`; the one that the sample is called after if empty.
        gun: single particles in the place of Pythia's collisions; masses, pythia and process have no effect then.
    """

    sample: str
    events: int
    seed: int
    index: int
    masses: tuple[float, ...]
    pool: Path | None
    pythia: tuple[str, ...] = ()
    process: str = ""
    gun: Gun | None = None

    @property
    def mass(self) -> float:
        """The graviton's mass in this file, GeV."""
        return self.masses[self.index % len(self.masses)]

    @property
    def settings(self) -> tuple[str, ...]:
        """All of Pythia's settings but the seed."""
        return (*processes.settings(self.process or processes.process_of(self.sample), self.mass), *self.pythia)
