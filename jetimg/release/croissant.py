"""Croissant metadata: the machine-readable description that data-set search engines take.

Files only: Croissant 1.0 has no way to say how records lie in HDF5.
"""

import datetime
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jetimg.common.errors import DataError
from jetimg.release.metadata import Metadata
from jetimg.release.readme import citation

TYPES = {
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".yaml": "application/yaml",
}


@dataclass(frozen=True)
class File:
    """A file of the release: bytes and sha256."""

    size: int
    sha256: str


def croissant(metadata: Metadata, title: str, files: Mapping[str, File]) -> dict[str, Any]:
    """The description of these files, as JSON-LD that mlcroissant's validator accepts.

    Raises:
        DataError: the validator does not accept it.
    """
    with _quiet():
        import mlcroissant as mlc

        described = mlc.Metadata(
            name=title,
            description=metadata.description,
            license=[f"https://spdx.org/licenses/{metadata.licence}"],
            creators=[mlc.Organization(name=creator.name) for creator in metadata.creators],
            keywords=list(metadata.keywords),
            version=metadata.version,
            cite_as=citation(metadata),
            date_published=metadata.date and datetime.datetime.combine(metadata.date, datetime.time()),
            distribution=[
                mlc.FileObject(
                    id=name,
                    name=name,
                    content_url=name,
                    content_size=f"{file.size} B",
                    encoding_formats=[TYPES.get("." + name.rpartition(".")[2], "text/plain")],
                    sha256=file.sha256,
                )
                for name, file in sorted(files.items())
            ],
        )
        content: dict[str, Any] = described.to_json()
        try:
            mlc.Dataset(jsonld=content)
        except mlc.ValidationError as error:
            raise DataError(f"croissant.json: mlcroissant does not accept the metadata: {error}") from error
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Without mlcroissant's recommendations (such as a date of publication before there is one), which it
    logs as warnings, and without the deprecation warnings of its own libraries.
    """
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(before)
