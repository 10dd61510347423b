"""The detector's description: `cms.yaml`, read and checked."""

import hashlib
from functools import lru_cache
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from detector.common import settings_file
from detector.common.schema import StrictModel

DEFAULT = Path(__file__).with_name("cms.yaml")


class _HasEta(Protocol):
    @property
    def abs_eta_max(self) -> float: ...


Binned = TypeVar("Binned", bound=_HasEta)


def rising(bins: tuple[Binned, ...]) -> tuple[Binned, ...]:
    """The bins, if their |eta| limits rise; a bin holds from the limit of the one before to its own.

    Raises:
        ValueError: no bins, or limits that do not rise.
    """
    limits = [piece.abs_eta_max for piece in bins]
    if not limits or sorted(set(limits)) != limits:
        raise ValueError(f"abs_eta_max must rise from bin to bin, found {limits}")
    return bins


class Crystals(StrictModel):
    """The ECAL crystals, which are the pixels of an image."""

    eta_pitch: PositiveFloat = Field(description="width of a crystal in eta")
    n_eta: PositiveInt = Field(description="crystals along eta, centred on eta = 0")
    n_phi: PositiveInt = Field(description="crystals round phi")


class EdgeList(StrictModel):
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


class Calorimeters(StrictModel):
    """Cells of both calorimeters."""

    ecal: tuple[EdgeList, ...]
    hcal: tuple[EdgeList, ...]


class Fraction(StrictModel):
    """The fraction of its energy that a particle of these |PDG codes| deposits."""

    fraction: float = Field(ge=0, le=1)
    pdg: tuple[PositiveInt, ...]


class EnergyPiece(StrictModel):
    """sigma(E) up to |eta| = abs_eta_max: sqrt((constant E)^2 + stochastic^2 E + noise^2), GeV."""

    abs_eta_max: PositiveFloat
    constant: NonNegativeFloat
    stochastic: NonNegativeFloat = 0.0
    noise: NonNegativeFloat = 0.0


class Response(StrictModel):
    """What one calorimeter measures, and from which energy on."""

    default_fraction: float = Field(ge=0, le=1)
    fractions: tuple[Fraction, ...]
    resolution: tuple[EnergyPiece, ...]
    energy_min: NonNegativeFloat = Field(description="GeV, of a tower and of a neutral excess")
    significance_min: NonNegativeFloat = Field(description="in units of sigma(E)")
    extra_smearing: NonNegativeFloat = Field(0.0, description="relative, of the neutral objects")

    @field_validator("resolution")
    @classmethod
    def _rising(cls, pieces: tuple[EnergyPiece, ...]) -> tuple[EnergyPiece, ...]:
        return rising(pieces)


class Responses(StrictModel):
    """What both calorimeters measure."""

    ecal: Response
    hcal: Response


class ShowerProfile(StrictModel):
    """The lateral profile of a shower; radii in units of a length of the material."""

    unit: PositiveFloat = Field(description="the length, m: the Moliere radius, or the nuclear interaction length")
    core_fraction: float = Field(ge=0, le=1, description="the core's share of the energy")
    core_radius: PositiveFloat = Field(description="radius that holds half of the core")
    tail_radius: PositiveFloat = Field(description="radius that holds half of the rest")
    reach: PositiveFloat = Field(description="half the width of the square that holds all of the energy")


class Showers(StrictModel):
    """Lateral profiles, the same in both calorimeters, measured across the particle's way on the tracker's surface."""

    abs_eta_max: PositiveFloat = Field(le=3.0, description="beyond it, showers stay in the cell that is hit")
    electromagnetic: ShowerProfile
    hadronic: ShowerProfile = Field(description="of every particle that is not in electromagnetic_pdg")
    electromagnetic_pdg: tuple[PositiveInt, ...] = Field(default=(11, 22, 111), description="|PDG codes|")


class DenseFilter(StrictModel):
    """The inner cylinder (m) and its cells in eta and phi, where one track each survives."""

    radius: PositiveFloat
    half_length: PositiveFloat
    cell: PositiveFloat = Field(description="width in eta and, nearly, in phi")
    abs_eta_max: PositiveFloat


