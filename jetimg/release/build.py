"""A data set made ready for an archive: one folder a record, complete, checked, the same bytes every time."""

import importlib
import importlib.util
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector import Detector
from jetimg.common import checksums
from jetimg.common.atomic import refuse_link, replace_folder, write_text
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, parts
from jetimg.dataset.manifest import Manifest
from jetimg.dataset.parts import ReleaseRecord
from jetimg.dataset.verify import verify
from jetimg.release import croissant
from jetimg.release.metadata import Metadata, deposit, part_title, refuse_unset
from jetimg.release.readme import Contents, readme

# What stands in every release, in the words of its README.
TEXTS = {
    manifest.NAME: "shards, inputs and where every event went; settings; software",
    "config.json": "settings of images, splits and shards",
    "cms.yaml": "description of the detector",
    "cms.tcl": "Delphes card of that detector",
    "software.json": "versions of the software that made the data",
    parts.NAME: "which part of the release this record is",
}
MADE_LAST = {
    "README.md": "this file",
    "zenodo.json": "metadata of the deposit",
    "croissant.json": "metadata for data-set search engines (Croissant)",
    checksums.MD5: "md5 of every file",
    checksums.SHA256: "sha256 of every file",
}


@dataclass(frozen=True)
class ReleaseRequest:
    """What to release.

    Attributes:
        dataset: folder of a finished data set.
        metadata: what the release says of itself.
        detector: the description that the data were made with.
        description: its file.
        include: more files, such as summary tables and plots.
    """

    dataset: Path
    metadata: Metadata
    detector: Detector
    description: Path
    include: Sequence[Path] = field(default=())


def release(
    request: ReleaseRequest, output: Path, progress: Callable[[int], None] = lambda _: None
) -> list[ReleaseRecord]:
    """Makes the folder of a release, proves it complete, and puts it in place in one step.

    Args:
        request: what to release.
        output: the folder to make; an older release there is replaced.
        progress: called with the number of events verified since its last call.

    Returns:
        The records, in order; one is the folder itself, several are folders record-1, record-2, ...

    Raises:
        DataError: title, creators or licence are not set, the data set is not complete, or a shard does not fit into a
            record.
    """
    refuse_unset(request.metadata)
    _refuse_other_content(output)
    contents = manifest.read(request.dataset)
    common = _common_files(request, contents)
    parts = _plan(request, contents, common)
    partial = output.with_name(f".{output.name}.partial")
    for folder in (output, partial):
        refuse_link(folder)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for record in parts:
            folder = partial if record.of == 1 else partial / f"record-{record.number}"
            _make_record(request, contents, record, common, folder)
        report = verify(partial, progress)
        if report.faults:
            raise DataError("\n".join([f"{request.dataset}: not released:", *report.faults]))
        replace_folder(partial, output)
    except OSError as error:
        raise DataError(f"{output}: cannot be written: {error.strerror or error}; nothing was changed there") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return parts


def _refuse_other_content(output: Path) -> None:
    """Only a release may be replaced: a wrong name on the command line must not delete anything else."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not all((folder / checksums.SHA256).is_file() for folder in parts.folders(output)):
        raise DataError(f"{output}: exists and is not a release; choose another folder, or remove it")


def _common_files(request: ReleaseRequest, contents: Manifest) -> dict[str, Path | str]:
    """Files that every record has: a path to take one from, or its text."""
    if request.detector.digest != contents.detector_sha256:
        raise DataError(
            f"{request.description}: its sha256 is {request.detector.digest}, the data set was made with "
            f"{contents.detector_sha256}; give the right description with --detector"
        )
    samples = {name: sample.model_dump() for name, sample in contents.samples.items()}
    config = {"images": contents.config, "sharding": contents.sharding, "samples": samples}
    files: dict[str, Path | str] = {
        manifest.NAME: request.dataset / manifest.NAME,
        "config.json": _json(config),
        "cms.yaml": request.description,
        "software.json": _json(contents.software),
    }
    # Tables that the description names lie beside it.
    for name in sorted(set(re.findall(r"[\w-]+\.csv", request.description.read_text()))):
        files[name] = request.description.with_name(name)
    if importlib.util.find_spec("detector.simulation.delphes.card") is not None:
        files["cms.tcl"] = importlib.import_module("detector.simulation.delphes.card").render(request.detector)
    for path in request.include:
        if path.name in {**files, **MADE_LAST, parts.NAME: ""} or path.suffix == ".h5":
            raise DataError(
                f"{path}: a release has a file of that name by itself, or only shards end in .h5; rename it"
            )
        if not checksums.safe_name(path.name) or not path.is_file():
            raise DataError(f"{path}: not a file with a plain name (letters, digits, . _ + = @ -)")
        files[path.name] = path
    return files


def _plan(request: ReleaseRequest, contents: Manifest, common: dict[str, Path | str]) -> list[ReleaseRecord]:
    n_bytes = sum(len(file.encode()) if isinstance(file, str) else _size(file) for file in common.values())
    n_files = len(common) + len(MADE_LAST) + 1  # record.json
    limits = request.metadata.record_files, request.metadata.record_bytes
    return parts.plan(contents.shards, n_files, n_bytes, *limits)


def _make_record(
    request: ReleaseRequest, contents: Manifest, record: ReleaseRecord, common: dict[str, Path | str], folder: Path
) -> None:
    folder.mkdir(parents=True)
    files = dict(common)
    if record.of > 1:
        files[parts.NAME] = record.model_dump_json(indent=1) + "\n"
    for name, file in files.items():
        if isinstance(file, str):
            write_text(folder / name, file)
        else:
            shutil.copyfile(file, folder / name)
    for name in record.shards:
        _link(request.dataset / name, folder / name)
    others = {name: _what(name) for name in files} | MADE_LAST
    shape = request.detector.crystals.n_eta, request.detector.crystals.n_phi
    write_text(folder / "README.md", readme(Contents(contents, record, request.metadata, shape, others)))
    write_text(folder / "zenodo.json", _json(deposit(request.metadata, record.number, record.of)))
    sums = {path.name: checksums.of(path) for path in sorted(folder.iterdir())}
    described = {name: croissant.File(_size(folder / name), both.sha256) for name, both in sums.items()}
    title = part_title(request.metadata, record.number, record.of)
    write_text(folder / "croissant.json", _json(croissant.croissant(request.metadata, title, described)))
    checksums.write(folder, sums | {"croissant.json": checksums.of(folder / "croissant.json")})
    _check_limits(folder, request.metadata)


def _what(name: str) -> str:
    return TEXTS.get(name, "table of the detector" if name.endswith(".csv") else "summary")


def _check_limits(folder: Path, metadata: Metadata) -> None:
    """The plan left room for the texts; whether it was enough is counted, not believed."""
    sizes = [_size(path) for path in folder.iterdir()]
    if len(sizes) > metadata.record_files or sum(sizes) >= metadata.record_bytes:
        raise DataError(
            f"{folder.name}: {len(sizes)} files, {sum(sizes)} bytes; a record has at most {metadata.record_files} "
            f"files and less than {metadata.record_bytes} bytes: lower record_files or record_bytes"
        )


def _link(source: Path, target: Path) -> None:
    """A hard link where the file system can, else a copy: shards are large and never changed in place."""
    try:
        os.link(source.resolve(), target)
    except FileNotFoundError as error:
        raise DataError(f"{source}: missing, although the data set lists it") from error
    except OSError:
        shutil.copyfile(source, target)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; the data set or the call names it") from error


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
