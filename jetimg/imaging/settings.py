"""What can be chosen about images and boxes, with the defaults."""

from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from detector.common import settings_file
from jetimg.common.errors import DataError
from jetimg.common.schema import StrictModel
from jetimg.event_file.layout import MAX_PARTICLES


class JetClass(StrictModel):
    """Which generator particles make jets of one class."""

    pdg_ids: tuple[int, ...] = Field(description="PDG ids, without sign")
    status: int = Field(
        description="Pythia status: 22 = decaying resonance, 23 = outgoing parton; truth mode jets knows by itself"
    )
    min_pt: float = Field(default=20.0, ge=0, description="minimum pt of a generator jet in truth mode jets, GeV")
    genjet_min_pt: float = Field(
        default=0.0, ge=0, description="minimum pt of a generator jet in truth mode genjet, GeV"
    )
    genjet_samples: tuple[str, ...] = Field(
        default=(),
        description="samples whose every generator jet is of this class in truth mode genjet; in a sample of no class, "
        "a jet takes the first class in priority that a particle near it has and that it is hard enough for",
    )


# genjet_min_pt: 2 m / R of October 2019, m of b 4.18, t 173.1, H 124.97, W 80.39 and s 0.096 GeV; R 0.4 for b and q,
# else 0.8 (docs/results/table-2019.md).
DEFAULT_CLASSES = {
    "b": JetClass(pdg_ids=(5,), status=23, genjet_min_pt=20.9, genjet_samples=("bb",)),
    "t": JetClass(pdg_ids=(6,), status=22, genjet_min_pt=432.75, genjet_samples=("tt",)),
    "H": JetClass(pdg_ids=(25,), status=22, genjet_min_pt=312.425, genjet_samples=("hh",)),
    "V": JetClass(pdg_ids=(23, 24), status=22, genjet_min_pt=200.975, genjet_samples=("WW", "ZZ")),
    "q": JetClass(pdg_ids=(1, 2, 3, 4, 21), status=23, genjet_min_pt=0.48, genjet_samples=("qq", "gg")),
}


class Tag(StrictModel):
    """When the classical baseline calls a jet one of a class: a window in soft-drop mass and a score."""

    mass_min: float = Field(description="minimum soft-drop mass, GeV")
    mass_max: float = Field(description="maximum soft-drop mass, GeV")
    prongs: int = Field(ge=2, le=5, description="the score is 1 - tau_prongs / tau_(prongs - 1)")

    @model_validator(mode="after")
    def _window(self) -> "Tag":
        if self.mass_min >= self.mass_max:
            raise ValueError(f"mass_min {self.mass_min:g} is not below mass_max {self.mass_max:g}")
        return self


DEFAULT_TAGS = {
    "t": Tag(mass_min=105.0, mass_max=210.0, prongs=3),
    "V": Tag(mass_min=65.0, mass_max=105.0, prongs=2),
    "H": Tag(mass_min=105.0, mass_max=140.0, prongs=2),
}


