"""What a release says of itself to people and archives: title, creators, licence; and how large a record may be."""

import datetime
from html import escape
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from detector.common import settings_file
from jetimg.common.errors import DataError
from jetimg.common.schema import StrictModel

# Zenodo takes 100 files and less than 50 GB a record.
ZENODO_BYTES = 50_000_000_000
ZENODO_FILES = 100

# What the images, labels and simulation follow.
SOURCES = ("arXiv:2105.05785", "arXiv:2202.04499", "arXiv:1307.6346", "10.5281/zenodo.4883651")

DESCRIPTION = (
    "Simulated proton-proton collisions at 13 TeV in a CMS-like detector, as three-channel images (tracker, "
    "electromagnetic and hadron calorimeter; one pixel is one crystal) with a box around each heavy or light jet, "
    "for training object-detection networks."
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Creator(StrictModel):
    """Who made the data."""

    name: Text = Field(description="family name, given name; or a collaboration")
    affiliation: Text | None = Field(default=None, description="institute")
    orcid: str | None = Field(default=None, pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$", description="ORCID iD")


class Metadata(StrictModel):
    """What a release says of itself, and where it goes to or comes from."""

    title: Text = Field(default="", description="title of the record; no release without")
    creators: tuple[Creator, ...] = Field(default=(), description="creators, in order; no release without")
    description: Text = Field(default=DESCRIPTION, description="what the data are, in a few sentences")
    licence: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.+-]+$",
        description="licence of the data, as SPDX names it (CC-BY-4.0, say); no release without",
    )
    keywords: tuple[Text, ...] = Field(
        default=("high-energy physics", "jets", "object detection", "Delphes", "CMS"), description="keywords"
    )
    version: Text = Field(default="1.0.0", description="version of the data")
    date: datetime.date | None = Field(default=None, description="date of publication; that of the upload if null")
    record_bytes: int = Field(
        default=ZENODO_BYTES, ge=1, le=ZENODO_BYTES, description="a record is smaller than this; more records if needed"
    )
    record_files: int = Field(default=ZENODO_FILES, ge=1, le=ZENODO_FILES, description="most files of a record")
    sandbox: bool = Field(default=True, description="publish to and download from Zenodo's sandbox")
    server: str | None = Field(
        default=None, pattern=r"^https?://", description="another server of Zenodo's kind, in place of Zenodo's own"
    )
    publish: bool = Field(default=False, description="true: publish the records, for ever; false: leave them as drafts")
    download: tuple[str, ...] = Field(
        default=(), description="DOIs or record ids that the target `download` fetches; all records of one release"
    )


def read(path: Path | None) -> Metadata:
    """The metadata of a YAML file, or the defaults.

    Raises:
        DataError: unknown keys or wrong values; the message names them.
    """
    try:
        return settings_file.validate(Metadata, settings_file.read(path) if path else {}, str(path or "metadata"))
    except settings_file.SettingsError as error:
        raise DataError(str(error)) from error


def refuse_unset(metadata: Metadata) -> None:
    """A record is for ever: title, creators and licence are for its makers to say.

    Raises:
        DataError: one of them is not set.
    """
    if unset := [key for key in ("title", "creators", "licence") if not getattr(metadata, key)]:
        raise DataError(
            f"no release without {', '.join(unset)}: write them under `release:` in the configuration, or into the "
            "file of --metadata, e.g. {title: Jets of ttH, creators: [{name: 'Doe, Jane'}], licence: CC-BY-4.0}"
        )


def part_title(metadata: Metadata, number: int, of: int) -> str:
    """The title of one record."""
    return metadata.title if of == 1 else f"{metadata.title} (part {number} of {of})"


def deposit(metadata: Metadata, number: int, of: int) -> dict[str, Any]:
    """One record's metadata as Zenodo's deposit API takes it."""
    fields: dict[str, Any] = {
        "title": part_title(metadata, number, of),
        "upload_type": "dataset",
        "description": f"<p>{escape(metadata.description)}</p>",
        "creators": [creator.model_dump(exclude_none=True) for creator in metadata.creators],
        "access_right": "open",
        "license": metadata.licence.lower(),
        "keywords": list(metadata.keywords),
        "version": metadata.version,
        "related_identifiers": [{"identifier": source, "relation": "references"} for source in SOURCES],
    }
    if metadata.date is not None:
        fields["publication_date"] = metadata.date.isoformat()
    return {"metadata": fields}
