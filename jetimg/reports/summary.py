"""A data set at a glance: what was asked for, what is there, where the rest went, how its jets look."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group

from detector.geometry.grid import Grid
from jetimg.common.atomic import write_text
from jetimg.common.errors import DataError
from jetimg.common.tables import Sheet
from jetimg.dataset import manifest
from jetimg.dataset.plan import SPLITS
from jetimg.event_file.store import Reader
from jetimg.reports import counts

FILES = ("summary.json", "summary.md", "distributions.png", "boxes_per_image.png")


@dataclass(frozen=True)
class Published:
    """A row of the table in the status report of October 2019 (seed 000); pt in GeV."""

    images: int
    jets: int
    mean: float
    min_pt: float | None


OCTOBER_2019 = {
    "bb": Published(769_973, 3_738_320, 4.86, 20.9),
    "tt": Published(940_000, 1_945_845, 2.07, 432.7),
    "hh": Published(990_000, 2_111_569, 2.13, 312.4),
    "WW": Published(911_000, 2_056_696, 2.26, 201.0),
    "tth": Published(770_000, 4_165_924, 5.41, None),
}


@dataclass(frozen=True)
class SampleSummary:
    """One sample.

    Attributes:
        name: of the sample.
        asked: events asked for, or more where files hold more.
        present: events in good files.
        of_split: events of each split, counted in the shards.
        listed: the same, as the manifest has it.
        explained: events that are not here, by the verdict on their file.
        jets: jets in the shards.
        min_pt: of them, GeV; None without jets.
        files_ok, files_bad: input files.
        silent: bad files of which nobody knows how many events they should hold.
    """

    name: str
    asked: int
    present: int
    of_split: dict[str, int]
    listed: dict[str, int]
    explained: dict[str, int]
    jets: int
    min_pt: float | None
    files_ok: int
    files_bad: int
    silent: int

    @property
    def images(self) -> int:
        """Events in the shards."""
        return sum(self.of_split.values())

    @property
    def mean(self) -> float | None:
        """Jets an image; None without images."""
        return self.jets / self.images if self.images else None

    @property
    def balances(self) -> bool:
        """Whether events in = events out + events explained, and the shards hold what the manifest lists."""
        return self.asked == self.images + sum(self.explained.values()) and self.of_split == self.listed

    def account(self) -> str:
        """Where the events went, in words."""
        out = ", ".join(f"{number:,} {split}" for split, number in self.of_split.items())
        why = ", ".join(f"{number:,} {verdict}" for verdict, number in self.explained.items()) or "no bad file"
        line = f"{self.name}: {self.asked:,} events in = {self.images:,} out ({out})"
        line += f" + {sum(self.explained.values()):,} explained ({why}): "
        if self.balances:
            line += "balances"
        else:
            missing = self.asked - self.images - sum(self.explained.values())
            line += f"DOES NOT BALANCE: {missing:,} events without a reason"
            if self.of_split != self.listed:
                line += f"; the manifest lists {', '.join(f'{n:,} {split}' for split, n in self.listed.items())}"
        if self.silent == 1:
            line += " (1 bad file does not say how many events it should hold)"
        elif self.silent:
            line += f" ({self.silent:,} bad files do not say how many events they should hold)"
        return line


@dataclass(frozen=True)
class ClassJets:
    """The jets of one class in one split; pt in GeV."""

    name: str
    split: str
    jets: int
    min_pt: float
    median_pt: float
    max_pt: float
    mean_abs_eta: float
    max_abs_eta: float


@dataclass(frozen=True)
class Summary:
    """The summary of a data set; all counts are of events and jets, without weights.

    Attributes:
        name: of the data set's folder.
        n_shards, n_bytes: its shards, and their size.
        samples: in the manifest's order.
        classes: by class, then split, where there are jets.
        counted: the histograms, for `jetimg.reports.distributions`.
        class_names: by class_id.
        truth: what a jet is in this data set, in words.
        beside_2019: whether its jets are made as those of October 2019 were, so that their table stands beside ours.
    """

    name: str
    n_shards: int
    n_bytes: int
    samples: tuple[SampleSummary, ...]
    classes: tuple[ClassJets, ...]
    counted: counts.Census
    class_names: tuple[str, ...]
    truth: str
    beside_2019: bool

    @property
    def balances(self) -> bool:
        """Whether every event is accounted for."""
        return all(sample.balances for sample in self.samples)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        samples = [
            asdict(sample)
            | {"images": sample.images, "mean": sample.mean, "balances": sample.balances}
            | {"october_2019": asdict(then) if (then := self.published(sample.name)) else None}
            for sample in self.samples
        ]
        shards = {"name": self.name, "n_shards": self.n_shards, "n_bytes": self.n_bytes, "balances": self.balances}
        return shards | {"samples": samples, "classes": [asdict(row) for row in self.classes]}

    def table(self) -> Group:
        """For the terminal."""
        return Group(*self._sheets(), "Accounting", *self._account())

    def markdown(self) -> str:
        """As a page, with its pictures beside it."""
        account = "\n".join(f"- {line}" for line in self._account())
        pictures = "\n".join(f"![{name.removesuffix('.png')}]({name})\n" for name in FILES if name.endswith(".png"))
        command = f"Made by `jetimg summary` from the data set `{self.name}`; all counts are unweighted."
        tables = "\n".join(sheet.markdown() for sheet in self._sheets())
        return f"# Summary\n\n{command}\n\n{tables}\n## Accounting\n\n{account}\n\n## Distributions\n\n{pictures}"

    def _sheets(self) -> tuple[Sheet, ...]:
        return _events_sheet(self), _images_sheet(self), _classes_sheet(self)

    def published(self, sample: str) -> Published | None:
        """The row of 2019 that stands beside a sample's."""
        return OCTOBER_2019.get(sample) if self.beside_2019 else None

    def _account(self) -> list[str]:
        lines = [sample.account() for sample in self.samples]
        verdict = "every event is accounted for" if self.balances else "EVENTS ARE MISSING WITHOUT A REASON"
        return [*lines, f"All samples: {verdict}."]