class ImageSettings(StrictModel):
    """How an event becomes an image and its boxes."""

    source: Literal["eflow", "tower"] = Field(
        default="eflow",
        description="eflow: energy-flow photons and neutral hadrons (particle-flow images); "
        "tower: Tower.Eem and Tower.Ehad (calorimeter images)",
    )
    hcal: Literal["point", "spread"] = Field(
        default="point",
        description="point: the whole energy of an HCAL tower in the pixel of its eta, phi; "
        "spread: shared over the crystals that the tower covers, by area",
    )
    tracks: Literal["vertex", "calorimeter"] = Field(
        default="vertex",
        description="vertex: a track's pixel by its direction at its vertex (EFlowTrack.Eta, Phi); "
        "calorimeter: by where it enters the calorimeter (EtaOuter, PhiOuter), as its energy would",
    )
    value_bits: int = Field(
        default=23,
        ge=1,
        le=23,
        description="bits kept of a pixel value's 23 mantissa bits; 23 is lossless, 10 makes files a third smaller",
    )
    particles: int = Field(
        default=0,
        ge=0,
        le=MAX_PARTICLES,
        description="energy-flow particles of an event that are listed in /particles, the hardest; 0: no such table",
    )
    truth: Literal["jets", "status", "genjet"] = Field(
        default="jets",
        description="jets: generator jets that hold all decay quarks of a t, H or V, or that a b or q made; "
        "status: a box around each selected generator particle, as in the published data; "
        "genjet: around each generator jet above its class's genjet_min_pt, as in October 2019",
    )
    nested: Literal["all", "outermost"] = Field(
        default="outermost",
        description="outermost: a W inside a labelled t is not labelled too; all: it is. "
        "If not given: outermost in truth mode jets, all in the others",
    )
    box_radius: float = Field(default=0.4, gt=0, le=1.5, description="half the width of a box, in eta and in phi")
    genjet: str = Field(default="GenJet", description="branch of generator jets for b and q, and for truth mode genjet")
    genjet_delta_r: float = Field(default=0.4, gt=0, description="farthest a matched particle is from the jet's axis")
    merged_genjet: str = Field(
        default="GenJetAK8",
        description="branch of generator jets for t, H and V in truth mode jets; `genjet` where a file lacks it",
    )
    contained_within: float = Field(
        default=0.8, gt=0, le=1.5, description="truth mode jets: farthest a decay quark is from the jet's axis"
    )
    higgs_decays: tuple[int, ...] = Field(
        default=(5,),
        min_length=1,
        description="truth mode jets: PDG ids, without sign, of the quark pairs of an H; [1, 2, 3, 4, 5] for any",
    )
    classes: dict[str, JetClass] = Field(
        default=DEFAULT_CLASSES, min_length=1, description="jet classes; their order gives class_id"
    )
    priority: tuple[str, ...] = Field(
        default=("t", "V", "H", "b", "q"), description="which class a generator jet gets where several match"
    )
    baseline: str = Field(default="JetPUPPIAK8", description="branch of the classical jets; used where present")
    tags: dict[str, Tag] = Field(default=DEFAULT_TAGS, description="classes that the classical baseline tags")

    @property
    def track_axis(self) -> tuple[str, str]:
        """The branches that place a track."""
        outer = "Outer" if self.tracks == "calorimeter" else ""
        return f"EFlowTrack.Eta{outer}", f"EFlowTrack.Phi{outer}"

    @model_validator(mode="before")
    @classmethod
    def _nested_by_mode(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("nested") is None:
            outermost = values.get("truth", "jets") == "jets"
            return values | {"nested": "outermost" if outermost else "all"}
        return values

    @model_validator(mode="after")
    def _known_classes(self) -> "ImageSettings":
        if sorted(self.priority) != sorted(self.classes):
            raise ValueError(f"priority {list(self.priority)} must name each of the classes {list(self.classes)} once")
        samples = Counter(name for jet_class in self.classes.values() for name in jet_class.genjet_samples)
        if twice := [name for name, number in samples.items() if number > 1]:
            raise ValueError(f"genjet_samples: {twice} in more than one class")
        if unknown := set(self.tags) - set(self.classes):
            raise ValueError(f"tags for classes that do not exist: {sorted(unknown)}")
        return self


def read(path: Path | None, **overrides: Any) -> ImageSettings:
    """The image settings of a YAML file, or the defaults; overrides that are None do not count.

    Raises:
        DataError: the file has unknown keys or wrong values; the message names them.
    """
    try:
        content = settings_file.read(path) if path else {}
        content |= {key: value for key, value in overrides.items() if value is not None}
        return settings_file.validate(ImageSettings, content, str(path or "image settings"))
    except settings_file.SettingsError as error:
        raise DataError(str(error)) from error
