"""The configuration of a campaign: every key, its default and what it means.

`python -m workflow.config` prints the JSON schema that stands in workflow/config/schema.json.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from jetimg.plan import Sharding
from jetimg.policy import Policy
from jetimg.settings import Images

SampleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the keys and what would be right."""


class Section(BaseModel):
    """A part of the configuration: no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sample(Section):
    """A physics sample: where its Delphes files are and what its events are for."""

    files: tuple[str, ...] = Field(
        min_length=1, description="Delphes files: names or globs; a name that does not exist is a bad file"
    )
    events_per_file: int | None = Field(
        default=None, ge=1, description="events that each file should hold; a file with fewer is bad (short)"
    )
    test: bool = Field(default=False, description="true: for testing; false: for training and validation")


class Config(Section):
    """The whole configuration."""

    results: str = Field(default="results", description="folder for everything that is made")
    samples: dict[SampleName, Sample] = Field(min_length=1, description="physics samples by name")
    images: Images = Field(default=Images(), description="how events become images and boxes")
    sharding: Sharding = Field(default=Sharding(), description="how events are split, mixed and cut into shards")
    policy: Policy = Field(default=Policy(), description="what happens when input files are bad")
    detector: str | None = Field(default=None, description="detector description; the CMS-like one if null")
    files_per_job: int = Field(default=10, ge=1, description="Delphes files that one job converts to one event file")

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
        raise ConfigError("the configuration cannot be used:\n" + "\n".join(_complaints(error))) from error


def schema() -> str:
    """The JSON schema of the configuration, as text."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _complaints(error: ValidationError) -> Iterator[str]:
    known = sorted(set(_keys(Config.model_json_schema())))
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] != "extra_forbidden":
            yield f"  {where}: {fault['msg']} (found {fault['input']!r})"
            continue
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.4)
        yield f"  {where}: unknown key" + (f"; did you mean `{near[0]}`?" if near else f"; known: {', '.join(known)}")


def _keys(part: Any) -> Iterator[str]:
    """All property names of a JSON schema."""
    if isinstance(part, dict):
        yield from part.get("properties", {})
        for value in part.values():
            yield from _keys(value)


if __name__ == "__main__":
    print(schema(), end="")
