"""A data set to a folder in the format of another program."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from jetimg.common.errors import DataError
from jetimg.detections import hdf5
from jetimg.export import card, coco, npz, parquet, root, webdataset
from jetimg.export.coco import Images
from jetimg.export.folder import new_folder
from jetimg.export.part import Part, Progress
from jetimg.loader.event_files import Split
from jetimg.loader.load import files_by_split
from jetimg.loader.seam import Seam

Kind = Literal["coco", "webdataset", "parquet", "npz", "root"]
KINDS: tuple[str, ...] = get_args(Kind)
SEAMS: tuple[str, ...] = get_args(Seam)

# Boxes for flat images are cut where the image ends; columns keep a row a jet.
DEFAULT_SEAM: dict[str, Seam] = {
    "coco": "cut",
    "webdataset": "cut",
    "parquet": "pad",
    "npz": "pad",
    "root": "pad",
}
LAYOUT = {
    kind: (module.__doc__ or "").strip()
    for kind, module in zip(KINDS, (coco, webdataset, parquet, npz, root), strict=True)
}


@dataclass(frozen=True)
class ExportRequest:
    """What to export.

    Attributes:
        sources: a data set's folder; or event files, or shards; or one file of detections.
        kind: the format.
        split: train, validation, test or heldout; all if None.
        seam: what becomes of boxes at phi = +-pi, see `jetimg.loader.seam`; as usual in the format if None.
        images: of COCO, png or npy.
    """

    sources: Sequence[Path]
    kind: Kind
    split: Split | None = None
    seam: Seam | None = None
    images: Images = "png"


@dataclass(frozen=True)
class Exported:
    """What was made: the number of events, and a line of Python that opens it."""

    n_events: int
    how_to_open: str


def export(request: ExportRequest, output: Path, progress: Progress) -> Exported:
    """Writes a folder in another format.

    Args:
        request: what, and how.
        output: the folder; not there yet, or empty; it appears when it is complete.
        progress: told of events.

    Raises:
        DataError: nothing to export, the folder holds something, or it cannot be written.
    """
    if _of_detections(request.sources):
        return _export_detections(request, output, progress)
    seam = request.seam or DEFAULT_SEAM[request.kind]
    # An event file has all splits in it; "all" is a word of its own to `datasets`.
    parts = [
        Part("events" if split == "all" else split, files, seam)
        for split, files in files_by_split(request.sources, request.split).items()
    ]
    with new_folder(output) as folder:
        for part in parts:
            _write(request, part, folder, progress)
        card.write(request.kind, parts, LAYOUT[request.kind], folder, output.name)
    return Exported(sum(len(part.files) for part in parts), card.how_to_open(request.kind, output, parts[0].split))


def n_events(request: ExportRequest) -> int:
    """The events that `export` would write.

    Raises:
        DataError: as `export`, as far as the files' heads tell.
    """
    if _of_detections(request.sources):
        with hdf5.Reader(request.sources[0]) as reader:
            return reader.n_events
    return sum(map(len, files_by_split(request.sources, request.split).values()))


def _write(request: ExportRequest, part: Part, folder: Path, progress: Progress) -> None:
    if request.kind == "coco":
        coco.write(part, folder, request.images, progress)
    else:
        modules = {"webdataset": webdataset.write, "parquet": parquet.write, "npz": npz.write, "root": root.write}
        modules[request.kind](part, folder, progress)


def _of_detections(sources: Sequence[Path]) -> bool:
    """Whether the first of them says that it is a file of detections."""
    return bool(sources) and sources[0].is_file() and hdf5.is_one(sources[0])


def _export_detections(request: ExportRequest, output: Path, progress: Progress) -> Exported:
    if request.kind != "root" or len(request.sources) > 1:
        raise DataError(f"{request.sources[0]}: a file of detections; one of them goes to root, not to {request.kind}")
    with new_folder(output) as folder:
        n_events = root.write_detections(request.sources[0], folder, progress)
    return Exported(n_events, f'uproot.open("{output / request.sources[0].stem}.root")["detections"]')
