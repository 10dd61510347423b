"""A release to Zenodo: a draft for each record, what is missing sent, published only if told so.

Which draft belongs to which record is kept beside the release (NAME.deposits.json), so that a second
call goes on where the first was stopped: what is there with the right md5 is not sent again. A draft whose number did
not arrive, or was lost, is found by a marker in its notes.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from jetimg.common import checksums
from jetimg.common.atomic import write_text
from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.common.schema import StrictModel
from jetimg.dataset import parts
from jetimg.release import zenodo_limits
from jetimg.release.zenodo import Api, Deposit


class Draft(StrictModel):
    """The deposit of one record.

    Attributes:
        id: its number at the server.
        doi: the reserved DOI.
        release: sha256 of the record's SHA256SUMS: which release it holds.
        published: whether it is out.
    """

    id: int
    doi: str
    release: str
    published: bool = False


class State(StrictModel):
    """The deposits of a release: by server, then by the name of the record's folder."""

    servers: dict[str, dict[str, Draft]] = Field(default={})


@dataclass(frozen=True)
class Upload:
    """A record's folder and the files that it should send, by name with their md5."""

    folder: Path
    files: dict[str, str]

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file."""
        return {name: (self.folder / name).stat().st_size for name in self.files}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())


def uploads(release: Path) -> list[Upload]:
    """What there is to send.

    Raises:
        DataError: not a release, or its lists and files do not agree.
    """
    return [_upload(folder) for folder in parts.folders(release)]


def refused(todo: list[Upload]) -> list[str]:
    """What Zenodo would refuse of these records, a line each."""
    return [fault for upload in todo for fault in zenodo_limits.faults(upload.folder, upload.sizes)]


def publish(
    release: Path, api: Api, final: bool = False, progress: Callable[[int], None] = lambda _: None
) -> list[Draft]:
    """Brings a release to the server, as drafts.

    Args:
        release: folder of a release.
        api: session with the server.
        final: publish the records when all files are there.
        progress: called with the number of bytes done since its last call.

    Raises:
        DataError: the folder is not a release, Zenodo would refuse it, or the server does not take it.
    """
    todo = uploads(release)
    zenodo_limits.refuse(refused(todo))
    path, state = state_file(release), _read_state(release)
    drafts = state.servers.setdefault(api.url, {})
    deposits: list[Deposit] = []
    for upload in todo:
        deposits.append(_deposit_for(upload, drafts, api))
        write_text(path, state.model_dump_json(indent=1) + "\n")
    names = [upload.folder.name for upload in todo]
    done = [drafts[name] for name in names]
    for upload, deposit in zip(todo, deposits, strict=True):
        if deposit.submitted:
            progress(upload.size)
            continue
        api.describe(deposit.id, _metadata(upload.folder, _neighbours(done, deposit.id)))
        _send_missing(upload, deposit, api, progress)
    if final:
        for name, deposit in zip(names, deposits, strict=True):
            if not deposit.submitted:
                api.publish(deposit.id)
            drafts[name] = drafts[name].model_copy(update={"published": True})
            write_text(path, state.model_dump_json(indent=1) + "\n")
    return [drafts[name] for name in names]


def state_file(release: Path) -> Path:
    """Where the numbers of a release's deposits are kept."""
    return release.resolve().with_name(f"{release.resolve().name}.deposits.json")


def _upload(folder: Path) -> Upload:
    if not (folder / checksums.MD5).is_file() or not (folder / checksums.SHA256).is_file():
        raise DataError(f"{folder}: no {checksums.MD5} and {checksums.SHA256}: not a release; make one with `release`")
    files = checksums.read(folder / checksums.MD5)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if other := present ^ (set(files) | {checksums.MD5, checksums.SHA256}):
        raise DataError(f"{folder}: {', '.join(sorted(other))}: listed and missing, or there and not listed; verify it")
    return Upload(folder, files | {name: checksums.of(folder / name).md5 for name in (checksums.MD5, checksums.SHA256)})


def _read_state(release: Path) -> State:
    path = state_file(release)
    if not path.exists():
        return State()
    try:
        return State.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise_if_machine_fault(error, path)
        text = " ".join(str(error).split())[:300]
        raise DataError(f"{path}: not a list of deposits: {text}; remove it to make new drafts") from error


def _deposit_for(upload: Upload, drafts: dict[str, Draft], api: Api) -> Deposit:
    """The record's deposit: the one made before, or a new draft."""
    name, digest = upload.folder.name, checksums.of(upload.folder / checksums.SHA256).sha256
    known = drafts.get(name)
    deposit = api.get(known.id) if known is not None else None
    if known is not None and deposit is not None and deposit.submitted and known.release != digest:
        raise DataError(
            f"{upload.folder}: record {known.id} of {api.url} is published and holds another release; "
            "publish under another folder name, or remove the .deposits.json beside it"
        )
    if deposit is None:
        deposit = api.find_or_create(_marker(upload.folder), _metadata(upload.folder, []))
    drafts[name] = Draft(id=deposit.id, doi=deposit.doi, release=digest, published=deposit.submitted)
    return deposit


def _marker(folder: Path) -> str:
    """A text in a deposit's notes by which it is found again, should its number not have arrived here."""
    return f"{folder.name}: SHA256SUMS has sha256 {checksums.of(folder / checksums.SHA256).sha256}"


def _neighbours(drafts: list[Draft], number: int) -> list[dict[str, str]]:
    """The release's other records, as related identifiers of one of them."""
    index = [draft.id for draft in drafts].index(number)
    return [
        {"identifier": draft.doi, "relation": "continues" if other < index else "isContinuedBy"}
        for other, draft in enumerate(drafts)
        if other != index and draft.doi
    ]


def _metadata(folder: Path, neighbours: list[dict[str, str]]) -> dict[str, Any]:
    """zenodo.json, with the marker of its record and the DOIs of the release's other records."""
    path = folder / "zenodo.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        metadata = content["metadata"]
        related = metadata.setdefault("related_identifiers", [])
        metadata["notes"] = " ".join(filter(None, [metadata.get("notes"), _marker(folder)]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the metadata of a deposit: {error}") from error
    related += neighbours
    return content


def _send_missing(upload: Upload, deposit: Deposit, api: Api, progress: Callable[[int], None]) -> None:
    there = api.files(deposit.id)
    for name in sorted(set(there) - set(upload.files)):
        api.remove(deposit.id, name)
    for name, md5 in upload.files.items():
        path = upload.folder / name
        if there.get(name) == md5:
            progress(path.stat().st_size)
        elif (found := api.upload(deposit, path, progress)) != md5:
            raise DataError(
                f"{path}: {api.url} has it with md5 {found}, the release lists {md5}: "
                "changed on the way or since the release was made; verify the release, then call again"
            )
    _compare(upload, api.files(deposit.id), api, deposit)


def _compare(upload: Upload, there: dict[str, str], api: Api, deposit: Deposit) -> None:
    """The server's own list has the last word."""
    if wrong := list(_wrong(upload.files, there)):
        raise DataError(f"{upload.folder}: deposit {deposit.id} of {api.url}: {'; '.join(wrong)}; call again")


def _wrong(expected: dict[str, str], there: dict[str, str]) -> Iterator[str]:
    for name in sorted(set(expected) | set(there)):
        if expected.get(name) != there.get(name):
            yield f"{name}: md5 {there.get(name, 'missing')} there, {expected.get(name, 'missing')} here"
