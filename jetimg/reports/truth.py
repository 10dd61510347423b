"""What the truth modes label in Delphes files: how many, how pure, and what is left out and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.geometry.angles import delta_r
from jetimg.common.errors import BadFile
from jetimg.common.tables import Sheet
from jetimg.imaging.channels import Setup
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, Wanted, wanted
from jetimg.imaging.jet_labels import LABELLED, OUTCOMES, Labels, TruthCounts
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.truth_jets import jets

MODES = ("jets", "status", "genjet")

# A label further than this from every generator jet has none behind it; another number for "on the axis".
BEHIND, ON_AXIS = 0.4, 0.05


@dataclass
class ClassLabels:
    """The labels of one class in one mode.

    Attributes:
        pt: of each, GeV.
        away: of each, the distance to the nearest generator jet; infinite in an event without.
        contained: of each, the share of its decay quarks near its axis; -1 where unknown.
    """

    pt: list[NDArray[np.float32]] = field(default_factory=list)
    away: list[NDArray[np.float64]] = field(default_factory=list)
    contained: list[NDArray[np.float32]] = field(default_factory=list)

    def as_dict(self, n_events: int) -> dict[str, Any]:
        """The numbers of the table."""
        pt, away, contained = (np.concatenate(part) if part else np.zeros(0) for part in vars(self).values())
        n = len(pt)
        known = contained[contained >= 0]
        return {
            "labels": n,
            "an_event": n / n_events if n_events else None,
            "all_quarks_contained": float((known == 1).mean()) if len(known) else None,
            "on_a_jets_axis": float((away < ON_AXIS).mean()) if n else None,
            "without_a_jet": float((away >= BEHIND).mean()) if n else None,
            "min_pt": float(pt.min()) if n else None,
            "median_pt": float(np.median(pt)) if n else None,
            "max_pt": float(pt.max()) if n else None,
        }


@dataclass
class ModeLabels:
    """All labels of a sample in one mode, and what became of the candidates."""

    classes: dict[str, ClassLabels] = field(default_factory=dict)
    outcomes: TruthCounts = field(default_factory=TruthCounts)


@dataclass
class SampleTruth:
    """One sample.

    Attributes:
        n_events: read.
        modes: by name.
        bad_files: path, verdict, reason.
    """

    n_events: int = 0
    modes: dict[str, ModeLabels] = field(default_factory=lambda: {mode: ModeLabels() for mode in MODES})
    bad_files: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class TruthReport:
    """Truth by sample; `settings` are those of mode jets."""

    samples: dict[str, SampleTruth]
    settings: ImageSettings

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "samples": dict(map(_sample_dict, self.samples.items())),
        }

    def sheets(self) -> list[Sheet]:
        """The tables."""
        made = [_labels_sheet(name, sample) for name, sample in self.samples.items()]
        made += [_outcomes_sheet(name, sample) for name, sample in self.samples.items()]
        bad = [row for sample in self.samples.values() for row in sample.bad_files]
        return [*made, *([Sheet("Files that were not read", ["file", "verdict ", "reason "], bad)] if bad else [])]


def by_mode(settings: ImageSettings) -> dict[str, ImageSettings]:
    """The settings of each mode; what is nested is labelled as the mode's own default has it."""
    common = settings.model_dump(exclude={"truth", "nested"})
    return {mode: ImageSettings.model_validate(common | {"truth": mode}) for mode in MODES}


def report(
    files: Mapping[str, Sequence[Path]], setup: Setup, progress: Callable[[int], None] = lambda _: None
) -> TruthReport:
    """Labels the events of Delphes files in each mode; hits are not read.

    Args:
        files: by sample.
        setup: detector and settings.
        progress: called with the number of files done since its last call.
    """
    settings = by_mode(setup.settings)
    samples = {name: SampleTruth() for name in files}
    for name, paths in files.items():
        for path in paths:
            try:
                _add_file(samples[name], path, setup, settings, name)
            except BadFile as fault:
                samples[name].bad_files.append((str(path), fault.verdict, fault.reason))
            progress(1)
    return TruthReport(samples, settings["jets"])


