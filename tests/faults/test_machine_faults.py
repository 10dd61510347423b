"""A fault of the machine while a file is read ends the job; it is no verdict on the file, and is tried again."""

import errno
import io
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import load
from jetimg.common.checksums import sha256
from jetimg.common.errors import BadFile, MachineFault
from jetimg.common.machine_faults import MAX_REQUEST, is_machine_fault, raise_if_machine_fault
from jetimg.event_file.store import Reader
from jetimg.imaging import delphes_stream
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.verdicts import check

ROOT = Path(__file__).parents[2]
SETUP = Setup(load(), ImageSettings())
OF_THE_MACHINE = [
    *(OSError(number, os.strerror(number)) for number in (errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE)),
    *(OSError(number, os.strerror(number)) for number in (errno.ENOMEM, errno.ETIMEDOUT, errno.EACCES, errno.EAGAIN)),
    MemoryError(),
    RuntimeError("can't start new thread"),
    # As h5py says it.
    OSError("Can't synchronously read data (file read failed: time = now, errno = 5, error message = 'I/O error')"),
]
OF_THE_FILE = [
    OSError("expected Chunk of length 400, received 20 bytes"),  # uproot
    OSError("Can't synchronously read data (inflate() failed)"),  # h5py
    OSError(errno.EINVAL, "Invalid argument"),  # a place before the file's start
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    ValueError("x"),
    RuntimeError("x"),
]


@pytest.mark.parametrize("error", OF_THE_MACHINE, ids=str)
def test_of_the_machine(error: Exception) -> None:
    assert is_machine_fault(error)
    later = KeyError("x")
    later.__cause__ = error
    with pytest.raises(MachineFault, match=r"a/b\.root: not read: "):
        raise_if_machine_fault(later, Path("a/b.root"))


@pytest.mark.parametrize("error", OF_THE_FILE, ids=str)
def test_of_the_file(error: Exception) -> None:
    raise_if_machine_fault(error, Path("a"))
    assert not is_machine_fault(error)


def test_more_memory_than_any_file_needs_is_asked_for_by_damaged_bytes() -> None:
    with pytest.raises(MemoryError) as found:
        np.empty(2**46)
    assert MAX_REQUEST < 2**46
    assert not is_machine_fault(found.value)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()], ids=["EIO", "memory"])
@pytest.mark.parametrize("after", [0, 1, 4, 8, 16])
def test_any_read_may_fail(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, after: int
) -> None:
    reads = iter(range(10**6))

    class Failing(io.FileIO):
        def readinto(self, buffer: Any) -> int | None:
            if next(reads) >= after:
                raise error
            return super().readinto(buffer)

    monkeypatch.setattr(delphes_stream, "FileIO", Failing)
    with pytest.raises(MachineFault, match=r"tt\.root"):
        convert(DelphesInputs([data / "tt.root"]), tmp_path / "x.h5", SETUP)
    assert list(tmp_path.iterdir()) == []


def test_no_file_can_be_opened(data: Path, event_file: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    check(data / "tt.root", SETUP.detector, SETUP.settings)  # everything is imported
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
        with pytest.raises(MachineFault, match=r"tt\.root: not read: Too many open files"):
            check(data / "tt.root", SETUP.detector, SETUP.settings)
        with pytest.raises(MachineFault, match="Too many open files"):
            sha256(data / "tt.root")
        with pytest.raises(MachineFault, match=r"tt\.h5"):
            Reader(event_file)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_folder_that_cannot_be_searched_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(MachineFault, match="Permission denied"):
        check(tmp_path / "x.root", SETUP.detector, SETUP.settings)


@pytest.mark.parametrize(
    ("limit", "size", "said"),
    [(resource.RLIMIT_AS, 500 << 20, "ulimit -v"), (resource.RLIMIT_NOFILE, 5, "Too many open files")],
    ids=["memory", "files"],
)
def test_a_command_ends_with_one_line_and_3(tmp_path: Path, data: Path, limit: int, size: int, said: str) -> None:
    output = tmp_path / "x.h5"
    done = subprocess.run(
        [sys.executable, "-m", "jetimg", "convert", str(data / "tt.root"), "--keep-going", "-o", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (size, size)),
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1), done.stderr
    assert said in done.stderr
    assert not output.exists()


def test_a_missing_file_stays_a_verdict(tmp_path: Path) -> None:
    assert check(tmp_path / "x.root", SETUP.detector, SETUP.settings).verdict == "unreadable"
    with pytest.raises(BadFile):
        sha256(tmp_path / "x.root")
