"""Names of a campaign's files: which inputs there are, and which job converts which."""

import shlex
from collections.abc import Mapping
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from jetimg import plan
from workflow.config import parse


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
        self._inputs = {name: _expand(sample.files) for name, sample in self.config.samples.items()}

    def inputs(self, sample: str) -> list[str]:
        """All input files of a sample: globs expanded and sorted, names as given, there or not."""
        return self._inputs[sample]

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


def present(names: list[str]) -> list[str]:
    """Those of the files that exist; the others become verdicts, not Snakemake's errors."""
    return [name for name in names if Path(name).is_file()]


def _expand(patterns: tuple[str, ...]) -> list[str]:
    """A glob that matches nothing stays as it is and becomes a bad file: nothing vanishes."""
    names = [sorted(glob(pattern, recursive=True)) if has_magic(pattern) else [] for pattern in patterns]
    return [name for pattern, found in zip(patterns, names, strict=True) for name in found or [pattern]]


def _write_changed(path: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text)
        partial.replace(path)