def _add_file(sample: SampleTruth, path: Path, setup: Setup, settings: dict[str, ImageSettings], name: str) -> None:
    want = wanted(settings["jets"])
    needed = tuple(name for name in want.required if not name.startswith(("EFlow", "Tower")))
    large = want.optional["large generator jets"]
    file = DelphesFile(path, Wanted(needed, {"large": large}))
    try:
        for chunk in file.chunks():
            for mode, chosen in settings.items():
                found = jets(chunk, setup.grid, chosen, sample.modes[mode].outcomes, name)
                _add(sample.modes[mode], found, nearest_jet(chunk, found, chosen), list(chosen.classes))
            sample.n_events += len(chunk["Particle.PID"].offsets) - 1
    finally:
        file.close()


def nearest_jet(chunk: Chunk, found: Labels, settings: ImageSettings) -> NDArray[np.float64]:
    """The distance of each label's axis to the nearest generator jet of its event, of either size."""
    away = np.full(len(found.pt), np.inf)
    for branch in (settings.genjet, settings.merged_genjet):
        if f"{branch}.PT" not in chunk:
            continue
        offsets, eta, phi = (
            chunk[f"{branch}.PT"].offsets,
            chunk[f"{branch}.Eta"].content,
            chunk[f"{branch}.Phi"].content,
        )
        for event in range(len(offsets) - 1):
            mine, theirs = slice(*found.indptr[event : event + 2]), slice(*offsets[event : event + 2])
            distance = delta_r(found.eta[mine, None], found.phi[mine, None], eta[theirs], phi[theirs])
            away[mine] = np.minimum(away[mine], distance.min(axis=1, initial=np.inf))
    return away


def _add(mode: ModeLabels, found: Labels, away: NDArray[np.float64], names: list[str]) -> None:
    for class_id, name in enumerate(names):
        mine = found.class_id == class_id
        labels = mode.classes.setdefault(name, ClassLabels())
        labels.pt.append(found.pt[mine])
        labels.away.append(away[mine])
        labels.contained.append(found.contained[mine])


def _sample_dict(item: tuple[str, SampleTruth]) -> tuple[str, dict[str, Any]]:
    name, sample = item
    modes = {
        mode: {
            "classes": {kind: labels.as_dict(sample.n_events) for kind, labels in made.classes.items()},
            "outcomes": made.outcomes.as_dict(),
        }
        for mode, made in sample.modes.items()
    }
    return name, {"events": sample.n_events, "modes": modes, "bad_files": sample.bad_files}


def _labels_sheet(name: str, sample: SampleTruth) -> Sheet:
    columns = ["class", "mode ", "labels", "an event", "all quarks", "on axis", "no jet", "min pt", "median pt"]
    rows: list[list[object]] = []
    for mode, made in sample.modes.items():
        for kind, labels in made.classes.items():
            numbers = labels.as_dict(sample.n_events)
            if numbers["labels"]:
                rows.append([kind, mode, *(value for key, value in numbers.items() if key != "max_pt")])
    note = (
        f"{sample.n_events:,} events. all quarks: share of labels with all decay quarks near the axis; on axis: with a "
        f"generator jet within {ON_AXIS}; no jet: with none within {BEHIND}. pt in GeV."
    )
    return Sheet(f"{name}: labels", columns, rows, note)


def _outcomes_sheet(name: str, sample: SampleTruth) -> Sheet:
    counts = sample.modes["jets"].outcomes.as_dict()
    used = [outcome for outcome in OUTCOMES if any(outcome in of_class for of_class in counts.values())]
    rows = [[kind, sum(found.values()), *(found.get(o, 0) for o in used)] for kind, found in counts.items()]
    note = "; ".join(f"{outcome}: {OUTCOMES[outcome]}" for outcome in used if outcome != LABELLED) + "."
    return Sheet(f"{name}: what became of each candidate in mode jets", ["class", "candidates", *used], rows, note)
