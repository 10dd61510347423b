"""Commands from Delphes files to a verified data set.

What a command needs is imported when it runs, so that each starts at once.
"""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from jetimg.cli import options, outputs
from jetimg.cli.options import (
    AsJson,
    Bits,
    DetectorFile,
    Files,
    Hcal,
    KeepGoing,
    Nested,
    Output,
    SettingsFile,
    Source,
    Truth,
    console,
)
from jetimg.common.errors import DataError

# Part of the command `jetimg` itself (jetimg/cli/main.py).
app = typer.Typer()

Expect = Annotated[int | None, typer.Option(min=0, help="Events that each file should hold.")]


@app.command()
def check(
    files: Files,
    expect: Expect = None,
    as_json: AsJson = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for the verdicts, as JSON.")] = None,
    keep_going: KeepGoing = False,
    settings: SettingsFile = None,
    source: Source = None,
    detector: DetectorFile = None,
) -> None:
    """A verdict for every Delphes file; exit code 0 only if all are ok."""
    from detector.common.progress import bar
    from jetimg.imaging.verdicts import check as check_file

    described, images = options.description(detector), options.image_settings(settings, source=source)
    paths, verdicts = options.expand(files), []
    outputs.check_output(output, outputs.JSON, paths)
    with bar("checking files", len(paths)) as progress:
        for path in paths:
            verdicts.append(check_file(path, described, images, expect))
            progress(1)
    if output is not None or as_json:
        options.save_or_print([verdict.as_dict() for verdict in verdicts], output)
    if not as_json:
        for verdict in verdicts:
            line = f"{verdict.verdict:<16} {verdict.entries:>8} events  {verdict.path}"
            console.print(f"{line}: {verdict.reason}" if verdict.reason else line, markup=False, soft_wrap=True)
        if output is not None:
            console.print(f"{output}: the verdicts, as JSON", soft_wrap=True)
    if not (keep_going or all(verdict.ok for verdict in verdicts)):
        raise typer.Exit(1)


@app.command()
def convert(
    files: Files,
    output: Output,
    sample: Annotated[str, typer.Option(help="Name of the physics sample.")] = "events",
    expect: Expect = None,
    keep_going: KeepGoing = False,
    settings: SettingsFile = None,
    source: Source = None,
    hcal: Hcal = None,
    truth: Truth = None,
    nested: Nested = None,
    value_bits: Bits = None,
    detector: DetectorFile = None,
) -> None:
    """Delphes files to one event file: images, boxes, baseline jets, in the files' order."""
    from detector.common.memory import keep_freed
    from detector.common.progress import bar
    from jetimg.imaging.channels import Setup
    from jetimg.imaging.convert import DelphesInputs
    from jetimg.imaging.convert import convert as convert_files
    from jetimg.imaging.delphes_reader import n_events_of

    chosen = {"source": source, "hcal": hcal, "truth": truth, "nested": nested, "value_bits": value_bits}
    keep_freed()
    setup = Setup(options.description(detector), options.image_settings(settings, **chosen))
    paths = options.expand(files)
    outputs.check_output(output, outputs.EVENTS, paths)
    options.check_sample(sample)
    with bar(f"converting {sample}", lambda: n_events_of(paths)) as progress:
        rows = convert_files(DelphesInputs(paths, sample, expect), output, setup, progress)
    bad = [row for row in rows if row.verdict != "ok"]
    events = sum(row.entries for row in rows if row.verdict == "ok")
    counted = f"{events} events of {len(rows) - len(bad)} files, {len(bad)} bad files"
    look = f"; look: jetimg show {output} --output event.png" if events else ""
    console.print(f"{output}: {counted}{look}", soft_wrap=True)
    for row in bad:
        console.print(f"{row.name}: {row.verdict}: {row.reason}", markup=False, soft_wrap=True)
    if bad and not keep_going:
        raise typer.Exit(1)


