"""What tests of downloading share."""

from pathlib import Path

from jetimg.release import download as downloading
from jetimg.release.remote_files import Source
from jetimg.release.zenodo import Patience
from tests.helpers.zenodo import Zenodo

FILE = r"GET /api/records/\d+/files/"
QUICK = Patience(tries=3, first=0.01, longest=0.02)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetch(server: Zenodo, output: Path, *numbers: str, patience: Patience = QUICK) -> bool:
    sources = [Source(server.url, number) for number in numbers or ("1",)]
    return downloading.download(downloading.DownloadRequest(sources, patience=patience), output)


def asked(server: Zenodo) -> list[str]:
    """Names of the files that were asked for."""
    return [request.split("/")[-2] for request in server.requests(FILE)]
