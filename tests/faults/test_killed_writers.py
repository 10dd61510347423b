"""Killed writers and full disks: whole files or none, and the next run as if nothing had happened."""

import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from detector import load
from jetimg.common.atomic import write_text
from jetimg.common.errors import DataError
from jetimg.dataset import shard
from jetimg.dataset.plan import Sharding, make, read
from jetimg.dataset.verify import verify
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from tests.helpers.batches import random_batch, write

ROOT = Path(__file__).parents[2]
SETUP = Setup(load(), ImageSettings())


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "jetimg", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def killed(output: Path, delay: float, *arguments: object) -> None:
    """Starts a command and kills it `delay` seconds after the temporary file of its output appeared."""
    process = subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not any(output.parent.glob(f".{output.name}.*.partial")) and process.poll() is None:
            time.sleep(0.001)
        time.sleep(delay)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


DELAYS = np.random.default_rng(9).uniform(0, 0.15, 2).tolist()


@pytest.mark.parametrize("delay", DELAYS)
def test_convert_killed_and_run_again(data: Path, tmp_path: Path, delay: float) -> None:
    inputs = [data / f"{sample}.root" for sample in ("tt", "bb", "hh")]
    undisturbed = tmp_path / "undisturbed.h5"
    convert(DelphesInputs(inputs), undisturbed, SETUP)
    output = tmp_path / "out" / "x.h5"
    killed(output, delay, "convert", *inputs, "-o", output)
    if output.exists():  # it was faster than the kill: then it is complete
        assert output.read_bytes() == undisturbed.read_bytes()
    convert(DelphesInputs(inputs), output, SETUP)
    assert output.read_bytes() == undisturbed.read_bytes()
    assert list(output.parent.iterdir()) == [output]


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    path = write(folder / "tt.h5", random_batch(np.random.default_rng(1), 3000, most_hits=30))
    made = make([path], Sharding(events_per_shard=3000, validation_fraction=0, test_fraction=0), [], {})
    (folder / "plan.json").write_text(made.model_dump_json())
    return folder / "plan.json"


@pytest.mark.parametrize("delay", DELAYS)
def test_shard_killed_and_run_again(plan_file: Path, tmp_path: Path, delay: float) -> None:
    plan, name = read(plan_file), "train-00000.h5"
    shard.make(plan, name, tmp_path / "undisturbed.h5")
    output = tmp_path / "out" / name
    killed(output, delay / 4, "shard", plan_file, "-o", output)
    shard.make(plan, name, output)
    assert output.read_bytes() == (tmp_path / "undisturbed.h5").read_bytes()
    assert verify(output).faults == []
    assert list(output.parent.iterdir()) == [output]


def test_a_killed_writers_rest_is_removed(data: Path, tmp_path: Path) -> None:
    convert(DelphesInputs([data / "tt.root"]), tmp_path / "a.h5", SETUP)
    (tmp_path / ".b.h5.01234567.partial").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(10**6))
    convert(DelphesInputs([data / "tt.root"]), tmp_path / "b.h5", SETUP)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "b.h5"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this size: the write fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_at_any_size_leaves_nothing(data: Path, tmp_path: Path) -> None:
    """From the first bytes to the last ones, which HDF5 writes while it closes."""
    output = tmp_path / "out" / "x.h5"
    convert(DelphesInputs([data / "tt.root"]), output, SETUP)
    size = output.stat().st_size
    whole = output.read_bytes()
    output.unlink()
    for limit in (1, 4096, size // 2, size - 5000, size - 1):
        with largest_file(limit), pytest.raises(DataError, match=r"x\.h5: cannot be written: File too large"):
            convert(DelphesInputs([data / "tt.root"]), output, SETUP)
        assert list(output.parent.iterdir()) == []
    with largest_file(size):
        convert(DelphesInputs([data / "tt.root"]), output, SETUP)
    assert output.read_bytes() == whole


def test_what_was_there_survives_a_write_that_fails(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.h5"
    output.write_text("what was there")
    with largest_file(20_000), pytest.raises(DataError):
        convert(DelphesInputs([data / "tt.root"]), output, SETUP)
    assert output.read_text() == "what was there"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=80k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small tmpfs cannot be mounted here: that needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk(data: Path, small_disk: Path) -> None:
    output = small_disk / "x.h5"
    done = run("convert", data / "tt.root", data / "bb.root", "-o", output)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines() == [
        f"{output}: cannot be written: no space left on the device of {small_disk}; nothing was left under that name"
    ]
    assert list(small_disk.iterdir()) == []


def test_a_full_disk_for_shards_and_small_files(plan_file: Path, small_disk: Path) -> None:
    done = run("shard", plan_file, "-o", small_disk / "train-00000.h5")
    assert (done.returncode, "no space left" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    with pytest.raises(DataError, match=r"plan\.json: cannot be written: no space left"):
        write_text(small_disk / "plan.json", "x" * 200_000)
    assert list(small_disk.iterdir()) == []


def test_a_folder_that_is_a_file_or_an_output_that_is_a_folder(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file" / "x.h5", tmp_path / "file" / "deeper" / "x.h5"):
        with pytest.raises(DataError, match=r"x\.h5: cannot be written"):
            convert(DelphesInputs([data / "tt.root"]), output, SETUP)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="folder: cannot be written"):
        convert(DelphesInputs([data / "tt.root"]), tmp_path / "folder", SETUP)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