@app.command()
def plan(
    event_files: Files,
    output: Output,
    seed: Annotated[int | None, typer.Option(help="Seed of split and shuffle.")] = None,
    validation_fraction: Annotated[float | None, typer.Option(help="Share of training events held back.")] = None,
    test_fraction: Annotated[
        float | None, typer.Option(help="Share of training events held out as a test set, `heldout`.")
    ] = None,
    events_per_shard: Annotated[int | None, typer.Option(help="Events in each shard.")] = None,
    block: Annotated[int | None, typer.Option(help="Neighbouring events that stay in one shard.")] = None,
    test: Annotated[list[str] | None, typer.Option(help="A sample whose events are for testing.")] = None,
    splits: Annotated[
        Path | None,
        typer.Option(help="Text file, FILE and its split on a line with a tab between: all of its events go there."),
    ] = None,
    expect: Annotated[list[str] | None, typer.Option(help="SAMPLE=N: events asked for in each of its files.")] = None,
    bad_files: Annotated[str | None, typer.Option(help="fail or skip.")] = None,
    max_bad_share: Annotated[
        float | None, typer.Option(help="With skip: maximum share of bad files in a sample.")
    ] = None,
) -> None:
    """Which event goes into which shard, and whether the bad files allow a data set at all.

    What is not given has the defaults of the configuration's `sharding` and `policy`.
    """
    from detector.common.progress import bar
    from jetimg.common.atomic import write_text
    from jetimg.common.sealed_json import sealed
    from jetimg.dataset import plan as planning
    from jetimg.dataset import policy

    fractions = {"validation_fraction": validation_fraction, "test_fraction": test_fraction}
    cutting = {"seed": seed, "events_per_shard": events_per_shard, "block": block}
    sharding = options.chosen(planning.Sharding, fractions | cutting)
    rules = options.chosen(policy.Policy, {"bad_files": bad_files, "max_bad_share": max_bad_share})
    by_file = _splits(splits) if splits else None
    paths, expected = options.expand(event_files), _expected(expect or [])
    outputs.check_output(output, outputs.JSON, paths)
    with bar("planning event files", len(paths)) as progress:
        made = planning.make(paths, sharding, test or [], expected, by_file, progress)
    policy.apply(rules, made.sources)
    write_text(output, sealed(made.model_dump(mode="json")))
    console.print(policy.table(made.sources), markup=False, highlight=False, soft_wrap=True)
    names = list(made.shards())
    make = f"; make each: jetimg shard {output} --output DIR/{names[0]}" if names else ""
    console.print(f"{output}: {len(names)} shards of {sharding.events_per_shard} events{make}", soft_wrap=True)


def _splits(path: Path) -> dict[str, str]:
    """Files and their splits, a line each."""
    try:
        rows = [line.split("\t") for line in path.read_text().splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--splits {path}: {getattr(error, 'strerror', None) or error}") from error
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise typer.BadParameter(f"--splits {path}: line {number} is not a file, a tab and a split")
    return {row[0]: row[1] for row in rows}


def _expected(pairs: list[str]) -> dict[str, int]:
    expected = {}
    for pair in pairs:
        sample, _, number = pair.partition("=")
        if not number.isdecimal():
            raise typer.BadParameter(f"--expect {pair}: SAMPLE=N")
        expected[sample] = int(number)
    return expected


@app.command()
def shard(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan made by `plan`.", dir_okay=False)],
    output: Output,
    name: Annotated[str | None, typer.Option(help="Shard to make; the output's name if not given.")] = None,
) -> None:
    """One shard of a plan: its events, gathered and shuffled."""
    from detector.common.progress import bar
    from jetimg.dataset import plan as planning
    from jetimg.dataset.shard import make

    made = planning.read(plan_file)
    outputs.check_output(output, outputs.SHARDS, [Path(source.path) for source in made.sources])
    wanted = name or output.name
    with bar(f"shard {wanted}", made.shards().get(wanted)) as progress:
        n_events = make(made, wanted, output, progress)
    console.print(f"{output}: {n_events} events; look: jetimg inspect {output}", soft_wrap=True)


@app.command()
def manifest(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan made by `plan`.", dir_okay=False)],
    folder: Annotated[Path, typer.Argument(help="Folder with all shards of the plan.", file_okay=False)],
    remove_others: Annotated[bool, typer.Option("--remove-others", help="Remove shards of an older plan.")] = False,
) -> None:
    """Writes the data set's manifest: shards, checksums, inputs, and where every event went."""
    from detector.common.progress import bar
    from jetimg.dataset import manifest as manifests
    from jetimg.dataset import plan as planning

    made = planning.read(plan_file)
    with bar(f"manifest of {folder}", lambda: sum(made.shards().values())) as progress:
        contents = manifests.make(made, folder, progress)
    if remove_others:
        manifests.remove_others(contents, folder)
    counts = manifests.account(contents.inputs)
    text = ", ".join(f"{number} {name}" for name, number in counts.items())
    what = f"{len(contents.shards)} shards; events: {text}; prove it: jetimg verify {folder}"
    console.print(f"{folder / manifests.NAME}: {what}", soft_wrap=True)


@app.command()
def verify(path: Annotated[Path, typer.Argument(help="A data set's folder, or one event file.")]) -> None:
    """Proves layout, invariants, checksums, and that no event is lost or in two splits."""
    from detector.common.progress import bar
    from jetimg.dataset import parts
    from jetimg.dataset.verify import verify as verify_path

    def total() -> int | None:
        with suppress(DataError):  # what is wrong is in the report
            return parts.n_events(path)
        return None

    with bar(f"verifying {path}", total) as progress:
        report = verify_path(path, progress)
    if report.faults:
        options.fail("\n".join([*report.faults, f"{path}: {len(report.faults)} faults"]))
    console.print(f"{path}: {report.n_files} files, {report.n_events} events, no faults", soft_wrap=True)
