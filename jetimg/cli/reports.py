"""Commands that show what files and data sets hold: tables and pictures."""

from pathlib import Path
from typing import Annotated

import typer

from jetimg.cli import options, outputs
from jetimg.cli.options import (
    DetectorFile,
    Files,
    Hcal,
    KeepGoing,
    Output,
    SettingsFile,
    Source,
    console,
)

# Part of the command `jetimg` itself (jetimg/cli/main.py).
app = typer.Typer()


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="An event file, a shard, a Delphes file, or detections (.h5).")],
    settings: SettingsFile = None,
    source: Source = None,
    hcal: Hcal = None,
    detector: DetectorFile = None,
) -> None:
    """A file's content at a glance."""
    from jetimg.imaging.channels import Setup
    from jetimg.reports.inspect import describe

    console.print(
        describe(path, Setup(options.description(detector), options.image_settings(settings, source=source, hcal=hcal)))
    )


@app.command()
def show(
    path: Annotated[Path, typer.Argument(help="An event file or shard, or a data set's folder with --sample.")],
    output: Output,
    event: Annotated[int, typer.Option(min=0, help="Which event; with --sample, which of that sample.")] = 0,
    sample: Annotated[str | None, typer.Option(help="Show an event of this sample of a data set.")] = None,
    detections: Annotated[Path | None, typer.Option(help="HDF5 file of detections, to draw beside the boxes.")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Of the detections that are drawn.")] = 0.3,
) -> None:
    """A picture of one event: three channels and their sum, with boxes."""
    from jetimg.dataset import manifest as manifests
    from jetimg.dataset.find_event import find
    from jetimg.pages.found_jets import in_event
    from jetimg.plotting.event_display import draw

    if path.is_dir() and sample is None:
        names = ", ".join(manifests.read(path).samples)
        raise typer.BadParameter(f"{path}: a data set; say which event with --sample ({names}) and --event NUMBER")
    if path.is_file() and sample is not None:
        raise typer.BadParameter(f"{path}: a file; --sample is for the folder of a data set, give --event NUMBER alone")
    outputs.check_output(output, outputs.PICTURES, [path, detections])
    try:
        file, number = find(path, sample, event) if sample else (path, event)
        found = in_event(detections, file, number, min_score) if detections else None
        draw(file, number, output, found)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    console.print(f"{output}: event {number} of {file}", soft_wrap=True)


@app.command()
def audit(
    files: Files,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for the counts, as JSON.")] = None,
    keep_going: KeepGoing = False,
    detector: DetectorFile = None,
) -> None:
    """Is one crystal one pixel? Counts of shared pixels, by cell edges and by smeared centres."""
    from detector.common.progress import bar
    from jetimg.imaging.channels import Setup
    from jetimg.imaging.delphes_reader import n_events_of
    from jetimg.imaging.settings import ImageSettings
    from jetimg.reports.crystal_audit import audit as audit_files

    paths = options.expand(files)
    outputs.check_output(output, outputs.JSON, paths)
    with bar("auditing", lambda: n_events_of(paths)) as progress:
        found = audit_files(paths, Setup(options.description(detector), ImageSettings()), progress)
    console.print(found.table())
    if output is not None:
        options.save_or_print(found.as_dict(), output)
        console.print(f"{output}: the counts, as JSON", soft_wrap=True)
    bad = [f"{file.path}: {file.verdict}: {file.reason}" for file in found.files if file.verdict != "ok"]
    if bad and not keep_going:
        options.fail("\n".join(bad))


@app.command()
def summary(
    folder: Annotated[Path, typer.Argument(help="A finished data set.", file_okay=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for table, JSON and pictures.")] = None,
) -> None:
    """The table of samples, where every event went, and how the jets look."""
    from detector.common.progress import bar
    from jetimg.dataset import parts
    from jetimg.reports import summary as summaries

    with bar(f"summing up {folder}", lambda: parts.n_events(folder)) as progress:
        found = summaries.summarize(folder, progress)
    console.print(found.table())
    if output is not None:
        summaries.write(found, output)
        console.print(f"{output}: {', '.join(summaries.FILES)}", soft_wrap=True)
    if not found.balances:
        options.fail(f"{folder}: events are lost without a reason; see the table")


@app.command("truth-report")
def truth_report(
    files: Files,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables, JSON and pictures.")],
    sample: Annotated[
        str | None, typer.Option(help="All files are of this sample; else each is told from its name or folder.")
    ] = None,
    event: Annotated[int, typer.Option(min=0, help="Which event of each sample's first file to show.")] = 0,
    settings: SettingsFile = None,
    detector: DetectorFile = None,
) -> None:
    """What each truth mode labels in Delphes files, how pure it is, and what is not labelled and why."""
    from detector.common.progress import bar
    from jetimg.imaging.channels import Setup
    from jetimg.reports import truth, truth_pages

    sets = options.by_sample(files, sample)
    setup = Setup(options.description(detector), options.image_settings(settings))
    with bar("labelling files", sum(map(len, sets.values()))) as progress:
        found = truth.report(sets, setup, progress)
    try:
        truth_pages.write(found, sets, setup, event, output)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    for sheet in found.sheets():
        console.print(sheet)
    if bad := [row for one in found.samples.values() for row in one.bad_files]:
        options.fail("\n".join(f"{path}: {verdict}: {reason}" for path, verdict, reason in bad))
    console.print(f"{output}: tables, JSON and pictures; begin with {output / 'truth.md'}", soft_wrap=True)


@app.command()
def compare(
    files: Files,
    to: Annotated[list[str], typer.Option("--to", help="File, quoted pattern or @LIST of the other set; repeatable.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables, JSON and pictures.")],
    sample: Annotated[
        str | None, typer.Option(help="All files are of this sample; else each is told from its name or folder.")
    ] = None,
    label_a: Annotated[str, typer.Option(help="Name of the first set.")] = "A",
    label_b: Annotated[str, typer.Option(help="Name of the set after --to.")] = "B",
    pool_a: Annotated[int, typer.Option(min=1, help="Soft collisions in the first set's pile-up pool.")] = 4000,
    pool_b: Annotated[int, typer.Option(min=1, help="The same of the other set.")] = 4000,
    permutations: Annotated[int, typer.Option(min=1, help="Permutations of the test.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the permutations.")] = 1,
    max_ratio_difference: Annotated[
        float | None, typer.Option(min=0, help="Exit with 1 if the ratio of a mean is further from 1.")
    ] = None,
    detector: DetectorFile = None,
) -> None:
    """Two sets of Delphes files side by side: means, spectra with p values, energy by ring, jet response."""
    from detector.common.progress import bar
    from jetimg.imaging.channels import Setup
    from jetimg.imaging.settings import ImageSettings
    from jetimg.validation import compare as comparing
    from jetimg.validation import report
    from jetimg.validation.observables import Observer

    sets = options.by_sample(files, sample), options.by_sample(to, sample)
    if odd := sets[0].keys() ^ sets[1].keys():
        raise typer.BadParameter(f"samples in one set alone: {', '.join(sorted(odd))}; or give --sample NAME")
    choices = comparing.Choices((label_a, label_b), (pool_a, pool_b), permutations, seed)
    observer = Observer(Setup(options.description(detector), ImageSettings()))
    with bar("comparing files", sum(len(paths) for files in sets for paths in files.values())) as progress:
        found = comparing.compare(sets, observer, choices, progress)
    report.write(found, output)
    for sheet in report.sheets(found):
        console.print(sheet)
    if max_ratio_difference is not None and (bad := found.offenders(max_ratio_difference)):
        options.fail("\n".join([f"ratios further than {max_ratio_difference:g} from 1:", *bad]))
    console.print(f"{output}: tables, JSON and pictures; begin with {output / 'compare.md'}", soft_wrap=True)
