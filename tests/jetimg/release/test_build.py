"""A release is complete, says what it is, is the same every time, and fits its archive."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from detector import load
from detector.geometry.description import DEFAULT
from jetimg.cli.main import app
from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, parts
from jetimg.dataset.manifest import Shard
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Reader
from jetimg.release.build import ReleaseRequest, release
from jetimg.release.metadata import Metadata
from jetimg.release.readme import Contents, readme
from tests.helpers import release_metadata

ROOT = Path(__file__).parents[3]
ALWAYS = {"manifest.json", "config.json", "cms.yaml", "software.json", "README.md", "zenodo.json", "croissant.json"}


def request_for(dataset: Path, **metadata: object) -> ReleaseRequest:
    return ReleaseRequest(dataset, release_metadata.metadata(**metadata), load(), DEFAULT)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_is_whole_and_says_so(released: Path, dataset: Path) -> None:
    names = {path.name for path in released.iterdir()}
    assert names >= ALWAYS | {"SHA256SUMS", "md5sums.txt"} | {path.name for path in dataset.iterdir()}
    report = verify(released)
    assert (report.faults, report.n_files, report.n_events) == ([], 5, 12)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum of GNU coreutils")
def test_plain_tools_check_it(released: Path) -> None:
    for call in (["sha256sum", "--check", "--strict", "SHA256SUMS"], ["md5sum", "--check", "--strict", "md5sums.txt"]):
        assert subprocess.run(call, cwd=released, capture_output=True, check=False).returncode == 0


def test_a_second_release_has_the_same_bytes(released: Path, dataset: Path, tmp_path: Path) -> None:
    release(request_for(dataset), tmp_path / "again")
    assert contents(tmp_path / "again") == contents(released)


def test_an_older_release_is_replaced_and_nothing_else_is(released: Path, dataset: Path, tmp_path: Path) -> None:
    release(request_for(dataset, title="Another title"), released)
    assert "# Another title" in (released / "README.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["release"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="mine: exists and is not a release"):
        release(request_for(dataset), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_the_five_lines_of_the_readme_read_an_event(released: Path) -> None:
    text = (released / "README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) == 5
    check = (
        "assert image.sum() > 0 and boxes.shape == (len(classes), 4); np.savez('../read.npz', image=image, boxes=boxes)"
    )
    subprocess.run([sys.executable, "-c", code + check], cwd=released, check=True)
    with np.load(released.parent / "read.npz") as read, Reader(released / "train-00000.h5") as reader:
        batch = reader.read(0, 1)
        for layer, name in zip(read["image"], ("tracker", "ecal", "hcal"), strict=True):
            np.testing.assert_array_equal(np.flatnonzero(layer), batch.tables[name]["pixel"])
            np.testing.assert_array_equal(layer[layer > 0], batch.tables[name]["value"])
        np.testing.assert_array_equal(read["boxes"], batch.tables["jets"]["box"])


def test_the_readme_describes_every_column(released: Path) -> None:
    text = (released / "README.md").read_text()
    with h5py.File(released / "train-00000.h5") as file:
        columns = [
            f"`/{group}/{name}`" for group in file if group != "files" for name in file[group] if name != "indptr"
        ]
    assert [column for column in columns if column not in text] == []
    rows = [line for line in text.splitlines() if line.startswith("| `/")]
    assert rows
    assert {row.count("|") for row in rows} == {4}, "a bar in a cell makes one more column"
    for word in ("Licence", "CC-BY-4.0", "cite", "Known limits", "GeV"):
        assert word in text


def test_mlcroissant_accepts_the_metadata(released: Path) -> None:
    program = Path(sys.executable).with_name("mlcroissant")
    if not program.exists():
        pytest.skip("needs mlcroissant's command")
    call = [str(program), "validate", "--jsonld", str(released / "croissant.json")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Done." in done.stdout + done.stderr
    described = json.loads((released / "croissant.json").read_text())
    listed = checksums.read(released / checksums.SHA256)
    assert {file["name"]: file["sha256"] for file in described["distribution"]} == {
        name: digest for name, digest in listed.items() if name not in ("croissant.json", checksums.MD5)
    }


def test_the_deposit_has_what_zenodo_asks_for(dataset: Path, tmp_path: Path) -> None:
    creator = {"name": "Curie, Marie", "affiliation": "Paris", "orcid": "0000-0002-1825-0097"}
    request = request_for(dataset, creators=[creator], date="2026-11-22", description="x < y & z")
    release(request, tmp_path / "release")
    fields = json.loads((tmp_path / "release" / "zenodo.json").read_text())["metadata"]
    assert {"title", "upload_type", "description", "creators", "publication_date", "license"} <= set(fields)
    assert fields["creators"] == [creator]
    assert fields["description"] == "<p>x &lt; y &amp; z</p>"
    assert fields["publication_date"] == "2026-11-22"


def test_check_jsonschema_accepts_the_citation_file() -> None:
    pytest.importorskip("check_jsonschema")
    call = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]
    done = subprocess.run([*call, str(ROOT / "CITATION.cff")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["README.md", "cms.yaml", "md5sums.txt", "train-00000.h5"])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_verify_finds_every_damage(released: Path, name: str, damage: str) -> None:
    path = released / name
    content = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    faults = verify(released).faults
    assert any(str(path) in fault for fault in faults), faults


def test_verify_finds_what_does_not_belong(released: Path) -> None:
    (released / "notes.txt").write_text("not part of it")
    assert verify(released).faults == [f"{released / 'notes.txt'}: not in SHA256SUMS"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a/../../b", "-rf", "*"])
def test_a_list_that_names_files_elsewhere_is_refused(released: Path, name: str) -> None:
    with (released / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(DataError, match=r"SHA256SUMS: line .* is not a plain file name: refused"):
        verify(released)


def test_several_records_are_whole_together_and_each_by_itself(split: Path, dataset: Path) -> None:
    folders = parts.folders(split)
    assert [folder.name for folder in folders] == ["record-1", "record-2", "record-3"]
    assert (verify(split).faults, verify(split).n_events) == ([], 12)
    for number, folder in enumerate(folders, 1):
        assert verify(folder).faults == []
        assert f"part {number} of 3" in (folder / "README.md").read_text()
        assert f"part {number} of 3" in json.loads((folder / "zenodo.json").read_text())["metadata"]["title"]
    shards = sorted(path.name for folder in folders for path in folder.glob("*.h5"))
    assert shards == sorted(path.name for path in dataset.glob("*.h5"))


def test_a_missing_or_foreign_record_is_named(split: Path) -> None:
    shutil.rmtree(split / "record-2")
    assert any("records 1 of 3, 3 of 3: not all parts" in fault for fault in verify(split).faults)
    shutil.copytree(split / "record-1", split / "record-2")
    assert any("more than once" in fault for fault in verify(split).faults)


def test_a_record_keeps_below_its_bytes(dataset: Path, tmp_path: Path) -> None:
    limit = 450_000
    records = release(request_for(dataset, record_bytes=limit), tmp_path / "release")
    assert len(records) > 1
    for folder in parts.folders(tmp_path / "release"):
        assert sum(path.stat().st_size for path in folder.iterdir()) < limit


def shards_of(sizes: list[int]) -> list[Shard]:
    return [Shard(name=f"train-{k:05d}.h5", split="train", sha256="", n_events=1, bytes=n) for k, n in enumerate(sizes)]


@given(
    st.lists(st.integers(0, 20_000_000_000), min_size=1, max_size=300),
    st.integers(1, 20),
    st.integers(0, 1_000_000),
)
def test_every_plan_keeps_zenodos_limits_and_every_shard(sizes: list[int], others: int, others_bytes: int) -> None:
    shards = shards_of(sizes)
    planned = parts.plan(shards, others, others_bytes, 100, 50_000_000_000)
    assert [name for part in planned for name in part.shards] == [shard.name for shard in shards]
    assert [(part.number, part.of) for part in planned] == [(k, len(planned)) for k in range(1, len(planned) + 1)]
    size = {shard.name: shard.bytes for shard in shards}
    for part in planned:
        assert len(part.shards) + others <= 100
        assert sum(size[name] for name in part.shards) + others_bytes < 50_000_000_000


def test_a_shard_too_large_for_any_record_is_named() -> None:
    with pytest.raises(DataError, match=r"train-00001\.h5: 50000000000 bytes .* make smaller shards"):
        parts.plan(shards_of([1, 50_000_000_000]), 10, 0, 100, 50_000_000_000)


def test_a_damaged_data_set_is_not_released(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    shard = copy / "train-00000.h5"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"not released:\n.*train-00000\.h5: its sha256 is"):
        release(request_for(copy), tmp_path / "release")
    shard.unlink()
    with pytest.raises(DataError, match=r"train-00000\.h5: missing"):
        release(request_for(copy), tmp_path / "release")
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_another_detector_is_refused(dataset: Path, tmp_path: Path) -> None:
    for table in DEFAULT.parent.glob("*.csv"):  # which the description names
        shutil.copy(table, tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text(DEFAULT.read_text() + "# another\n")
    with pytest.raises(DataError, match=r"other\.yaml: its sha256 is .*--detector"):
        release(ReleaseRequest(dataset, release_metadata.metadata(), load(other), other), tmp_path / "release")


def test_the_command(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("| sample |\n")
    said = "title: Mine\ncreators: [{name: Me}]\nlicence: CC0-1.0\nrecord_files: 50\n"
    (tmp_path / "metadata.yaml").write_text(said)
    call = ["release", str(dataset), "-o", str(tmp_path / "r"), "--include", str(tmp_path / "summary.md")]
    done = CliRunner().invoke(app, [*call, "--metadata", str(tmp_path / "metadata.yaml")])
    assert done.exit_code == 0, done.output
    assert "1 record, verified" in done.output
    assert (tmp_path / "r" / "summary.md").read_text() == "| sample |\n"
    assert CliRunner().invoke(app, ["verify", str(tmp_path / "r")]).exit_code == 0
    (tmp_path / "metadata.yaml").write_text("titel: Mine\n")
    assert CliRunner().invoke(app, [*call, "--metadata", str(tmp_path / "metadata.yaml")]).exit_code == 2


@pytest.mark.parametrize("unset", [("title", "creators", "licence"), ("licence",), ("title",)])
def test_nothing_is_released_in_the_name_of_nobody(unset: tuple[str, ...], dataset: Path, tmp_path: Path) -> None:
    said = {key: value for key, value in release_metadata.SAID.items() if key not in unset}
    with pytest.raises(DataError, match=f"no release without {', '.join(unset)}: write them under `release:`"):
        release(ReleaseRequest(dataset, Metadata(**said), load(), DEFAULT), tmp_path / "release")
    assert not list(tmp_path.iterdir())


def test_the_readme_of_shards_of_1_1_reads_pixels(dataset: Path) -> None:
    for version, code in (("1.1", '["pixel"]'), ("2.0", 'np.cumsum(file[name]["step"]')):
        described = manifest.read(dataset).model_copy(update={"format_version": version})
        record = parts.ReleaseRecord(number=1, of=1, shards=tuple(shard.name for shard in described.shards))
        text = readme(Contents(described, record, release_metadata.metadata(), (340, 360), {}))
        assert code in text
        assert ("`/ecal/step`" in text) == (version == "2.0")
