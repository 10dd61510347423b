"""No command writes over what it reads, or over a file of another kind: it says so in one line, and nothing changes."""

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from jetimg.cli.main import app, main
from tests.helpers.release_metadata import SAID

# What makes the files, and in what order.
MADE = [
    "convert tt.root --sample tt --output tt.h5",
    "convert bb.root --sample bb --output bb.h5",
    "plan tt.h5 bb.h5 --test bb --validation-fraction 0 --test-fraction 0 --output plan.json",
    "shard plan.json --output set/train-00000.h5",
    "shard plan.json --output set/test-00000.h5",
    "manifest plan.json set",
    "release set --metadata metadata.yaml --output release",
    "export-reference tt.h5 --output theirs.h5",
    "models detect fast tt.h5 --output found.h5",
    "models detect fast tt.h5 --output found.root",
    "models detect fast tt.h5 --output found.parquet",
    "detector commands --sample tt --events 3 --seed 1 --output tt.cmnd",
    "detector card --output card.tcl",
]

INPUT, OTHER = "this is an input", "no such output"
# What is typed, and words of the line that it ends with.
REFUSED = [
    ("check tt.root --output tt.root", "JSON files end in .json"),
    ("check tt.root --output mine.json", OTHER),
    ("audit tt.root --output tt.root", "JSON files end in .json"),
    ("convert tt.root --output found.h5", OTHER),
    ("convert tt.root --output set/test-00000.h5", OTHER),
    ("convert tt.root --output theirs.h5", OTHER),
    ("convert tt.root --output set", "event files end in"),
    ("plan tt.h5 bb.h5 --output tt.h5", "JSON files end in .json"),
    ("shard plan.json --name train-00000.h5 --output tt.h5", INPUT),
    ("shard plan.json --name train-00000.h5 --output found.h5", OTHER),
    ("show tt.h5 --output tt.h5", INPUT),
    ("show tt.h5 --detections found.h5 --output found.h5", INPUT),
    ("show tt.h5 --output bb.h5", OTHER),
    ("view tt.h5 --output tt.h5", "pages end in .html"),
    ("import-reference theirs.h5 --output theirs.h5", INPUT),
    ("import-reference theirs.h5 --output found.h5", OTHER),
    ("export-reference tt.h5 --output tt.h5", INPUT),
    ("export-reference tt.h5 --output bb.h5", OTHER),
    ("export set --to npz --output set", "is not empty"),
    ("release set --metadata metadata.yaml --output set", "exists and is not a release"),
    ("publish release --output release/zenodo.json", INPUT),
    ("summary set --output tt.h5", "tt.h5"),
    ("models detect fast tt.h5 --output tt.h5", INPUT),
    ("models detect fast set --output set/train-00000.h5", OTHER),
    ("models detect fast tt.root --output bb.root", OTHER),
    ("models detect fast tt.root --output mine.parquet", OTHER),
    ("models classical set --output set/train-00000.h5", OTHER),
    ("models score found.h5 set --output scored --table found.h5", "tables in Markdown end in .md"),
    ("models oracle tt.h5 --output tt.h5", "JSON files end in .json"),
    ("models evaluate set fast --output set", "holds other files"),
    ("models export run/network.pt --output run/network.pt", "ONNX files end in .onnx"),
    ("models train set --start run/network.pt --output run", "the run begins with it"),
    ("models quantize set run/network.pt --kind int8 --output run", "the run begins with it"),
    ("models prune set run/network.pt --output run", "the run begins with it"),
    ("models train set --output run", "of no run that could go on"),
    ("detector simulate --sample tt --events 1 --seed 1 --output found.root", OTHER),
    ("detector gun --sample e --particle e --events 1 --seed 1 --output found.root", OTHER),
    ("detector pool --seed 1 --output tt.root", OTHER),
    ("detector card --detector mine.yaml --output mine.yaml", INPUT),
    ("detector card --output tt.cmnd", OTHER),
    ("detector commands --sample tt --events 1 --seed 1 --output card.tcl", OTHER),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each kind."""
    root, folder = Path(__file__).parents[3], tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for sample in ("tt", "bb"):
            shutil.copy(root / f"tests/data/{sample}.root", folder)
        shutil.copy(root / "detector/geometry/cms.yaml", folder / "mine.yaml")
        for table in (root / "detector/geometry").glob("*.csv"):
            shutil.copy(table, folder)
        Path("metadata.yaml").write_text(yaml.safe_dump(SAID))
        Path("mine.json").write_text("x = 1\n")
        Path("mine.parquet").write_bytes(b"PAR1 of others")
        for line in MADE:
            ran = CliRunner().invoke(app, line.split())
            assert ran.exit_code == 0, f"{line}: {ran.output}{ran.exception or ''}"
        Path("run").mkdir()
        shutil.copy(root / "models/zoo/fast.pt", "run/network.pt")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("line", "words"), REFUSED, ids=[line for line, _ in REFUSED])
def test_it_is_refused(
    line: str, words: str, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setattr("sys.argv", ["jetimg", *line.split()])
    before = content(files)
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().err.strip()
    assert end.value.code in (1, 2), told
    assert words in told
    assert len(told.splitlines()) == 1
    assert content(files) == before


@pytest.mark.parametrize("line", [line for line in MADE if not line.startswith(("manifest", "plan"))])
def test_its_own_kind_is_made_again(line: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    ran = CliRunner().invoke(app, line.split())
    assert ran.exit_code == 0, f"{line}: {ran.output}{ran.exception or ''}"
