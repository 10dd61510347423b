"""The README of a release: what the data are and how to read them, for someone who has nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jetimg.dataset.manifest import Manifest, Shard, account
from jetimg.dataset.parts import ReleaseRecord
from jetimg.dataset.plan import SPLITS
from jetimg.event_file import layout
from jetimg.release.metadata import Metadata, part_title

# Plain h5py; tests/jetimg/release/test_build.py runs these lines.
EXAMPLE = """\
import h5py, numpy as np
file, event, image = h5py.File("{shard}"), 0, np.zeros((3, {n_eta}, {n_phi}), np.float32)
rows = {{name: slice(*file[name]["indptr"][event : event + 2]) for name in ("tracker", "ecal", "hcal", "jets")}}
for layer, name in zip(image, rows): layer.flat[{pixels}] = file[name]["value"][rows[name]]
boxes, classes = file["jets"]["box"][rows["jets"]], file["jets"]["class_id"][rows["jets"]]
"""
# The pixels of these rows, where shards hold steps and where they hold pixels.
STEPS, PIXELS = 'np.cumsum(file[name]["step"][rows[name]])', 'file[name]["pixel"][rows[name]]'

LIMITS = """\
- The data are simulated; the detector is parametrized (Delphes and the like), not followed in every detail.
- A pixel's value is what energy flow reconstructs, with its thresholds and smearing; pile-up is part of the image.
- Boxes have one size and are centred on the generator's particle (or its jet), whatever the jet's true extent.
- Boxes that cross phi = +-pi wrap: their phi_max is past the last column. Take columns modulo the image's width.
- Nested labels (a W inside a labelled top quark) are kept or not as `config.json` says.
- The classical baseline (`/baseline`) is a tagger with fixed windows, not a tuned one."""


@dataclass(frozen=True)
class Contents:
    """What the README is about.

    Attributes:
        manifest: that of the data set.
        record: which part this is.
        metadata: title, creators, licence.
        image_shape: rows and columns of an image.
        others: other files in the folder, with a few words on each.
    """

    manifest: Manifest
    record: ReleaseRecord
    metadata: Metadata
    image_shape: tuple[int, int]
    others: dict[str, str]

    @property
    def shards(self) -> list[Shard]:
        """The shards of this part."""
        return [shard for shard in self.manifest.shards if shard.name in self.record.shards]


def readme(contents: Contents) -> str:
    """The text, in Markdown."""
    record, metadata = contents.record, contents.metadata
    sections = [
        f"# {part_title(metadata, record.number, record.of)}\n\n{metadata.description}\n\nVersion {metadata.version}.",
        _how_made(contents),
        _how_to_read(contents),
        _columns(contents.manifest),
        _files(contents),
        f"## Licence and citation\n\n{metadata.licence}. Please cite this record by its DOI, as\n\n"
        f"> {citation(metadata)}\n\nand the work it follows: arXiv:2105.05785, arXiv:2202.04499, arXiv:1307.6346.",
        f"## Known limits\n\n{LIMITS}",
    ]
    return "\n\n".join(sections) + "\n"


def citation(metadata: Metadata) -> str:
    """The release as it is cited; the archive adds the DOI."""
    names = "; ".join(creator.name for creator in metadata.creators)
    year = f" ({metadata.date.year})" if metadata.date else ""
    return f"{names}{year}. {metadata.title}, version {metadata.version}."


def _how_made(contents: Contents) -> str:
    counts = account(contents.manifest.inputs)
    rows = [
        [sample, *(account(inputs)[key] for key in ("present", *SPLITS, "lost"))]
        for sample in contents.manifest.samples
        if (inputs := [row for row in contents.manifest.inputs if row.sample == sample])
    ]
    return "\n\n".join(
        [
            "## How made",
            f"{counts['present']} events of {sum(row.ok for row in contents.manifest.inputs)} Delphes files became "
            f"images and boxes with the settings in `config.json`, in the detector of `cms.yaml` "
            f"({contents.manifest.detector}), with the software in `software.json`. `manifest.json` names every "
            "input file with its sha256 and says where its events are. No event stands in two splits.",
            _table(["sample", "events", *SPLITS, "lost with bad files"], rows),
        ]
    )


def _how_to_read(contents: Contents) -> str:
    shard = contents.record.shards[0]
    n_eta, n_phi = contents.image_shape
    pixels = STEPS if contents.manifest.version >= layout.WITH_STEPS else PIXELS
    code = EXAMPLE.format(shard=shard, n_eta=n_eta, n_phi=n_phi, pixels=pixels)
    names = ", ".join(f"{number} {name}" for number, name in enumerate(contents.manifest.class_names))
    return (
        "## How to read\n\nFive lines give one event as a dense image (tracker, ECAL, HCAL; GeV) with its boxes and "
        f"classes ({names}):\n\n```python\n{code}```\n\n"
        "Any HDF5 library reads the files, without plugins. `jetimg verify FOLDER` (or "
        "`sha256sum -c SHA256SUMS`) proves that everything is there and unchanged."
    )


def _columns(contents: Manifest) -> str:
    rows = [
        [f"`/{table}/{name}`", column.dtype + (f" ({column.width})" if column.width > 1 else ""), column.text]
        for table in layout.TABLES
        for name, column in layout.tables(contents.version)[table].items()
    ]
    jagged = ", ".join(f"`/{name}`" for name in layout.JAGGED)
    return (
        f"## Columns and units\n\n{jagged} hold several rows an event: those of event i are `indptr[i]` to "
        "`indptr[i + 1]`. `/events` has one row an event; `/files` names the inputs. Pixel row 0 is at the most "
        "negative eta, column 0 at phi = -pi. Momenta, energies and masses are in GeV, angles in radians, boxes in "
        f"pixels. class_names: {', '.join(contents.class_names)}.\n\n" + _table(["column", "type", "what"], rows)
    )


def _files(contents: Contents) -> str:
    rows = [[f"`{shard.name}`", shard.bytes, f"{shard.n_events} events, {shard.split}"] for shard in contents.shards]
    rows += [[f"`{name}`", "", text] for name, text in contents.others.items()]
    part = ""
    if contents.record.of > 1:
        part = (
            f"This is part {contents.record.number} of {contents.record.of}; the parts are records of their own. "
            "Each can be checked and used by itself.\n\n"
        )
    return f"## Files\n\n{part}" + _table(["file", "bytes", "what"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
