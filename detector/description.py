"""The detector's description: `cms.yaml`, read and checked."""

import hashlib
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

DEFAULT = Path(__file__).with_name("cms.yaml")


class Part(BaseModel):
    """A piece of the description: no unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Crystals(Part):
    """The ECAL crystals, which are the pixels of an image."""

    eta_pitch: PositiveFloat = Field(description="width of a crystal in eta")
    n_eta: PositiveInt = Field(description="crystals along eta, centred on eta = 0")
    n_phi: PositiveInt = Field(description="crystals round phi")


class EdgeList(Part):
    """Eta edges that share one phi binning: offset + pitch * k for k = first..last, or `values`."""

    phi_degrees: PositiveFloat
    values: tuple[float, ...] | None = None
    offset: float = 0.0
    pitch: PositiveFloat | None = None
    first: int = 0
    last: int = 0

    @model_validator(mode="after")
    def _one_form(self) -> "EdgeList":
        if (self.values is None) == (self.pitch is None):
            raise ValueError("give either `values` or `pitch` with `first` and `last`")
        if abs(360 / self.phi_degrees - round(360 / self.phi_degrees)) > 1e-9:
            raise ValueError(f"phi_degrees {self.phi_degrees} does not divide the circle")
        return self

    def edges(self) -> tuple[float, ...]:
        """The eta edges of this list."""
        if self.values is not None:
            return self.values
        assert self.pitch is not None
        return tuple(self.offset + self.pitch * k for k in range(self.first, self.last + 1))


class Calorimeters(Part):
    """Cells of both calorimeters."""

    ecal: tuple[EdgeList, ...]
    hcal: tuple[EdgeList, ...]


class Detector(Part):
    """The whole description. `digest` names it in every file made with it."""

    name: str
    crystals: Crystals
    calorimeters: Calorimeters
    digest: str = Field(description="sha256 of the description's content")


@lru_cache
def load(path: Path | None = None) -> Detector:
    """Reads a description.

    Args:
        path: a YAML file; the CMS-like detector that comes with this package if None.

    Raises:
        ValueError: the file does not describe a detector; the message names the file and the keys.
    """
    source = path or DEFAULT
    text = source.read_bytes()
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{source}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{source}: not a detector description (a mapping with crystals, calorimeters, ...)")
    if "digest" in content:
        raise ValueError(f"{source}: not a detector description: `digest` is computed, not given")
    try:
        return Detector.model_validate(content | {"digest": hashlib.sha256(text).hexdigest()})
    except ValidationError as error:
        raise ValueError(f"{source}: not a detector description:\n{error}") from error
