"""Names of a campaign's files: which inputs there are, and which job converts which."""

import math
import shlex
import shutil
from collections.abc import Callable, Mapping
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from jetimg.dataset import plan
from jetimg.imaging.simulation_record import read_record
from workflow.campaign.config import parse

AGAIN = ".again"
REMOTE = "://"

# Files of a sample that are held against others: enough for every spectrum, and no more than a command line takes.
MAX_COMPARED = 50


class Campaign:
    """Names only; nothing is opened.

    Attributes:
        config: the checked configuration.
        results: folder for everything that is made.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Checks a configuration.

        Raises:
            ConfigError: it cannot be used.
        """
        self.config = parse(config)
        self.results = self.config.results
        self._urls: dict[str, str] = {}
        self._inputs = {name: self._names(name) for name in self.config.samples}

    def inputs(self, sample: str) -> list[str]:
        """All input files of a sample: globs expanded and sorted, names as given, there or not."""
        return self._inputs[sample]

    def _names(self, sample: str) -> list[str]:
        """A sample's files: found by name, or simulated and numbered."""
        chosen = self.config.samples[sample]
        if chosen.simulate is None:
            return [self._local(sample, name) for name in expand_names(chosen.files)]
        return [f"{self.results}/simulated/{sample}/{number:05d}.root" for number in range(chosen.simulate.files)]

    def _local(self, sample: str, name: str) -> str:
        """Where a file stands once it is here: as given, or the copy of a remote one, which keeps its address."""
        if REMOTE not in name:
            return name
        path = "/".join(part for part in name.partition(REMOTE)[2].split("/") if part)
        local = f"{self.results}/fetched/{sample}/{path}"
        self._urls[local] = name
        return local

    def url(self, sample: str, path: str) -> str:
        """The address of a remote file, by the path of its copy."""
        return self._urls[f"{self.results}/fetched/{sample}/{path}"]

    def sources(self, sample: str, group: str | None = None) -> list[str]:
        """What Snakemake waits for before it reads a sample's files, or those of one job.

        For simulated files these are the records of how they were made, which are there for failed files
        too; for remote ones their copies; for others the files that exist. Missing files become verdicts,
        not Snakemake's errors, but for remote ones, which Snakemake looks for when it plans.
        """
        names = self.inputs(sample) if group is None else self.group(sample, group)
        if self.config.samples[sample].simulate is not None:
            return [str(Path(name).with_suffix(".json")) for name in names]
        return [name for name in names if name in self._urls or Path(name).is_file()]

    def compared(self) -> list[str]:
        """Samples whose files are held against others."""
        return [name for name, sample in self.config.samples.items() if sample.compare_to]

    def good(self, sample: str, plan_file: str) -> list[str]:
        """The first files of a sample from which the plan takes events, as many as a comparison needs."""
        sources = [source for source in plan.read(Path(plan_file)).sources if source.sample == sample]
        return [file.name for source in sources for file in source.inputs if file.ok][:MAX_COMPARED]

    def failed(self, sample: str) -> list[Path]:
        """Records of simulated files that are bad."""
        records = [Path(name) for name in self.sources(sample) if name.endswith(".json")]
        return [path for path in records if (record := read_record(path)) and record.verdict != "ok"]

    def mark_failed(self) -> None:
        """Marks the files that failed, of the sample `only` or of all, for another run.

        A mark is an input of the rule that simulates the file; being newer than the record, it makes
        Snakemake run just that job again, and then what depends on it.
        """
        for sample in [self.config.only] if self.config.only else self.config.samples:
            for record in self.failed(sample):
                record.with_suffix(AGAIN).touch()

    def mark(self, sample: str, index: str) -> list[str]:
        """The mark of a simulated file, if it ever had to be made again."""
        path = Path(self.results, "simulated", sample, index).with_suffix(AGAIN)
        return [str(path)] if path.is_file() else []

    def mass(self, sample: str, index: str) -> float:
        """The graviton mass of one simulated file, GeV."""
        simulate = self.config.samples[sample].simulate
        assert simulate is not None
        return simulate.masses[int(index) % len(simulate.masses)]

    def backend(self) -> str:
        """The detector simulation of this campaign, chosen once: Delphes installed later changes nothing."""
        chosen = self.config.simulation.backend
        if chosen != "auto":
            return chosen
        kept = Path(self.results, "lists", "backend.txt")
        if not kept.is_file():
            _write_changed(kept, ["delphes" if shutil.which("DelphesPythia8") else "embedded"])
        return kept.read_text().strip()

    def backend_text(self) -> str:
        """The backend, in words for the user."""
        if self.backend() == "delphes":
            return "real Delphes (DelphesPythia8)"
        return "the embedded one (real Delphes where DelphesPythia8 is on PATH: conda-forge's package delphes)"

    def asks(self, rule: str) -> dict[str, Callable[[object, int], int]]:
        """What a job of a rule asks a batch system for, more at each try (`attempt` is 1 at the first)."""
        job = getattr(self.config.resources, rule)
        minutes = self._simulating_minutes() if rule == "simulate" else job.minutes
        return {
            "mem_mb": lambda _, attempt: attempt * job.mem_mb,
            "htcondor_request_mem_mb": lambda _, attempt: attempt * job.mem_mb,  # its plugin looks at no other
            "runtime": lambda _, attempt: attempt * minutes,
        }

    def _simulating_minutes(self) -> int:
        """A job that simulates outlasts all tries at its file, and checks what came of them."""
        simulation = self.config.simulation
        return math.ceil(simulation.minutes * simulation.tries) + 5

    def groups(self, sample: str) -> list[str]:
        """Names of the sample's conversion jobs."""
        return [f"{number:05d}" for number in range(-(-len(self.inputs(sample)) // self.config.files_per_job))]

    def group(self, sample: str, name: str) -> list[str]:
        """The input files that one job converts."""
        start = int(name) * self.config.files_per_job
        return self.inputs(sample)[start : start + self.config.files_per_job]

    def event_files(self) -> list[str]:
        """The event files of all samples."""
        return [
            f"{self.results}/events/{sample}/{group}.h5" for sample in self._inputs for group in self.groups(sample)
        ]

    def shards(self, plan_file: str) -> list[str]:
        """The shards of a plan."""
        return [f"{self.results}/dataset/{name}" for name in plan.read(Path(plan_file)).shards()]

    def write_lists(self) -> None:
        """Writes lists of names for commands that take more than a command line holds.

        A list is touched only if it changes, so that the rules that read it do not run again.
        """
        for sample in self._inputs:
            _write_changed(Path(self.results, "lists", f"{sample}.txt"), self.inputs(sample))
        _write_changed(Path(self.results, "lists", "events.txt"), self.event_files())


def option(flag: str, value: object) -> str:
    """A command-line option for a shell, or nothing if the value is None."""
    return "" if value is None else f"{flag} {shlex.quote(str(value))}"


def expand_names(patterns: tuple[str, ...]) -> list[str]:
    """A glob that matches nothing stays as it is and becomes a bad file: nothing vanishes."""
    names = [sorted(glob(pattern, recursive=True)) if _is_glob(pattern) else [] for pattern in patterns]
    return [name for pattern, found in zip(patterns, names, strict=True) for name in found or [pattern]]


def _is_glob(pattern: str) -> bool:
    return has_magic(pattern) and REMOTE not in pattern


def _write_changed(path: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text)
        partial.replace(path)
