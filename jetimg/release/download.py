"""Records of Zenodo to a data set's folder: checked before, while and after they are fetched.

Everything is fetched into a folder of our own beside the target (.NAME.download), which a second call
goes on with. The target appears, or is replaced, only when all files have the record's md5, the release's
own SHA256SUMS hold, and every event file passes `verify`.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import h5py

from jetimg.common import checksums
from jetimg.common.atomic import refuse_link, replace_folder, write_text
from jetimg.common.checksums import sha256 as digest_of
from jetimg.common.errors import DataError
from jetimg.common.sealed_json import sealed
from jetimg.dataset import manifest, parts
from jetimg.dataset.verify import verify
from jetimg.event_file import layout
from jetimg.release import receipt as receipts
from jetimg.release.fetch import fetch
from jetimg.release.remote_files import RemoteFile, Source, listing
from jetimg.release.zenodo import Patience

# Zenodo's records are below 50 GB unless a larger quota was granted.
MAX_BYTES = 200_000_000_000


@dataclass(frozen=True)
class DownloadRequest:
    """What to fetch.

    Attributes:
        records: all records of one release, or a single one of anybody's.
        max_bytes: most bytes of a record.
        patience: how often to try.
    """

    records: Sequence[Source]
    max_bytes: int = MAX_BYTES
    patience: Patience = field(default=Patience())


Listings = dict[str, list[RemoteFile]]

# Makes a progress bar of so many bytes.
ProgressBar = Callable[[int], AbstractContextManager[Callable[[int], None]]]


def no_progress(_: int) -> AbstractContextManager[Callable[[int], None]]:
    """Draws nothing."""
    return nullcontext(lambda _: None)


def download(request: DownloadRequest, output: Path, progress_bar: ProgressBar = no_progress) -> bool:
    """Downloads a release, or somebody's record, into a folder.

    Several records of one release become one folder: the data set as it was before it was split.

    Args:
        request: what to fetch.
        output: the folder; made complete or not at all.
        progress_bar: makes a progress bar of so many bytes.

    Returns:
        False if everything was there already, and nothing was asked of the network.

    Raises:
        DataError: a record is refused or does not come; the message names the file.
    """
    staging = output.with_name(f".{output.name}.download")
    for folder in (output, staging, *(staging / record.number for record in request.records)):
        refuse_link(folder)
    receipt = receipts.read(output) if output.is_dir() else None
    _refuse_other_content(request, output, receipt)
    if receipt is not None and _is_whole(output, receipt):
        return False
    listings = {record.number: listing(record, request.max_bytes, request.patience) for record in request.records}
    try:
        if receipt is not None:
            _keep(output, receipt, listings, staging)
        _refuse_full_disk(listings, staging, output)
        with progress_bar(sum(file.size for files in listings.values() for file in files)) as progress:
            for record in request.records:
                fetch(record, listings[record.number], staging / record.number, request.patience, progress)
        made = _assemble(listings, staging)
        _prove(made, staging, output)
        receipt = receipts.Receipt(records=[record.url for record in request.records], files=_places(made, listings))
        replace_folder(made, output)
        write_text(receipts.receipt_file(output), sealed(receipt.model_dump(mode="json")))
        shutil.rmtree(staging)
    except OSError as error:
        raise DataError(f"{output}: cannot be written: {error.strerror or error}; call again to go on") from error
    return True


def _refuse_other_content(request: DownloadRequest, output: Path, receipt: receipts.Receipt | None) -> None:
    """Nothing is replaced but an earlier download of the same."""
    if receipt is None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"{output}: exists and was not downloaded by this command; choose another folder, or remove it")
    if receipt is not None and receipt.records != [record.url for record in request.records]:
        raise DataError(f"{output}: holds {', '.join(receipt.records)}; choose another folder, or remove it")


def _is_whole(output: Path, receipt: receipts.Receipt) -> bool:
    present = {path.relative_to(output).as_posix() for path in output.rglob("*") if not path.is_dir()}
    return present == set(receipt.files) and all(
        checksums.of(output / name).md5 == digest for name, digest in receipt.files.items()
    )


def _keep(output: Path, receipt: receipts.Receipt, listings: Listings, staging: Path) -> None:
    """What an earlier download, since damaged, still has goes into the staging folder, to be measured there."""
    for number, files in listings.items():
        (staging / number).mkdir(parents=True, exist_ok=True)
        for file in files:
            places = [place for place, md5 in receipt.files.items() if md5 == file.md5 and (output / place).is_file()]
            if places and not (staging / number / file.name).exists():
                shutil.copyfile(output / places[0], staging / number / file.name)


def _refuse_full_disk(listings: Listings, staging: Path, output: Path) -> None:
    staging.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
    missing = sum(file.size for files in listings.values() for file in files) - there
    if missing > (free := shutil.disk_usage(staging).free):
        raise DataError(f"{output}: {missing} bytes to fetch, {free} free on that device; make room or choose another")


def _assemble(listings: Listings, staging: Path) -> Path:
    """The folder as it will be: one record as it is; several of one release put together again."""
    if len(listings) == 1:
        return staging / next(iter(listings))
    numbers = _part_numbers(listings, staging)
    made = staging / "whole"
    shutil.rmtree(made, ignore_errors=True)
    listed: dict[str, checksums.Sums] = {}
    for number, part in numbers.items():
        sha256 = checksums.read(staging / number / checksums.SHA256)
        for file in listings[number]:
            place = _place(file, part, listings)
            digest = sha256.get(file.name) or digest_of(staging / number / file.name)
            listed[place] = checksums.Sums(digest, file.md5)
            (made / place).parent.mkdir(parents=True, exist_ok=True)
            if not (made / place).exists():
                os.link(staging / number / file.name, made / place)
    checksums.write(made, listed)
    return made


def _part_numbers(listings: Listings, staging: Path) -> dict[str, int]:
    """Which part of the release each record is.

    Raises:
        DataError: not all parts of one release, once each.
    """
    text = f"records {', '.join(listings)}"
    found = {number: parts.read(staging / number) for number in listings}
    records = {number: record for number, record in found.items() if record is not None}
    manifests = {file.md5 for files in listings.values() for file in files if file.name == manifest.NAME}
    if len(records) != len(listings) or len(manifests) != 1:
        raise DataError(f"{text}: not parts of one release; download them one by one")
    numbers, of = sorted(one.number for one in records.values()), max(one.of for one in records.values())
    if numbers != list(range(1, of + 1)):
        raise DataError(f"{text}: parts {numbers} of {of}; give each part once")
    return {number: record.number for number, record in records.items()}


def _place(file: RemoteFile, part: int, listings: Listings) -> str:
    """Shards and what all records have in common lie together; what each says of itself lies apart."""
    common = all(file.md5 in {other.md5 for other in files if other.name == file.name} for files in listings.values())
    return file.name if common or file.name.endswith(".h5") else f"record-{part}/{file.name}"


def _places(made: Path, listings: Listings) -> dict[str, str]:
    """md5 of every file of the finished folder; those of the record are known, and were measured."""
    if len(listings) == 1:
        return {file.name: file.md5 for files in listings.values() for file in files}
    return checksums.read(made / checksums.MD5) | {
        name: checksums.of(made / name).md5 for name in (checksums.MD5, checksums.SHA256)
    }


def _prove(made: Path, staging: Path, output: Path) -> None:
    """Opens every event file through the guards; what is refused is removed, as no second call can help."""
    faults: list[str] = []
    try:
        for path in [made] if (made / manifest.NAME).is_file() else _event_files(made):
            faults += verify(path).faults
    except DataError as error:
        faults = [str(error)]
    if faults:
        shutil.rmtree(staging)
        text = "\n".join(faults).replace(str(made), str(output))
        raise DataError(f"{text}\n{output}: the record holds this, so it is refused, and nothing of it was kept")


def _event_files(folder: Path) -> Iterator[Path]:
    """Files that say that they are event files; somebody's record may hold others."""
    for path in sorted(folder.glob("*.h5")):
        with suppress(OSError), h5py.File(path, "r") as file:
            if file.attrs.get("format") == layout.FORMAT:
                yield path