class PtPiece(StrictModel):
    """An efficiency constant + slope * pt for pt (GeV) up to pt_max."""

    pt_max: PositiveFloat = inf
    constant: float = 0.0
    slope: float = 0.0


class EfficiencyBin(StrictModel):
    """The efficiency up to |eta| = abs_eta_max: the first piece whose pt_max is not passed."""

    abs_eta_max: PositiveFloat
    pieces: tuple[PtPiece, ...]

    @field_validator("pieces")
    @classmethod
    def _rising(cls, pieces: tuple[PtPiece, ...]) -> tuple[PtPiece, ...]:
        limits = [piece.pt_max for piece in pieces]
        if sorted(set(limits)) != limits or limits[-1:] != [inf]:
            raise ValueError("pt_max must rise from piece to piece, and the last piece has none")
        return pieces


class Efficiencies(StrictModel):
    """Tracking efficiencies by species; each list by rising |eta|, 0 beyond its end."""

    charged_hadron: tuple[EfficiencyBin, ...]
    electron: tuple[EfficiencyBin, ...]
    muon: tuple[EfficiencyBin, ...]

    @field_validator("*")
    @classmethod
    def _rising(cls, bins: tuple[EfficiencyBin, ...]) -> tuple[EfficiencyBin, ...]:
        return rising(bins)


class MomentumResolution(StrictModel):
    """Tables of the relative sigma of pt: CSV files beside the description."""

    charged_hadron: str
    muon: str
    cap: PositiveFloat = Field(description="largest relative sigma")


class Tracker(StrictModel):
    """A cylinder (m) in a field along z, and how well it sees each species."""

    field_tesla: float
    radius: PositiveFloat
    half_length: PositiveFloat
    dense_filter: DenseFilter
    efficiency: Efficiencies
    momentum_resolution: MomentumResolution
    electron_energy_resolution: tuple[EnergyPiece, ...]
    vertex_resolution: PositiveFloat = Field(description="m; nearer tracks are the primary vertex's")

    @field_validator("electron_energy_resolution")
    @classmethod
    def _rising(cls, pieces: tuple[EnergyPiece, ...]) -> tuple[EnergyPiece, ...]:
        return rising(pieces)


class PileUp(StrictModel):
    """Soft collisions in the same crossing; lengths in m, times in ps."""

    mean: NonNegativeFloat
    sigma_z: PositiveFloat
    max_z: PositiveFloat
    sigma_t_ps: PositiveFloat
    max_t_ps: PositiveFloat
    undecayed_above: PositiveFloat = Field(description="c tau, m, above which particles do not decay")


class PuppiBin(StrictModel):
    """PUPPI's parameters up to |eta| = abs_eta_max."""

    abs_eta_max: PositiveFloat
    cone: PositiveFloat
    rms_pt_min: NonNegativeFloat = Field(description="GeV, of the particles that make median and RMS")
    rms_scale: PositiveFloat
    neutral_pt_min: NonNegativeFloat = Field(description="GeV, of a weighted neutral")
    neutral_pt_slope: NonNegativeFloat = Field(description="GeV more for each vertex")
    use_charged: bool = Field(description="the metric sums over the primary vertex's tracks only")
    low_pileup_correction: bool


class Puppi(StrictModel):
    """Pile-up per particle identification, arXiv:1407.6013."""

    min_weight: NonNegativeFloat
    bins: tuple[PuppiBin, ...]

    @field_validator("bins")
    @classmethod
    def _rising(cls, bins: tuple[PuppiBin, ...]) -> tuple[PuppiBin, ...]:
        return rising(bins)


class Density(StrictModel):
    """Where the density of pile-up is measured, each range by itself, and in which tiles."""

    edges: tuple[float, ...] = Field(min_length=2, description="of the ranges, rapidity")
    tile: float = Field(gt=0, le=2, description="size of a tile in rapidity and azimuth, about")

    @field_validator("edges")
    @classmethod
    def _rising(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in pairwise(edges)):
            raise ValueError("must rise")
        return edges


