"""Names of a campaign's files: which inputs there are, and which job converts which."""

import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jetimg.dataset import plan
from workflow.campaign.config import parse
from workflow.campaign.errors import ConfigError
from workflow.campaign.inputs import REMOTE, check_name, expand_names, fingerprint, is_file, is_pattern, why_no_file
from workflow.campaign.simulated import SimulatedFiles

# Files of a sample that are held against others: enough for every spectrum, and no more than a command line takes.
MAX_COMPARED = 50

# Lines of a message about files; the rest is counted.
MAX_LINES = 20


class Campaign:
    """Names only; nothing is opened but lists of the last run, and nothing is written.

    Attributes:
        config: the checked configuration.
        results: folder for everything that is made.
        simulated: the files that it simulates itself.
        detector: the detector description's file, None for the CMS-like one.
    """

    def __init__(self, config: Mapping[str, Any], base: str = "") -> None:
        """Checks a configuration.

        Args:
            config: as read from its file.
            base: folder that relative names of input files start from; the working folder if empty.

        Raises:
            ConfigError: it cannot be used.
        """
        self.config = parse(config)
        self.results = self.config.results
        self.check_results()
        self._base = base
        self._urls: dict[str, str] = {}
        self.simulated = SimulatedFiles(self.config, self.results)
        self._inputs = {name: self._names(name) for name in self.config.samples}
        self.detector = self._detector()

    def inputs(self, sample: str) -> list[str]:
        """All input files of a sample: patterns expanded and sorted, names as given, there or not."""
        return self._inputs[sample]

    def _names(self, sample: str) -> list[str]:
        """A sample's files: found by name, or simulated and numbered."""
        chosen = self.config.samples[sample]
        if chosen.made is None:
            key, before = f"samples.{sample}.files", self._before(sample)
            names = expand_names(key, [self._from_base(name) for name in chosen.files], before)
            return [self._local(sample, name) for name in names]
        return self.simulated.names(sample)

    def _before(self, sample: str) -> list[str]:
        """The sample's files in the last run; a pattern in the list had matched nothing."""
        path = Path(self.results, "lists", f"{sample}.txt")
        names = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        return [name for name in names if not is_pattern(name)]

    def _from_base(self, name: str) -> str:
        return name if REMOTE in name else os.path.join(self._base, name)  # noqa: PTH118 (a Path drops "./")

    def as_read_here(self) -> str:
        """The configuration, JSON, for the working folder: names that start from elsewhere are whole ones."""
        content = self.config.model_dump(mode="json", exclude_defaults=True)
        for sample in content["samples"].values():
            for key in {"files", "compare_to"} & set(sample):
                sample[key] = [self._from_base(name) for name in sample[key]]
        if self.detector is not None:
            content["detector"] = self.detector
        return json.dumps(content, indent=1)

    def _detector(self) -> str | None:
        if self.config.detector is None:
            return None
        name = self._from_base(self.config.detector)
        check_name("detector", name)
        if not is_file("detector", name):
            raise ConfigError(f"detector: {name}: no such file; leave the key out for the CMS-like detector")
        return name

    def _local(self, sample: str, name: str) -> str:
        """Where a file stands once it is here: as given, or the copy of a remote one, which keeps its address."""
        if REMOTE not in name:
            return name
        path = "/".join(part for part in name.partition(REMOTE)[2].split("/") if part)
        local = f"{self.results}/fetched/{sample}/{path}"
        check_name(f"samples.{sample}.files", local)
        self._urls[local] = name
        return local

    def url(self, sample: str, path: str) -> str:
        """The address of a remote file, by the path of its copy."""
        return self._urls[f"{self.results}/fetched/{sample}/{path}"]

    def is_fetched(self, name: str) -> bool:
        """Whether a file is the copy of a remote one."""
        return name in self._urls

    def sources(self, sample: str, group: str | None = None) -> list[str]:
        """What Snakemake waits for before it reads a sample's files, or those of one job.

        For simulated files these are the tables of the jobs that made them, which hold failed files too;
        for remote ones their copies; for others the files that exist. Missing files become verdicts, not
        errors of Snakemake; except remote ones, which Snakemake looks for when it plans.
        """
        names = self.inputs(sample) if group is None else self.group(sample, group)
        if self.config.samples[sample].made is not None:
            return self.simulated.tables(sample, names)
        return [name for name in names if name in self._urls or is_file(f"samples.{sample}.files", name)]

    def fingerprint(self, sample: str, group: str | None = None) -> str:
        """A text that changes with the files that the user gave, whatever their times; empty for other samples."""
        names = self.inputs(sample) if group is None else self.group(sample, group)
        if self.config.samples[sample].made is not None:
            return ""
        return fingerprint(name for name in names if name not in self._urls)

    @cached_property
    def missing(self) -> list[str]:
        """A line for each given file that is not there, and each pattern that matches nothing."""
        lines = []
        for sample, chosen in self.config.samples.items():
            key, before = f"samples.{sample}.files", set(self._before(sample))
            given = {self._from_base(name) for name in chosen.files}
            for name in self.inputs(sample) if chosen.made is None else []:
                if name in self._urls or is_file(key, name):
                    continue
                lines.append(f"{key}: {name}: {self._why_missing(sample, name, given, before)}")
        return lines

    def _why_missing(self, sample: str, name: str, given: set[str], before: set[str]) -> str:
        if name in given:
            return why_no_file(name)
        assert name in before
        listed = f"{self.results}/lists/{sample}.txt"
        return f"was there in the last run and is gone; if that is right, take its line out of {listed}"

    def complaint(self) -> str:
        """The missing files, for the user, and where names start from; empty if all are there."""
        lines = self.missing
        more = [f"... and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
        here = [f"relative names start from {self._base or Path.cwd()}"] if lines else []
        return "\n".join([*lines[:MAX_LINES], *more, *here])

    def before_converting(self) -> list[str]:
        """With missing files and the policy `fail`: the output of a rule that fails, before anything is converted."""
        stops = self.config.policy.bad_files == "fail" and self.missing
        return [f"{self.results}/lists/missing.txt"] if stops else []

    def check_results(self, access: int = os.R_OK | os.X_OK) -> None:
        """Looks whether results can be read, or read and written: `access` is what `os.access` takes.

        Raises:
            ConfigError: they cannot.
        """
        folder = Path(self.results).absolute()
        while not os.path.lexists(folder):
            folder = folder.parent
        if not folder.is_dir():
            raise ConfigError(f"results: {self.results}: {folder} is not a folder")
        if not os.access(folder, access):
            what = "written to" if access & os.W_OK else "read"
            raise ConfigError(f"results: {self.results}: the folder {folder} cannot be {what}")

    def compared(self) -> list[str]:
        """Samples whose files are held against others."""
        return [name for name, sample in self.config.samples.items() if sample.compare_to]

    def others(self, sample: str) -> list[str]:
        """The files that a sample's are held against."""
        patterns = [self._from_base(name) for name in self.config.samples[sample].compare_to]
        return expand_names(f"samples.{sample}.compare_to", patterns)

    def good(self, sample: str, plan_file: str) -> list[str]:
        """The first files of a sample from which the plan takes events, as many as a comparison needs."""
        sources = [source for source in plan.read(Path(plan_file)).sources if source.sample == sample]
        return [file.name for source in sources for file in source.inputs if file.ok][:MAX_COMPARED]

    def asks(self, rule: str) -> dict[str, Callable[[Any, int], int]]:
        """What a job of a rule asks a batch system for, more at each try (`attempt` is 1 at the first)."""
        job = getattr(self.config.resources, rule)
        minutes = (lambda w: self.simulated.minutes(w.sample)) if rule == "simulate" else lambda _: job.minutes
        return {
            "mem_mb": lambda _, attempt: attempt * job.mem_mb,
            "runtime": lambda w, attempt: attempt * minutes(w),
        }

    def sample_options(self) -> list[str]:
        """What the plan has to know of the samples: which are for testing, and events that each file should hold."""
        samples = self.config.samples.items()
        test = [f"--test={name}" for name, sample in samples if sample.test]
        return test + [f"--expect={name}={s.events_per_file}" for name, s in samples if s.events_per_file is not None]

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

    def test_sets(self, plan_file: str) -> list[str]:
        """The test sets that have events: what was held out of the training samples, and each sample for testing."""
        made = plan.read(Path(plan_file))
        splits = {name.partition("-")[0] for name in made.shards()}
        tested = {source.sample for source in made.sources if source.test and any(file.ok for file in source.inputs)}
        return [
            *(["heldout"] if "heldout" in splits else []),
            *(name for name in self.config.samples if name in tested),
        ]

    def events_of(self, test_set: str) -> list[str]:
        """Options for the events of a test set."""
        return ["--split=heldout"] if test_set == "heldout" else ["--split=test", f"--sample={test_set}"]

    def shards(self, plan_file: str) -> list[str]:
        """The shards of a plan."""
        return [f"{self.results}/dataset/{name}" for name in plan.read(Path(plan_file)).shards()]

    def first_test_shards(self, plan_file: str) -> list[str]:
        """The first shard of each split that networks are measured on: events of every sample of it, mixed."""
        names = sorted(plan.read(Path(plan_file)).shards())
        firsts = {name.partition("-")[0]: name for name in reversed(names)}
        return [f"{self.results}/dataset/{firsts[split]}" for split in ("heldout", "test") if split in firsts]

    def log(self, name: str) -> str:
        """The log file of a job."""
        return f"{self.results}/logs/{name}.log"

    def benchmark(self, name: str) -> str:
        """The table of what a job took: seconds, memory, reading and writing."""
        return f"{self.results}/benchmarks/{name}.tsv"


def option(flag: str, value: object) -> list[str]:
    """A command-line option, as words that a shell line has to quote; none if the value is None."""
    return [] if value is None else [flag, str(value)]


def options(settings: Mapping[str, object]) -> list[str]:
    """Command-line options that are called like settings: events_per_shard becomes --events-per-shard."""
    return [word for key, value in settings.items() for word in option(f"--{key.replace('_', '-')}", value)]
