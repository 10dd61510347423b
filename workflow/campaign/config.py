"""The configuration of a campaign: every key, its default and what it means.

`python -m workflow.campaign.config` prints the JSON schema that stands in workflow/config/schema.json.
"""

import json
import shlex
from collections.abc import Mapping
from glob import has_magic
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from detector.common.settings_file import told
from detector.simulation.gun import Gun
from detector.simulation.processes import PROCESSES, process_of
from jetimg.common.schema import StrictModel
from jetimg.composition.settings import Composition
from jetimg.dataset.plan import Sharding
from jetimg.dataset.policy import Policy
from jetimg.imaging.settings import ImageSettings
from jetimg.release.metadata import Metadata
from workflow.campaign.errors import ConfigError
from workflow.campaign.inputs import check_name
from workflow.campaign.networks import CampaignClassifier, CampaignNetwork

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*$", max_length=100)]
SampleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]

# Samples of these names would share files with something else of the campaign: its lists, its pools of pile-up,
# the test set of what was held out, the log of all test sets.
RESERVED = ("events", "backend", "missing", "pool", "heldout", "test_sets")

# Old names of keys, and what they are called now.
RENAMED = {"detectors": "networks"}


class Simulate(StrictModel):
    """Files of a sample that the campaign simulates itself."""

    files: int = Field(ge=1, le=99_999, description="number of files")
    process: str | None = Field(
        default=None,
        description=f"hard process: {', '.join(PROCESSES)}; null: the one in the sample's name, tt of tt and of tt_1",
    )
    masses: tuple[float, ...] = Field(
        default=(1500.0,), min_length=1, description="graviton masses, GeV; the files of each split take them in turn"
    )
    pythia: tuple[str, ...] = Field(default=(), description="more Pythia settings, e.g. '25:onIfAny = 5'")


class GunFiles(Gun):
    """Files of single particles that the campaign simulates itself, with the embedded detector."""

    files: int = Field(ge=1, le=99_999, description="number of files")