def summarize(folder: Path, progress: Callable[[int], None] = lambda _: None) -> Summary:
    """Summarizes a finished data set: its manifest, and the events and jets of its shards, without hits.

    Args:
        folder: the data set.
        progress: called with the number of events done since its last call.

    Raises:
        DataError: no manifest, no shards, or a shard that is missing or damaged.
    """
    contents = manifest.read(folder)
    shards = [folder / shard.name for shard in contents.shards]
    if not shards:
        raise DataError(f"{folder}: its {manifest.NAME} lists no shards")
    with Reader(shards[0]) as reader:
        grid = Grid(reader.attributes["eta_pitch"], *reader.attributes["image_shape"])
    counted = counts.count(shards, grid, progress)
    return Summary(
        name=folder.resolve().name,
        n_shards=len(shards),
        n_bytes=sum(shard.bytes for shard in contents.shards),
        samples=tuple(_sample(name, contents, counted.images[name]) for name in contents.samples),
        classes=tuple(_class_rows(contents.class_names, counted)),
        counted=counted,
        class_names=tuple(contents.class_names),
        truth=f"Jets: truth {contents.config['truth']}, nested {contents.config['nested']}, as set for this data set.",
        beside_2019=contents.config["truth"] == "genjet",
    )


def write(summary: Summary, output: Path) -> list[Path]:
    """Writes the summary into a folder as JSON, as markdown and as pictures; each file appears complete.

    Returns:
        The files.

    Raises:
        DataError: a file cannot be written.
    """
    from jetimg.plotting import figures
    from jetimg.reports import distributions

    paths = [output / name for name in FILES]
    write_text(paths[0], json.dumps(summary.as_dict(), indent=1) + "\n")
    write_text(paths[1], summary.markdown())
    figures.save(distributions.jets(summary.counted, summary.class_names), paths[2])
    figures.save(distributions.boxes_per_image(summary.counted), paths[3])
    return paths


def _sample(name: str, contents: manifest.Manifest, images: counts.ImageCounts) -> SampleSummary:
    inputs = [file for file in contents.inputs if file.sample == name]
    account = manifest.account(inputs)
    explained: Counter[str] = Counter()
    for file in inputs:
        if not file.ok:
            explained[file.verdict] += max(file.entries, file.expected or 0)
    return SampleSummary(
        name=name,
        asked=account["asked"],
        present=account["present"],
        of_split=images.of_split,
        listed={split: account[split] for split in SPLITS},
        explained=dict(explained),
        jets=images.jets,
        min_pt=images.min_pt,
        files_ok=sum(file.ok for file in inputs),
        files_bad=sum(not file.ok for file in inputs),
        silent=sum(not file.ok and file.entries == 0 and file.expected is None for file in inputs),
    )


def _class_rows(class_names: list[str], counted: counts.Census) -> list[ClassJets]:
    rows = []
    for name in class_names:
        for split in SPLITS:
            if (name, split) not in counted.jets:
                continue
            jets = counted.jets[name, split]
            pt = jets.all_pt()
            rows.append(
                ClassJets(
                    name=name,
                    split=split,
                    jets=len(pt),
                    min_pt=float(pt.min()),
                    median_pt=float(np.median(pt)),
                    max_pt=float(pt.max()),
                    mean_abs_eta=jets.eta_sum / len(pt),
                    max_abs_eta=jets.eta_max,
                )
            )
    return rows


def _events_sheet(summary: Summary) -> Sheet:
    columns = ("sample", "asked", "present", *SPLITS, "files ok", "files bad")
    counts = [
        (s.asked, s.present, *(s.of_split[split] for split in SPLITS), s.files_ok, s.files_bad) for s in summary.samples
    ]
    rows = [(s.name, *row) for s, row in zip(summary.samples, counts, strict=True)]
    return Sheet("Events and files", columns, [*rows, ("all", *(sum(column) for column in zip(*counts, strict=True)))])


def _images_sheet(summary: Summary) -> Sheet:
    """Images and jets; in truth mode genjet beside the table of October 2019."""
    if not summary.beside_2019:
        of_sample = [
            (s.name, s.images, s.jets, None if s.mean is None else f"{s.mean:.2f}", s.min_pt) for s in summary.samples
        ]
        return Sheet(
            "Images and jets", ("sample", "images", "jets", "jets/image", "min pt [GeV]"), of_sample, summary.truth
        )
    columns = ("sample", "images", "2019", "jets", "2019", "jets/image", "2019", "min pt [GeV]", "2019")
    rows = []
    for s in summary.samples:
        then = summary.published(s.name)
        published = (then.images, then.jets, then.mean, then.min_pt) if then else (None,) * 4
        mean = None if s.mean is None else f"{s.mean:.2f}"
        ours = (s.images, s.jets, mean, s.min_pt)
        rows.append((s.name, *(value for pair in zip(ours, published, strict=True) for value in pair)))
    return Sheet("Images and jets, beside the table of October 2019", columns, rows, summary.truth)


def _classes_sheet(summary: Summary) -> Sheet:
    columns = ("class", "split ", "jets", "min pt [GeV]", "median pt", "max pt", "mean |eta|", "max |eta|")
    rows = [tuple(asdict(row).values()) for row in summary.classes]
    return Sheet("Jets of each class and split", columns, rows)