class JetCollection(StrictModel):
    """Anti-kt jets of one radius; `name` is the branch they are written to."""

    name: str
    radius: PositiveFloat
    pt_min: NonNegativeFloat


class SoftDrop(StrictModel):
    """Soft drop (arXiv:1402.2657): min(pt1, pt2) / (pt1 + pt2) > zcut (Delta R / r0)^beta."""

    beta: float
    zcut: float = Field(gt=0, lt=0.5)
    r0: PositiveFloat


class BaselineJets(JetCollection):
    """The classical baseline: jets with a groomed mass and N-subjettiness."""

    soft_drop: SoftDrop
    subjettiness_beta: PositiveFloat


class JetSettings(StrictModel):
    """Jet collections."""

    generator: tuple[JetCollection, ...]
    baseline: BaselineJets


class TruthSettings(StrictModel):
    """Which generator particles are written."""

    pt_min: NonNegativeFloat = Field(description="GeV")


class Detector(StrictModel):
    """The whole description. `digest` names it in every file made with it."""

    extends: str | None = Field(default=None, description="description that has what this one does not say")
    name: str
    crystals: Crystals
    calorimeters: Calorimeters
    response: Responses
    showers: Showers | None = Field(default=None, description="None: all energy in the cell that is hit, as in Delphes")
    tracker: Tracker
    pileup: PileUp
    puppi: Puppi
    # Descriptions from before it was measured have the ranges of the CMS card.
    density: Density = Density(edges=(-5.0, -4.0, -1.5, 1.5, 4.0, 5.0), tile=1.0)
    jets: JetSettings
    record: TruthSettings
    digest: str = Field(description="sha256 of the description's content, its tables included")
    folder: Path = Field(description="where the description lies")

    def table(self, name: str) -> Path:
        """A table's file: beside the description, or the one that comes with this package."""
        return _beside(self.folder, name)


def _beside(folder: Path, name: str) -> Path:
    own = folder / name
    return own if own.is_file() else DEFAULT.with_name(Path(name).name)


@lru_cache
def load(path: str | Path | None = None) -> Detector:
    """Reads a description.

    Args:
        path: a YAML file; the CMS-like detector that comes with this package if None.

    Raises:
        ValueError: the file does not describe a detector; the message names the file and the keys.
    """
    source = Path(path) if path else DEFAULT
    content, texts = _read(source)
    if computed := {"digest", "folder"} & content.keys():
        raise ValueError(f"{source}: not a detector description: `{computed.pop()}` is computed, not given")
    try:
        described = Detector.model_validate(content | {"digest": "", "folder": source.parent})
        return described.model_copy(update={"digest": _digest(texts, described)})
    except ValidationError as error:
        raise ValueError(f"{source}: not a detector description: {settings_file.told(error, Detector)}") from error
    except OSError as error:
        raise ValueError(f"{source}: names a table that cannot be read: {error}") from error


def _read(source: Path) -> tuple[dict[str, Any], list[bytes]]:
    """What a description says, with what the one that it extends says; and the bytes of both."""
    content, texts = settings_file.read(source), [source.read_bytes()]
    if not isinstance(name := content.get("extends"), str):
        return content, texts
    base = _beside(source.parent, name)
    below = settings_file.read(base)
    if "extends" in below:
        raise ValueError(f"{source}: extends {name}, which extends another description itself")
    return _merged(below, content), [*texts, base.read_bytes()]


def _merged(below: Any, above: Any) -> Any:
    """Keys of both, section by section; a value or a list of `above` replaces that of `below`."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}


def _digest(texts: list[bytes], described: Detector) -> str:
    tables = described.tracker.momentum_resolution
    content = [*texts, *(described.table(name).read_bytes() for name in (tables.charged_hadron, tables.muon))]
    return hashlib.sha256(b"\0".join(content)).hexdigest()
