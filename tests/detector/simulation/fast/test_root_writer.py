"""What of uproot's private modules the writer replaces: says what breaks when uproot changes them."""

import datetime
import importlib
import pkgutil
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import uproot.writing

from detector.simulation.fast import root_writer

# Modules whose clock `root_writer._stopped_clock` stops.
STOPPED = {"_cascade", "_cascadentuple", "_cascadetree", "writable"}


def test_uproot_asks_the_clock_where_it_is_stopped_and_nowhere_else() -> None:
    """A module that is renamed, or a new one that asks the time, makes files that differ from run to run."""
    asking = set()
    for found in pkgutil.iter_modules(uproot.writing.__path__):
        module = importlib.import_module(f"uproot.writing.{found.name}")
        if getattr(module, "datetime", None) is datetime:
            asking.add(found.name)
        else:
            text = Path(str(module.__file__)).read_text()
            assert "datetime" not in text, f"uproot.writing.{found.name} takes the time in another way"
        assert "time.time(" not in Path(str(module.__file__)).read_text()
    assert asking == STOPPED


def write(path: Path) -> bytes:
    groups = {"Event": {"Number": "i8", "Weight": "f4"}}
    with root_writer.create(path, {"made": "by a test"}, groups, ["Jet.Tau"]) as file:
        counts, columns = np.ones(3, np.int64), {"Number": np.arange(3), "Weight": np.ones(3)}
        file.extend({"Event": (counts, columns)}, {"Jet.Tau": (np.full(3, 5), np.arange(15.0))})
    return path.read_bytes()


def test_the_same_content_gives_the_same_bytes_a_second_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOT's time stamps count seconds. With the clock running the bytes differ, so this test can fail."""
    first = write(tmp_path / "one.root")
    monkeypatch.setattr(root_writer, "_stopped_clock", nullcontext)
    running = write(tmp_path / "two.root")
    monkeypatch.undo()
    time.sleep(1.1)
    assert write(tmp_path / "three.root") == first
    assert len(running) == len(first)
    assert running != first


def test_a_program_that_uses_uproot_too_keeps_its_clock(tmp_path: Path) -> None:
    write(tmp_path / "one.root")
    for name in STOPPED:
        assert importlib.import_module(f"uproot.writing.{name}").datetime is datetime


def test_a_program_that_uses_uproot_too_keeps_its_compression(tmp_path: Path) -> None:
    write(tmp_path / "one.root")
    assert uproot.ZLIB.library == "zlib"
    assert uproot.ZLIB(1).library == "zlib"


def test_files_are_read_by_zlib(tmp_path: Path) -> None:
    """Libdeflate wrote them: any reader of ROOT's ZL blocks takes them."""
    values = np.tile(np.arange(5.0), 600)
    with root_writer.create(tmp_path / "x.root", {}, {}, ["Jet.Tau"]) as file:
        file.extend({}, {"Jet.Tau": (np.full(600, 5), values)})
    with uproot.open(tmp_path / "x.root") as made:
        branch = made["Delphes"]["Jet.Tau"]
        assert branch.basket(0).compressed_bytes < branch.basket(0).uncompressed_bytes / 4
        assert np.array_equal(branch.array().to_numpy().ravel(), values)
