"""The files that a campaign simulates itself: their names, which job makes which, and what each job has to know."""

import math
import shlex
import shutil
from collections import Counter
from functools import cached_property
from pathlib import Path

from detector import load
from jetimg.dataset.plan import SPLITS
from workflow.campaign.config import Config, Simulation
from workflow.campaign.errors import ConfigError

# Seconds that an event takes with each detector simulation, about, and a job: little is lost with it, and its start is
# little beside it.
SECONDS_PER_EVENT = {"embedded": 0.013, "delphes": 0.2}
SECONDS_PER_JOB = 240
MAX_FILES = 20

# How much slower a machine may be than ours.
SLOWER = 3


class SimulatedFiles:
    """Names and parameters only; nothing is opened but the choice of the last run.

    A job makes the next few files of a sample, one after the other. It is called after its number.

    Args:
        config: the checked configuration.
        results: folder for everything that is made.
    """

    def __init__(self, config: Config, results: str) -> None:
        self._config = config
        self._results = results

    def folder(self, sample: str) -> str:
        """The folder of a sample's files and their records."""
        return f"{self._results}/simulated/{sample}"

    def names(self, sample: str) -> list[str]:
        """A sample's files, numbered; none if the user gives them."""
        return [f"{self.folder(sample)}/{number:05d}.root" for number in range(self._n_files(sample))]

    def _n_files(self, sample: str) -> int:
        made = self._config.samples[sample].made
        return 0 if made is None else made.files

    def files_per_job(self, sample: str) -> int:
        """How many files of a sample one job makes: as configured, or as many as take four minutes.

        Nobody knows how long another program than ours takes, so its files have jobs of their own.
        """
        simulation = self._config.simulation
        if simulation.files_per_job is not None:
            return simulation.files_per_job
        if simulation.program != Simulation().program and self._config.samples[sample].gun is None:
            return 1
        return max(1, min(MAX_FILES, int(SECONDS_PER_JOB / self._seconds_per_file(sample))))

    def _seconds_per_file(self, sample: str) -> float:
        return (self._config.samples[sample].events_per_file or 1) * SECONDS_PER_EVENT[self.backend]

    def of_job(self, sample: str, job: str) -> list[str]:
        """The numbers of the files that a job makes, as they stand in their names."""
        size = self.files_per_job(sample)
        first, end = int(job) * size, min((int(job) + 1) * size, self._n_files(sample))
        return [f"{number:05d}" for number in range(first, end)]

    def tables(self, sample: str, names: list[str]) -> list[str]:
        """The tables of what became of these files, which their jobs make: the last thing that a job does."""
        size = self.files_per_job(sample)
        jobs = dict.fromkeys(int(Path(name).stem) // size for name in names)
        return [f"{self.folder(sample)}/job-{job:05d}.tsv" for job in jobs]

    def minutes(self, sample: str) -> int:
        """Minutes that a job asks for: its files on a slow machine, all tries at one of them, and the checks.

        Where more of its files hang, its next try goes on from where this one was stopped.
        """
        simulation = self._config.simulation
        size = min(self.files_per_job(sample), self._n_files(sample))
        return (
            math.ceil(SLOWER * size * self._seconds_per_file(sample) / 60 + simulation.minutes * simulation.tries) + 5
        )

    def words(self, sample: str, job: str) -> list[str]:
        """For each file of a job its number and the options that are its own, quoted, in one word for a shell line."""
        return [shlex.join([index, *self._own_options(sample, index)]) for index in self.of_job(sample, job)]

    def _own_options(self, sample: str, index: str) -> list[str]:
        pool = [word for name in self._pool(sample, index) for word in ("--pool", name)]
        if self._config.samples[sample].simulate is None:
            return pool
        return ["--mass", repr(self.mass(sample, index)), *pool]

    def mass(self, sample: str, index: str) -> float:
        """The graviton mass of one file, GeV: the files of each split take all masses, round and round.

        Counted over all files, splits would depend on the mass: every fifth file may well be for validation.
        """
        simulate = self._config.samples[sample].simulate
        assert simulate is not None
        return simulate.masses[self._ranks[sample][int(index)] % len(simulate.masses)]

    @cached_property
    def _ranks(self) -> dict[str, list[int]]:
        """How many files of the same split stand before each file, by sample."""
        ranks: dict[str, list[int]] = {}
        seen = Counter[tuple[str, str]]()
        for name, split in self.file_splits():
            sample = Path(name).parent.name
            ranks.setdefault(sample, []).append(seen[sample, split])
            seen[sample, split] += 1
        return ranks

    def split_of(self, sample: str, index: str) -> str:
        """The split of one file: all of its events, and with them its soft collisions, are on one side."""
        return "test" if self._config.samples[sample].test else self._config.sharding.split_of_file(int(index))

    def file_splits(self) -> list[tuple[str, str]]:
        """Every simulated file and its split; files of the user's own are split event by event."""
        return [
            (name, self.split_of(sample, Path(name).stem))
            for sample in self._config.samples
            for name in self.names(sample)
        ]

    def pools(self, sample: str, job: str) -> list[str]:
        """The pools that the files of a job draw their pile-up from."""
        return sorted({name for index in self.of_job(sample, job) for name in self._pool(sample, index)})

    def _pool(self, sample: str, index: str) -> list[str]:
        """The pool of one file: that of its split, if it has pile-up.

        Raises:
            ConfigError: the campaign's pools are for real Delphes, which has no gun.
        """
        gun = self._config.samples[sample].gun
        if gun is not None and not gun.pileup:
            return []
        if gun is not None and self.backend != "embedded":
            raise ConfigError(f"samples.{sample}.gun.pileup: needs `simulation: {{backend: embedded}}`")
        return [f"{self._results}/simulated/pool/{self.split_of(sample, index)}"]

    def pileup_text(self, detector: str | None) -> str:
        """How often each soft collision is used, for the user: in words, a split after the other.

        Args:
            detector: the detector description's file, None for the CMS-like one.
        """
        drawn = dict.fromkeys(SPLITS, 0.0)
        described = load(None if detector is None else Path(detector)).pileup.mean
        for sample, chosen in self._config.samples.items():
            mean = described if chosen.gun is None else chosen.gun.pileup
            for name in self.names(sample):
                drawn[self.split_of(sample, Path(name).stem)] += (chosen.events_per_file or 0) * mean
        times = {split: drawn[split] / self._config.simulation.pool_events for split in SPLITS}
        return ", ".join(f"{split} {uses:.3g}" for split, uses in times.items() if uses) or "none is drawn"

    def pythia(self, sample: str) -> list[str]:
        """Options for the sample's process, if it is not called after it, and for its own Pythia settings."""
        simulate = self._config.samples[sample].simulate
        assert simulate is not None
        process = [] if simulate.process is None else ["--process", simulate.process]
        return process + [word for line in simulate.pythia for word in ("--pythia", line)]

    def gun(self, sample: str) -> list[str]:
        """Options for what is shot in a sample."""
        gun = self._config.samples[sample].gun
        assert gun is not None
        ranges = {"energy": gun.energy, "eta": gun.eta, "phi": gun.phi}
        return [
            *(word for name in gun.particles for word in ("--particle", name)),
            *(word for name, (low, high) in ranges.items() for word in (f"--{name}", f"{low!r}:{high!r}")),
            *("--pileup", str(gun.pileup)),
        ]

    def guns(self) -> str:
        """A pattern of the names of the samples of a gun, which matches nothing if there are none."""
        return "|".join(name for name, sample in self._config.samples.items() if sample.gun is not None) or "(?!)"

    def program(self) -> str:
        """The program that makes one file, as one word of a shell line that Snakemake formats."""
        return _literal([self._config.simulation.program])

    def limits(self) -> str:
        """Options for how long and how often a file is tried, for a shell line that Snakemake formats."""
        simulation = self._config.simulation
        return _literal(["--minutes", f"{simulation.minutes:g}", "--tries", str(simulation.tries)])

    @cached_property
    def backend(self) -> str:
        """The detector simulation of this campaign, chosen once: Delphes installed later changes nothing."""
        chosen = self._config.simulation.backend
        if chosen != "auto":
            return chosen
        kept = Path(self._results, "lists", "backend.txt")
        if not kept.is_file():
            return "delphes" if shutil.which("DelphesPythia8") else "embedded"
        if (name := kept.read_text().strip()) not in SECONDS_PER_EVENT:
            raise ConfigError(f"{kept}: {name!r} is no detector simulation; {' or '.join(SECONDS_PER_EVENT)}")
        return name

    def backend_file(self) -> list[str]:
        """The file that keeps the choice of the backend, if there is one to keep."""
        return [f"{self._results}/lists/backend.txt"] if self._config.simulation.backend == "auto" else []

    def backend_text(self) -> str:
        """The backend, in words for the user."""
        if self.backend == "delphes":
            return "real Delphes (DelphesPythia8)"
        return "the embedded one (real Delphes where DelphesPythia8 is on PATH: conda-forge's package delphes)"


def _literal(words: list[str]) -> str:
    """Words for a shell line that Snakemake formats: quoted, with braces doubled."""
    return shlex.join(words).replace("{", "{{").replace("}", "}}")
