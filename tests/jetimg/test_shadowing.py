"""A user's folder may hold packages of his own that are called as ours: detector, models, workflow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetimg.dataset import manifest

ROOT = Path(__file__).parents[2]
# pip puts the console script beside the interpreter.
COMMAND = Path(sys.executable).with_name("jetimg")
OWN = ("detector", "models", "workflow")

SCRIPT = """
import sys
from pathlib import Path

from jetimg import JetImages

folder = Path(sys.argv[1])
shard = next(folder.glob("train-*.h5"))
print(len(JetImages([shard])[0]), sum(len(batch) for batch in JetImages([shard], 2, shuffle=True)))
images = JetImages.of_dataset(folder, "train", 2)
print(images.n_events, *images.class_names, *images.shape, images.geometry.eta_pitch)
"""


@pytest.fixture
def beside_own_packages(tmp_path: Path) -> Path:
    for name in OWN:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('this is the {name} of the user')\n")
    return tmp_path


def run(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_packages_would_be_taken_for_ours(beside_own_packages: Path) -> None:
    (beside_own_packages / "script.py").write_text("import detector\n")
    done = run(beside_own_packages, sys.executable, "script.py")
    assert "this is the detector of the user" in done.stderr


def test_a_script_reads_shards_and_a_data_set(beside_own_packages: Path, dataset: Path) -> None:
    (beside_own_packages / "script.py").write_text(SCRIPT)
    done = run(beside_own_packages, sys.executable, "script.py", dataset)
    assert done.returncode == 0, done.stderr
    shards = [shard for shard in manifest.read(dataset).shards if shard.split == "train"]
    first, second = done.stdout.splitlines()
    assert first.split()[0] == "1"
    assert int(first.split()[1]) in {shard.n_events for shard in shards}
    assert second == f"{sum(shard.n_events for shard in shards)} b t H V q 340 360 0.0174"


def test_the_command_works_there(beside_own_packages: Path, data: Path) -> None:
    assert COMMAND.is_file(), f"{COMMAND} is missing: pip install -e ."
    done = run(beside_own_packages, COMMAND, "convert", data / "tt.root", "-o", "tt.h5")
    assert done.returncode == 0, done.stderr
    done = run(beside_own_packages, COMMAND, "show", "tt.h5", "-o", "tt.png")
    assert done.returncode == 0, done.stderr
    assert (beside_own_packages / "tt.png").read_bytes()[:4] == b"\x89PNG"
    done = run(beside_own_packages, COMMAND, "models", "evaluate", "--help")
    assert (done.returncode, "classical" in done.stdout) == (0, True), done.stderr
