"""What is compared between two sets of Delphes files: numbers an event, spectra, energy by ring, jet response."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from detector.geometry.cells import build
from jetimg.common.errors import BadFile
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.channels import CellError, Setup, Tally, images
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, Wanted
from jetimg.imaging.raster import RasterError
from jetimg.imaging.verdicts import check_header, wrong_geometry

TOWERS = ("EFlowPhoton", "EFlowNeutralHadron")
N_TAU = 5

# A jet is compared with the nearest generator jet within this distance, above this pt (GeV).
MATCH, MATCH_PT = 0.4, 200.0

# Pixel rows in a bin of energy by ring.
ROWS = 10

# Two ways to tell how much pile-up an event has; Delphes counts on from vertex to vertex in NDF.
ACTIVITIES = {"Vertex.NCharged": "counts", "Vertex.NDF": "cumulated"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """What some events hold.

    Attributes:
        numbers: by name, (n) float64, one number an event.
        spectra: by name, the values of each event.
        rings: by channel, (n, rings) float64, GeV.
        response: (generator jet's pt in GeV, pt over it), one an entry, of all events together.
        activity: (n) charged particles of pile-up; None where the file does not tell.
        vertices: charged particles of each soft collision, of all events together.
    """

    numbers: dict[str, Floats]
    spectra: dict[str, Jagged]
    rings: dict[str, Floats]
    response: tuple[Floats, Floats]
    activity: Floats | None
    vertices: Floats


@dataclass(frozen=True)
class Observer:
    """Reads events of files of one detector."""

    setup: Setup

    @property
    def jets(self) -> tuple[str, ...]:
        """The generator's jet collections, then the baseline's."""
        described = self.setup.detector.jets
        return (*(jets.name for jets in described.generator), described.baseline.name)

    @cached_property
    def ring_edges(self) -> Floats:
        """Bins of eta: some rows of the image each, then the forward calorimeter's rings."""
        grid = self.setup.grid
        edges = build(self.setup.detector.calorimeters.ecal).eta_edges
        outer = edges[np.abs(edges) > grid.eta_max + grid.eta_pitch]
        return np.sort(np.concatenate([outer, grid.eta_edges[::ROWS]]))

    def wanted(self) -> Wanted:
        """The branches that are needed; how much pile-up there is may be missing."""
        required = [f"EFlowTrack.{name}" for name in ("PT", "Eta", "Phi")]
        required += [f"{tower}.{name}" for tower in TOWERS for name in ("ET", "E", "Eta", "Phi", "Edges")]
        required += [f"{jets}.{name}" for jets in self.jets for name in ("PT", "Eta", "Phi", "Mass")]
        baseline = self.jets[-1]
        optional: dict[str, tuple[str, ...]] = {name: (name,) for name in (*ACTIVITIES, f"{baseline}.SoftDroppedMass")}
        optional[f"{baseline}.SoftDroppedJet"] = (f"{baseline}.SoftDroppedJet",)
        return Wanted((*required, f"{baseline}.Tau"), optional)

    def read(self, path: Path, stop: int | None = None) -> Iterator[Observed]:
        """The events of a file, chunk by chunk, or the first `stop`.

        Raises:
            BadFile: the file cannot be read to its end, lacks branches or is of another detector.
        """
        check_header(path)
        file = DelphesFile(path, self.wanted())
        done = 0
        try:
            for chunk in file.chunks() if stop is None else [file.head(stop)]:
                yield self.observe(chunk)
                done += len(chunk["EFlowTrack.PT"].offsets) - 1
        except CellError as error:
            raise wrong_geometry(file, error.calorimeter, self.setup.detector, error) from error
        except RasterError as error:
            raise BadFile(path, "unreadable", f"after entry {done}: {error}", file.n_events) from error
        finally:
            file.close()

    def observe(self, chunk: Chunk) -> Observed:
        """The events of a chunk."""
        activity, vertices = _pileup(chunk)
        matched = response(*(_jet(chunk, name) for name in self.jets[-2:]))
        spectra = self._spectra(chunk)
        spectra["jet response"] = matched[1]
        return Observed(
            numbers=self._numbers(chunk),
            spectra=spectra,
            rings={name: self._ring(chunk, name) for name in ("EFlowTrack.PT", *(f"{t}.E" for t in TOWERS))},
            response=(matched[0].content, matched[1].content),
            activity=activity,
            vertices=vertices,
        )

    def _numbers(self, chunk: Chunk) -> dict[str, Floats]:
        objects = {"tracks": "EFlowTrack.PT", "photons": "EFlowPhoton.ET", "neutral hadrons": "EFlowNeutralHadron.ET"}
        found = {name: _counts(chunk[branch]) for name, branch in objects.items()}
        found |= {f"sum of {branch}": _sums(chunk[branch]) for branch in objects.values()}
        found |= {f"sum of {tower}.E": _sums(chunk[f"{tower}.E"]) for tower in TOWERS}
        found |= {name: _counts(chunk[f"{name}.PT"]) for name in self.jets}
        found |= {f"sum of {name}.PT": _sums(chunk[f"{name}.PT"]) for name in self.jets}
        for name, hits in images(chunk, self.setup, Tally()).items():
            values = Jagged(hits.indptr, hits.value)
            found |= {f"{name} pixels": _counts(values), f"{name} image sum": _sums(values)}
        return found

    def _spectra(self, chunk: Chunk) -> dict[str, Jagged]:
        collections = {"EFlowTrack": ("PT",), **dict.fromkeys(TOWERS, ("ET", "E"))}
        collections |= dict.fromkeys(self.jets, ("PT", "Mass"))
        found = {
            f"{branch}.{name}": chunk[f"{branch}.{name}"]
            for branch, own in collections.items()
            for name in (*own, "Eta", "Phi")
        }
        baseline = self.jets[-1]
        offsets = chunk[f"{baseline}.PT"].offsets
        if (mass := _soft_drop(chunk, baseline)) is not None:
            found[f"{baseline}.SoftDroppedMass"] = Jagged(offsets, mass)
        tau = chunk[f"{baseline}.Tau"].content.reshape(-1, N_TAU).astype(np.float64)
        found[f"{baseline}.tau1"] = Jagged(offsets, tau[:, 0])
        for k in (1, 2):
            ratio = np.divide(tau[:, k], tau[:, k - 1], out=np.zeros(len(tau)), where=tau[:, k - 1] > 0)
            found[f"{baseline}.tau{k + 1}{k}"] = Jagged(offsets, ratio)
        return found

    def _ring(self, chunk: Chunk, branch: str) -> Floats:
        values, eta = chunk[branch], chunk[f"{branch.partition('.')[0]}.Eta"].content
        return by_event(Jagged(values.offsets, eta), self.ring_edges, values.content)


Jet = tuple[Jagged, NDArray[np.float32], NDArray[np.float32]]


def _jet(chunk: Chunk, name: str) -> Jet:
    return chunk[f"{name}.PT"], chunk[f"{name}.Eta"].content, chunk[f"{name}.Phi"].content


def response(generated: Jet, measured: Jet) -> tuple[Jagged, Jagged]:
    """The pt of generator jets that are matched, and the matching jets' pt over it.

    A pair is matched if each is the other's nearest, closer than MATCH, round the seam of phi.

    Args:
        generated, measured: pt (GeV) event by event, eta, phi.
    """
    pts, ratios, counts = [], [], []
    bounds = zip(*(side[0].offsets for side in (generated, measured)), strict=True)
    begin = next(bounds)
    for end in bounds:
        g, m = (slice(*pair) for pair in zip(begin, end, strict=True))
        begin = end
        pt, its_pt = generated[0].content[g], measured[0].content[m]
        i, j = _pairs(generated[1][g], generated[2][g], measured[1][m], measured[2][m])
        hard = pt[i] > MATCH_PT
        pts.append(pt[i][hard])
        ratios.append(its_pt[j][hard].astype(np.float64) / pt[i][hard])
        counts.append(np.count_nonzero(hard))
    offsets = np.cumsum([0, *counts])
    return Jagged(offsets, np.concatenate([np.empty(0), *pts])), Jagged(offsets, np.concatenate([np.empty(0), *ratios]))


def _pairs(
    eta: NDArray[np.float32], phi: NDArray[np.float32], its_eta: NDArray[np.float32], its_phi: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not len(eta) or not len(its_eta):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    distance = delta_r(eta[:, None], phi[:, None], its_eta[None], its_phi[None])
    nearest = distance.argmin(axis=1)
    mine = np.arange(len(eta))
    mutual = (distance.argmin(axis=0)[nearest] == mine) & (distance[mine, nearest] < MATCH)
    return mine[mutual], nearest[mutual]


def event_of(values: Jagged) -> NDArray[np.int64]:
    """The number of the event that each value belongs to."""
    return np.repeat(np.arange(len(values.offsets) - 1), np.diff(values.offsets))


def by_event(values: Jagged, edges: Floats, weights: NDArray[np.floating] | None = None) -> NDArray[Any]:
    """A histogram of each event: the number of its values in each bin, or the sum of their weights.

    A bin holds its lower edge and not its upper one. Edges may be equal, with an empty bin between them: `hist`, which
    would count the rest as fast, refuses such axes.

    Args:
        values: of the events.
        edges: of the bins, not descending.
        weights: of each value; 1 if None.

    Returns:
        (n_events, n_bins), int64, or float64 with weights.
    """
    n, bins = len(values.offsets) - 1, len(edges) - 1
    index = np.searchsorted(edges, values.content, side="right") - 1
    inside = (index >= 0) & (index < bins)
    chosen = None if weights is None else weights[inside]
    return np.bincount(event_of(values)[inside] * bins + index[inside], chosen, n * bins).reshape(n, bins)


def _counts(values: Jagged) -> Floats:
    return np.diff(values.offsets).astype(np.float64)


def _sums(values: Jagged) -> Floats:
    sums = np.bincount(event_of(values), weights=values.content, minlength=len(values.offsets) - 1)
    return sums.astype(np.float64)


def _soft_drop(chunk: Chunk, jets: str) -> Floats | None:
    """Masses of the soft-dropped jets: real Delphes has their four-momenta (px, py, pz, E)."""
    if (mass := chunk.get(f"{jets}.SoftDroppedMass")) is not None:
        return mass.content.astype(np.float64)
    if (four := chunk.get(f"{jets}.SoftDroppedJet")) is None:
        return None
    momentum = four.content.astype(np.float64)
    return np.asarray(np.sqrt(np.maximum(momentum[:, 3] ** 2 - (momentum[:, :3] ** 2).sum(axis=1), 0.0)))


def _pileup(chunk: Chunk) -> tuple[Floats | None, Floats]:
    """Charged particles of all soft collisions of each event, and of each of them."""
    name = next((name for name in ACTIVITIES if name in chunk), None)
    if name is None:
        return None, np.empty(0)
    column = chunk[name]
    events = np.split(column.content.astype(np.float64), column.offsets[1:-1])
    # The hard collision comes first, and has the smallest of the cumulated numbers.
    if ACTIVITIES[name] == "cumulated":
        soft = [np.diff(np.sort(event)) for event in events]
    else:
        soft = [event[1:] for event in events]
    return np.array([event.sum() for event in soft]), np.concatenate(soft)
