"""The truth report's files: tables, JSON, the pt spectra, and one event of each sample in every mode."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from jetimg.common.atomic import write_text
from jetimg.event_file.event import Event
from jetimg.event_file.layout import CHANNELS
from jetimg.imaging.channels import Setup, Tally, images
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, wanted
from jetimg.imaging.truth_jets import jets
from jetimg.plotting import side_by_side
from jetimg.plotting.figures import colour, save
from jetimg.reports.truth import SampleTruth, TruthReport, by_mode

SPECTRUM_BINS = np.geomspace(5, 5000, 31)


def write(found: TruthReport, files: Mapping[str, Sequence[Path]], setup: Setup, event: int, output: Path) -> None:
    """Writes the report into a folder.

    Args:
        found: the report.
        files: of each sample; the first that was read shows an event.
        setup: as for the report.
        event: which event of it.
        output: the folder.

    Raises:
        DataError: a file cannot be written.
        ValueError: a sample has no such event.
    """
    pictures = []
    for name, sample in found.samples.items():
        save(spectra(name, sample), output / f"{name}_pt.png")
        pictures.append(f"{name}_pt.png")
        bad = {path for path, _, _ in sample.bad_files}
        if good := [path for path in files[name] if str(path) not in bad]:
            save(event_in_modes(name, good[0], event, setup), output / f"{name}_event.png")
            pictures.append(f"{name}_event.png")
    tables = "\n".join(sheet.markdown() for sheet in found.sheets())
    shown = "\n".join(f"![{picture.removesuffix('.png')}]({picture})\n" for picture in pictures)
    write_text(output / "truth.json", json.dumps(found.as_dict(), indent=1) + "\n")
    write_text(output / "truth.md", f"# Truth\n\nMade by `jetimg truth-report`.\n\n{tables}\n## Pictures\n\n{shown}")


def spectra(name: str, sample: SampleTruth) -> Figure:
    """The pt of the labels of each class, a panel a mode."""
    figure = Figure(figsize=(5 * len(sample.modes), 4))
    for number, (mode, made) in enumerate(sample.modes.items(), start=1):
        axes = figure.add_subplot(1, len(sample.modes), number)
        for class_id, (kind, labels) in enumerate(made.classes.items()):
            pt = np.concatenate(labels.pt) if labels.pt else np.zeros(0)
            if len(pt):
                axes.hist(
                    pt, list(SPECTRUM_BINS), histtype="step", color=colour(class_id), label=f"{kind} ({len(pt):,})"
                )
        axes.set(xscale="log", xlabel="pt [GeV]", ylabel="labels", title=f"{name}, mode {mode}")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    figure.tight_layout()
    return figure


def event_in_modes(name: str, path: Path, number: int, setup: Setup) -> Figure:
    """One event of a Delphes file with the boxes of each mode.

    Raises:
        ValueError: the file has no such event.
        BadFile: it cannot be read.
    """
    settings = by_mode(setup.settings)
    file = DelphesFile(path, wanted(settings["jets"]))
    try:
        if not 0 <= number < file.n_events:
            raise ValueError(f"{path}: no event {number}: it has {file.n_events}")
        chunk = file.head(number + 1)
    finally:
        file.close()
    hits = images(chunk, setup, Tally())
    channels = {}
    for channel in CHANNELS:
        mine = slice(*hits[channel].indptr[number : number + 2])
        channels[channel] = hits[channel].pixel[mine], hits[channel].value[mine]
    events = {}
    for mode, chosen in settings.items():
        found = jets(chunk, setup.grid, chosen, sample=name)
        mine = slice(*found.indptr[number : number + 2])
        table = {column: rows[mine] for column, rows in vars(found).items() if column != "indptr"}
        about = (name, path.name, number, "all", tuple(chosen.classes), setup.grid)
        events[f"mode {mode}"] = Event(*about, channels=channels, jets=table, baseline={})
    marks = {}
    for branch, marker in ((setup.settings.genjet, "+"), (setup.settings.merged_genjet, "o")):
        if f"{branch}.PT" in chunk:
            marks[branch] = _axes(chunk, branch, number, marker)
    return side_by_side.draw(events, marks)


def _axes(chunk: Chunk, branch: str, number: int, marker: str) -> side_by_side.Axes2D:
    mine = slice(*chunk[f"{branch}.PT"].offsets[number : number + 2])
    eta, phi = (chunk[f"{branch}.{name}"].content[mine] for name in ("Eta", "Phi"))
    return side_by_side.Axes2D(eta, phi, marker)
