"""Records of Zenodo in the user's cache folder, downloaded on first use."""

import os
from functools import partial
from pathlib import Path

from detector.common.progress import bar
from jetimg.release import receipt as receipts
from jetimg.release.download import DownloadRequest, download
from jetimg.release.remote_files import source
from jetimg.release.zenodo import PRODUCTION


def cached(text: str, folder: Path | None = None) -> Path:
    """The folder with a record's files, verified when they were downloaded.

    Args:
        text: a DOI, or the number of a record of zenodo.org.
        folder: where downloaded records are kept; `jetimg` in the user's cache folder if None.

    Raises:
        DataError: no record, or one that is refused or does not come.
    """
    record = source(text, PRODUCTION)
    host = "zenodo" if record.server == PRODUCTION else record.server.rpartition("/")[2].replace(":", "-")
    target = (folder or _folder()) / f"{host}-{record.number}"
    receipt = receipts.read(target) if target.is_dir() else None
    if receipt is None or not all((target / name).is_file() for name in receipt.files):
        download(DownloadRequest([record]), target, partial(bar, f"to {target}", in_bytes=True))
    return target


def _folder() -> Path:
    """As the XDG base directory specification has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jetimg"
