"""Commands that hand data on: to Zenodo, from Zenodo, to and from the published PF-Jet-SSD layout."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jetimg.cli import options, outputs
from jetimg.cli.options import DetectorFile, Files, Output, console
from jetimg.common.errors import DataError

if TYPE_CHECKING:
    from jetimg.release.metadata import Metadata

# Part of the command `jetimg` itself (jetimg/cli/main.py).
app = typer.Typer()


@app.command("import-reference")
def import_reference(
    files: Files,
    output: Output,
    sample: Annotated[str, typer.Option(help="Name of the physics sample.")] = "reference",
    detector: DetectorFile = None,
) -> None:
    """Files in the published PF-Jet-SSD layout to one event file."""
    from detector.common.progress import bar
    from jetimg.pfjet_format import importer

    inputs = importer.ReferenceInputs(options.expand(files), sample)
    outputs.check_output(output, outputs.EVENTS, inputs.paths)
    with bar(f"importing {sample}", lambda: importer.n_events(inputs)) as progress:
        fixes = importer.import_reference(inputs, output, options.description(detector), progress)
    look = f"jetimg show {output} --output event.png"
    console.print(f"{output}: {len(inputs.paths)} files imported; look: {look}", soft_wrap=True)
    if fixes.repeated or fixes.zero:
        console.print(f"{fixes.repeated} hits added to others of their pixel, {fixes.zero} of value 0 left out")
    for path in fixes.unproved:
        text = "not from `download`, so no md5 of a record to compare with; a flipped bit would not show"
        console.print(f"{path}: {text}", markup=False, soft_wrap=True)
    for name in fixes.unknown:
        console.print(f"{name}: not in the layout, left out", markup=False, soft_wrap=True)


@app.command("export-reference")
def export_reference(
    files: Files,
    output: Output,
    index_type: Annotated[str | None, typer.Option(help="int16, int32, int64 or float32 pixel indices.")] = None,
) -> None:
    """Event files or shards to one file in the published PF-Jet-SSD layout."""
    from detector.common.progress import bar
    from jetimg.pfjet_format import exporter

    if index_type not in (None, *exporter.INDEX_DTYPES):
        raise typer.BadParameter(f"--index-type {index_type}: one of {', '.join(exporter.INDEX_DTYPES)}")
    paths = options.expand(files)
    outputs.check_output(output, outputs.REFERENCE, paths)
    with bar(f"exporting {output.name}", lambda: exporter.survey(paths)[0]) as progress:
        exported = exporter.export_reference(paths, output, index_type, progress)
    console.print(f"{output}: {exported.n_events} events", soft_wrap=True)
    if exported.left_out:
        text = ", ".join(f"{number} {name}" for name, number in exported.left_out.items())
        console.print(f"left out, as the layout has no such class: {text}", soft_wrap=True)


@app.command()
def export(
    dataset: Annotated[
        list[str], typer.Argument(help="A data set's folder; or event files, shards, @LIST; or a file of detections.")
    ],
    to: Annotated[str, typer.Option("--to", help="coco, webdataset, parquet (Hugging Face), npz or root.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make; it appears complete or not at all.")],
    split: Annotated[str | None, typer.Option(help="train, validation, test or heldout; all if not given.")] = None,
    seam: Annotated[
        str | None,
        typer.Option(
            help="Boxes at phi = ±pi: cut in two, clip to the larger part, or pad: whole, on an image that goes on. "
            "If not given: cut for coco and webdataset, else pad."
        ),
    ] = None,
    images: Annotated[str, typer.Option(help="Of coco: png (8 bits) or npy (exact).")] = "png",
) -> None:
    """A data set in the format of other programs, with the same boxes; or detections as a ROOT tree."""
    from detector.common import extras
    from detector.common.progress import bar
    from jetimg.dataset.plan import SPLITS
    from jetimg.export import export as exporting
    from jetimg.export.coco import IMAGES

    for name, value, choices in (
        ("to", to, exporting.KINDS),
        ("split", split, SPLITS),
        ("seam", seam, exporting.SEAMS),
        ("images", images, IMAGES),
    ):
        if value is not None and value not in choices:
            raise typer.BadParameter(f"--{name} {value}: one of {', '.join(choices)}")
    if to == "parquet":
        extras.need("pyarrow")  # before anything is read
    request = exporting.ExportRequest(options.expand(dataset), to, split, seam, images)  # type: ignore[arg-type]
    with bar(f"exporting to {to}", lambda: exporting.n_events(request)) as progress:
        made = exporting.export(request, output, progress)
    console.print(f"{output}: {made.n_events} events; open it with {made.how_to_open}", markup=False, soft_wrap=True)


MetadataFile = Annotated[
    Path | None, typer.Option("--metadata", help="YAML file: title, creators, licence, limits.", dir_okay=False)
]


def _metadata(path: Path | None) -> "Metadata":
    from jetimg.release import metadata

    try:
        return metadata.read(path)
    except (DataError, OSError) as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def release(
    dataset: Annotated[Path, typer.Argument(help="Folder of a finished data set.", file_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make; it appears complete or not at all.")],
    metadata: MetadataFile = None,
    include: Annotated[list[Path] | None, typer.Option(help="One more file, such as a summary or a plot.")] = None,
    detector: DetectorFile = None,
) -> None:
    """A folder ready for Zenodo: shards, checksums, README, metadata; several records if one is too small."""
    from detector.common import extras
    from detector.common.progress import bar
    from detector.geometry.description import DEFAULT
    from jetimg.dataset import parts
    from jetimg.release.build import ReleaseRequest
    from jetimg.release.build import release as make

    extras.need("mlcroissant")  # before anything is copied and verified
    said = _metadata(metadata)
    request = ReleaseRequest(dataset, said, options.description(detector), detector or DEFAULT, include or [])
    with bar(f"verifying {output}", lambda: parts.n_events(dataset)) as progress:
        records = make(request, output, progress)
    look = f"jetimg publish {output} --dry-run"
    console.print(
        f"{output}: {len(records)} record{'s' * (len(records) != 1)}, verified; what Zenodo would get: {look}",
        soft_wrap=True,
    )


Production = Annotated[bool, typer.Option("--production", help="zenodo.org itself; its sandbox if not given.")]
Server = Annotated[str | None, typer.Option("--url", help="Another server of Zenodo's kind, in place of both.")]


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="RELEASE", help="Folder made by `release`.", file_okay=False)],
    final: Annotated[bool, typer.Option("--publish", help="Publish for ever; drafts if not given.")] = False,
    production: Production = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="What would be sent or refused; no token, no network."),
    ] = False,
    url: Server = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for ids and DOIs, as JSON.")] = None,
) -> None:
    """Sends a release to Zenodo (token: ZENODO_TOKEN); a second call sends only what is missing."""
    from detector.common.progress import bar
    from jetimg.release import publish as publishing
    from jetimg.release import token, zenodo_limits
    from jetimg.release.zenodo import Api, server

    address = url or server(production)
    todo = publishing.uploads(folder)
    outputs.check_output(output, outputs.JSON, folder.rglob("*"))
    if dry_run:
        for upload in todo:
            console.print(
                f"{upload.folder}: {len(upload.files)} files, {upload.size} bytes to {address}", soft_wrap=True
            )
            for name, md5 in sorted(upload.files.items()):
                console.print(f"  {md5}  {name}", markup=False, highlight=False, soft_wrap=True)
        zenodo_limits.refuse(publishing.refused(todo))
        console.print("Nothing was sent. Zenodo would take it", highlight=False)
        return
    try:
        api = Api(address, token.read())
    except DataError as error:
        raise typer.BadParameter(str(error)) from None
    with bar(f"to {address}", sum(upload.size for upload in todo), in_bytes=True) as progress:
        drafts = publishing.publish(folder, api, final, progress)
    for upload, draft in zip(todo, drafts, strict=True):
        what = "published" if draft.published else f"a draft; look at it: {address}/deposit/{draft.id}"
        console.print(f"{upload.folder}: {draft.doi or draft.id}, {what}", highlight=False, soft_wrap=True)
    if output is not None:
        options.save_or_print([draft.model_dump() for draft in drafts], output)


@app.command()
def download(
    wanted: Annotated[
        list[str],
        typer.Argument(metavar="RECORD...", help="DOIs or record ids: one record, or all records of one release."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make; it appears complete or not at all.")],
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Record ids are those of Zenodo's sandbox.")] = False,
    max_bytes: Annotated[int, typer.Option(min=1, help="Refuse a record that is larger.")] = 200_000_000_000,
    url: Server = None,
) -> None:
    """Records of Zenodo to a verified data set; a second call fetches only what is missing."""
    from functools import partial

    from detector.common import extras
    from detector.common.progress import bar
    from jetimg.release import download as downloading
    from jetimg.release.remote_files import source
    from jetimg.release.zenodo import server

    extras.need("zenodo_get")  # a program of its own, which nothing imports
    try:
        sources = [source(text, url or server(not sandbox)) for text in wanted]
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    request = downloading.DownloadRequest(sources, max_bytes)
    fetched = downloading.download(request, output, partial(bar, f"to {output}", in_bytes=True))
    what = "downloaded and verified" if fetched else "was there, complete"
    console.print(f"{output}: {what}; look: jetimg summary {output}", soft_wrap=True)
