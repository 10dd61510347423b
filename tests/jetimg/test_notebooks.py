"""The notebooks of docs/notebooks run on a small data set, and what is stored of them is clean."""

import os
import sys
from pathlib import Path

import nbformat
import pytest

from detector.geometry import boxes
from models.networks.build import build
from models.networks.config import Config, Model
from models.trained import checkpoint
from tests.helpers.batches import GRID

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Of each, a line that holds where it has worked.
HOLDS = {
    "detect": "assert len(found) == min(len(events), 8)",
    "look": "assert len(points) == len(events[0].value) > 500",
    "train": "assert losses[-1] < 0.5 * losses[0]",
}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that has not learned anything: what is found does not count here."""
    model = Model(
        channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4),
        class_names=("b", "t", "H", "V", "q"),
        image_shape=(GRID.n_eta, GRID.n_phi),
        eta_pitch=GRID.eta_pitch,
        box_size=boxes.size(GRID, 0.4),
    )
    path = tmp_path_factory.mktemp("network") / "small.pt"
    checkpoint.save(path, Config(model=model), build(model))
    return path


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(HOLDS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, dataset: Path, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("JETIMG_DATASET", str(dataset))
    monkeypatch.setenv("JETIMG_NETWORK", str(network))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(HOLDS[path.stem]))
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_clean(path: Path) -> None:
    assert path.stat().st_size < 300_000
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "not run from top to bottom"
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert not [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"]
    assert "/tmp" not in path.read_text()


def test_the_network_of_your_own_is_plain_pytorch() -> None:
    """Thirty lines, none of which needs our networks or our batches."""
    notebook = nbformat.read(ROOT / "docs" / "notebooks" / "train.ipynb", as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert not [word for word in ("models", "JetImages", "jetimg.loader", "torch_dataset") if word in "\n".join(code)]
    lines = [line for line in code[1].splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(lines) <= 33
