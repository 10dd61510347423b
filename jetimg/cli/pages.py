"""Commands that write pages to look at in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from jetimg.cli import outputs
from jetimg.cli.options import Output, console

# Part of the command `jetimg` itself (jetimg/cli/main.py).
app = typer.Typer()


@app.command()
def view(
    paths: Annotated[
        list[Path], typer.Argument(metavar="DATASET|FILE...", help="A data set's folder, event files, or shards.")
    ],
    output: Output,
    events: Annotated[int, typer.Option(min=1, max=5000, help="Events to show, at most; evenly of each sample.")] = 200,
    detections: Annotated[
        list[Path] | None,
        typer.Option(help="HDF5 file of detections in these files; only their events are shown. Repeatable."),
    ] = None,
    sample: Annotated[list[str] | None, typer.Option(help="Only events of this sample; repeatable.")] = None,
    split: Annotated[list[str] | None, typer.Option(help="Only events of this split; repeatable.")] = None,
) -> None:
    """An event viewer: one HTML file, to open in any browser, without a server or the network."""
    from detector.common.progress import bar
    from jetimg.common.tables import size
    from jetimg.pages import chosen_events, viewer

    outputs.check_output(output, outputs.PAGES)
    choice = chosen_events.Choice(events, tuple(sample or ()), tuple(split or ()))
    with bar("choosing events from files", lambda: len(chosen_events.event_files(paths))) as progress:
        n_events = viewer.write(paths, output, choice, detections or [], progress)
    console.print(f"{output}: {n_events} events, {size(output.stat().st_size)}; open it in a browser", soft_wrap=True)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A campaign's results, such as results/demo.", file_okay=False)],
    output: Output,
) -> None:
    """All tables and pictures of a campaign in one HTML file, each with the command that makes it again."""
    from jetimg.common.tables import size
    from jetimg.pages import report as reports

    outputs.check_output(output, outputs.PAGES)
    sections = reports.write(folder, output)
    titles = ", ".join(title.lower() for title in sections)
    console.print(f"{output}: {titles}; {size(output.stat().st_size)}; open it in a browser", soft_wrap=True)
