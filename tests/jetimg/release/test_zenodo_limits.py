"""All that Zenodo would refuse is told at once, before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.release import zenodo_limits
from jetimg.release.metadata import deposit
from tests.helpers.release_metadata import metadata


def described(folder: Path, **changes: Any) -> Path:
    content = deposit(metadata(), 1, 1)
    content["metadata"] |= changes
    (folder / "zenodo.json").write_text(json.dumps(content))
    return folder


def test_a_good_record_has_no_faults(tmp_path: Path) -> None:
    assert zenodo_limits.faults(described(tmp_path), {"a.h5": 1}) == []


@pytest.mark.parametrize(
    ("sizes", "fault"),
    [
        ({f"{k}.h5": 1 for k in range(101)}, "101 files; a record takes 100"),
        ({"a.h5": 50_000_000_000}, "50000000000 bytes; a record is smaller than 50000000000"),
        ({"a.h5": 0}, "a.h5: an empty file"),
    ],
)
def test_too_many_or_too_large_files(tmp_path: Path, sizes: dict[str, int], fault: str) -> None:
    (found,) = zenodo_limits.faults(described(tmp_path), sizes)
    assert found.startswith(f"{tmp_path}: {fault}")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"title": ""}, "no title"),
        ({"license": None}, "no license"),
        ({"creators": []}, "no creators"),
        ({"creators": [{"affiliation": "x"}]}, "creator 1 has no name"),
        ({"creators": [{"name": "x", "orcid": "0000-0002-1825-0098"}]}, "0000-0002-1825-0098 is no ORCID iD"),
        ({"publication_date": "27.11.2026"}, "publication_date 27.11.2026: not YYYY-MM-DD"),
    ],
)
def test_wrong_metadata(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    (found,) = zenodo_limits.faults(described(tmp_path, **changes), {"a.h5": 1})
    assert fault in found


@pytest.mark.parametrize("orcid", ["0000-0002-1825-0097", "0000-0001-5109-3700", "0000-0002-9079-593X"])
def test_real_orcids_are_good(tmp_path: Path, orcid: str) -> None:
    """Those of https://support.orcid.org's own examples."""
    folder = described(tmp_path, creators=[{"name": "x", "orcid": orcid}])
    assert zenodo_limits.faults(folder, {"a.h5": 1}) == []


def test_all_faults_come_together_and_the_command_says_them(released: Path) -> None:
    content = json.loads((released / "zenodo.json").read_text())
    content["metadata"] |= {"title": "", "publication_date": "soon"}
    (released / "zenodo.json").write_text(json.dumps(content))
    names = [path.name for path in released.iterdir() if path.name not in (checksums.MD5, checksums.SHA256)]
    checksums.write(released, {name: checksums.of(released / name) for name in names})
    done = CliRunner().invoke(app, ["publish", str(released), "--dry-run"])
    assert isinstance(done.exception, DataError)
    assert [word in str(done.exception) for word in ("no title", "not YYYY-MM-DD", "2 faults")] == [True] * 3