class SampleConfig(StrictModel):
    """A physics sample: where its Delphes files come from and what its events are for."""

    files: tuple[str, ...] = Field(
        default=(),
        description="Delphes files: names or globs, where a name that does not exist is a bad file; or addresses "
        "(root://, s3://, https://), each with a Snakemake storage plugin: docs/cluster.md",
    )
    simulate: Simulate | None = Field(default=None, description="simulate the files, instead of giving them")
    gun: GunFiles | None = Field(default=None, description="simulate files of single particles")
    events_per_file: int | None = Field(
        default=None, ge=1, description="events that each file should hold; a file with fewer is bad (short)"
    )
    test: bool = Field(default=False, description="true: for testing; false: for training and validation")
    compare_to: tuple[str, ...] = Field(
        default=(), description="other Delphes files of this process, real ones say, that its files are held against"
    )

    @field_validator("files")
    @classmethod
    def _no_remote_globs(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if globs := [name for name in files if "://" in name and has_magic(name)]:
            raise ValueError(f"{globs[0]}: give the addresses of remote files one by one, not as a glob")
        return files

    @model_validator(mode="after")
    def _one_source(self) -> "SampleConfig":
        if [bool(self.files), self.simulate is not None, self.gun is not None].count(True) != 1:
            raise ValueError("give either `files` or `simulate` or `gun`")
        if self.made is not None and self.events_per_file is None:
            raise ValueError(f"`{'simulate' if self.simulate else 'gun'}` needs `events_per_file`")
        return self

    @property
    def made(self) -> Simulate | GunFiles | None:
        """How the campaign makes the files; None for files that are given."""
        return self.simulate or self.gun


class Simulation(StrictModel):
    """How files are simulated."""

    seed: int = Field(
        default=1, ge=0, description="seed of the campaign; a file's follows from it, its sample and number"
    )
    backend: Literal["auto", "embedded", "delphes"] = Field(
        default="auto", description="detector simulation; auto: real Delphes where DelphesPythia8 is on PATH, else ours"
    )
    pool_events: int = Field(
        default=20_000,
        ge=1,
        description="soft collisions in the pool that pile-up is drawn from; a pool of 4,000 scatters by 1.3 %",
    )
    minutes: float = Field(default=120.0, gt=0, description="time limit of one try at one file")
    tries: int = Field(default=2, ge=1, description="how often a file is tried before it counts as failed")
    program: str = Field(
        default="jetimg detector simulate",
        description="program that makes one file; another one must take the same options",
    )
    files_per_job: int | None = Field(
        default=None,
        ge=1,
        description="files that one job makes, one after the other; null: with our simulations as many as take four "
        "minutes, at most 20; with another program one",
    )

    @field_validator("program")
    @classmethod
    def _words(cls, program: str) -> str:
        if not shlex.split(program):
            raise ValueError("no program")
        return program


class JobResources(StrictModel):
    """What one job of a rule asks a batch system for; its second try asks for twice as much, and so on."""

    mem_mb: int = Field(ge=1, description="memory, MB")
    minutes: int = Field(ge=1, description="run time, minutes")


class Simulating(StrictModel):
    """What one job of `simulate` asks for; its minutes follow from its files and from `simulation`."""

    mem_mb: int = Field(default=1500, ge=1, description="memory, MB; 434 measured, 750 in files of 500 events")


def _job(mem_mb: int, minutes: int, what: str) -> Any:
    return Field(default=JobResources(mem_mb=mem_mb, minutes=minutes), description=what)


class Resources(StrictModel):
    """What the jobs of each rule ask a batch system for. A local run needs none of it."""

    pool: JobResources = _job(2000, 240, "soft collisions for pile-up: 4 ms each, 0.2 s with real Delphes")
    simulate: Simulating = Field(default=Simulating(), description="some Delphes files")
    fetch: JobResources = _job(1000, 60, "copy of a remote file")
    check: JobResources = _job(1500, 240, "verdicts of all files of a sample")
    audit: JobResources = _job(1500, 240, "crystals and pixels of all files of a sample")
    convert: JobResources = _job(1500, 30, "`files_per_job` Delphes files to an event file")
    plan: JobResources = _job(4000, 60, "which event goes into which shard")
    shard: JobResources = _job(4000, 30, "one shard, which is held in memory")
    manifest: JobResources = _job(4000, 120, "the list of all shards and inputs, with checksums")
    verify: JobResources = _job(4000, 240, "proof over all shards")
    summary: JobResources = _job(4000, 120, "table and distributions of all shards")
    compare: JobResources = _job(4000, 120, "two sets of files, event by event")
    show: JobResources = _job(2000, 30, "picture of an event")
    train: JobResources = _job(
        8000, 1440, "training of a network, a quantized or a pruned one; it goes on where it stopped"
    )
    evaluate: JobResources = _job(8000, 240, "all networks on the test events, or their latency")
    export: JobResources = _job(4000, 30, "a network as an ONNX file")
    compose: JobResources = _job(8000, 240, "composed images of all splits, whose objects are held in memory")
    release: JobResources = _job(4000, 240, "copies and checksums of all shards")


class ComposedDataSet(Composition):
    """Images composed of a data set's events, split by split."""

    images: dict[Literal["train", "validation", "heldout"], Annotated[int, Field(ge=1)]] = Field(
        min_length=1, description="how many, by split: train, validation, heldout"
    )
    seed: int = Field(default=2019, ge=0, description="of everything that is drawn")

    @property
    def measured(self) -> str | None:
        """The split that masks are measured on: no network has seen it, or else none has been trained on it."""
        return next((split for split in ("heldout", "validation") if split in self.images), None)

    def options(self) -> list[str]:
        """As words of `jetimg compose-dataset`."""
        words = [word for split, number in self.images.items() for word in ("--images", f"{split}={number}")]
        words += ["--objects", "{}:{}".format(*self.objects), "--seed", str(self.seed), "--mask", self.mask]
        words += ["--flip-eta", str(self.flip_eta), "--shift", str(self.shift)]
        return (
            words
            + ([] if self.rotate else ["--no-rotate"])
            + (["--background", self.background] if self.background else [])
        )


class Config(StrictModel):
    """The whole configuration."""

    results: str = Field(default="results", description="folder for everything that is made")
    samples: dict[SampleName, SampleConfig] = Field(min_length=1, description="physics samples by name")
    images: ImageSettings = Field(default=ImageSettings(), description="how events become images and boxes")
    sharding: Sharding = Field(default=Sharding(), description="how events are split, mixed and cut into shards")
    simulation: Simulation = Field(default=Simulation(), description="how files are simulated")
    policy: Policy = Field(default=Policy(), description="what happens when input files are bad")
    resources: Resources = Field(default=Resources(), description="what jobs ask a batch system for")
    release: Metadata = Field(default=Metadata(), description="what a release says of itself, and where it goes")
    detector: str | None = Field(default=None, description="detector description; the CMS-like one if null")
    composed: ComposedDataSet | None = Field(
        default=None,
        description="a second data set, of images composed of the events of this one, which have one object each; none "
        "if null",
    )
    networks: dict[Name, CampaignNetwork] = Field(default={}, description="networks to train, by name; none if empty")
    classifiers: dict[Name, CampaignClassifier] = Field(
        default={}, description="classifiers to train on the same data set, by name; none if empty"
    )
    threads: int = Field(
        default=8, ge=1, description="cores of a job that trains, evaluates or times networks; at most those of --cores"
    )
    gpus: int = Field(default=0, ge=0, description="GPUs that a training job asks a cluster for")
    batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(1, 8, 64), min_length=1, description="images a batch at which networks are timed"
    )
    benchmark_seconds: float = Field(
        default=5.0, ge=0, description="how long each network is timed at each batch size; five batches at least"
    )
    only: SampleName | None = Field(default=None, description="sample whose failed files `rerun_failed` makes again")
    files_per_job: int = Field(default=10, ge=1, description="Delphes files that one job converts to one event file")

    @field_validator("results")
    @classmethod
    def _usable_folder(cls, results: str) -> str:
        check_name("results", results)
        return str(PurePosixPath(results))

    @field_validator("samples")
    @classmethod
    def _free_names(cls, samples: dict[str, SampleConfig]) -> dict[str, SampleConfig]:
        if taken := [name for name in samples if name in RESERVED]:
            raise ValueError(f"a sample cannot be called {taken[0]}: something else of the campaign is")
        return samples

    @model_validator(mode="after")
    def _known_processes(self) -> "Config":
        """Another program may know others."""
        simulated = {} if self.simulation.program != Simulation().program else self.samples
        for name, sample in simulated.items():
            process = None if sample.simulate is None else sample.simulate.process or process_of(name)
            if process is not None and process not in PROCESSES:
                raise ValueError(f"samples.{name}.simulate.process: {process} is none of {', '.join(PROCESSES)}")
        return self

    @model_validator(mode="after")
    def _known_sample(self) -> "Config":
        if self.only is not None and self.only not in self.samples:
            raise ValueError(f"only={self.only}: the samples are {', '.join(self.samples)}")
        return self

    @model_validator(mode="after")
    def _particles_to_read(self) -> "Config":
        for name, one in self.classifiers.items():
            if one.input == "particles" and not self.images.particles:
                raise ValueError(f"classifiers.{name}: input particles needs images.particles, which is 0")
        return self

    @model_validator(mode="after")
    def _something_to_train_on(self) -> "Config":
        if all(sample.test for sample in self.samples.values()):
            raise ValueError("every sample is a test sample: none is left to train on")
        return self


def parse(content: Mapping[str, Any]) -> Config:
    """Checks a configuration and fills in the defaults.

    Raises:
        ConfigError: unknown keys (with the nearest known one) or wrong values.
    """
    try:
        return Config.model_validate(dict(content))
    except ValidationError as error:
        raise ConfigError(f"the configuration cannot be used: {told(error, Config, RENAMED)}") from error


def schema() -> str:
    """The JSON schema of the configuration, as text."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
