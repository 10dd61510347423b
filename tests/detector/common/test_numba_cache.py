"""Compiled functions start fast in our commands, and change nothing in anybody else's program."""

import subprocess
import sys
from pathlib import Path

import numba
import numba.core.entrypoints
import pytest

from detector.common import numba_cache

ROOT = Path(__file__).parents[3]

LOADED = """
import detector.common.numba_cache
import numba
numba.njit(lambda x: x + 1)(1)
print(" ".join(name for name in ("vector", "awkward._connect.numba.arrayview") if name in sys.modules))
"""
COMMAND = """
import sys
from jetimg.cli.main import main
sys.argv = ["jetimg", "check", "tests/data/tt.root"]
try: main()
except SystemExit as end: assert end.code == 0, end.code
"""
PROGRAM = """
import sys
from pathlib import Path
from detector import load
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
convert(DelphesInputs([Path("tests/data/tt.root")], "tt"), Path(sys.argv[1]), Setup(load(), ImageSettings()))
"""


@pytest.mark.parametrize(("code", "loaded"), [(COMMAND, []), (PROGRAM, ["awkward._connect.numba.arrayview"])])
def test_only_a_command_leaves_out_what_others_register(tmp_path: Path, code: str, loaded: list[str]) -> None:
    call = [sys.executable, "-c", code + LOADED, str(tmp_path / "tt.h5")]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(loaded) <= set(done.stdout.splitlines()[-1].split())
    assert loaded or done.stdout.splitlines()[-1].split() == []


def test_the_switch_that_leaves_them_out_is_still_there() -> None:
    """Private to numba: without it our commands would take a third longer, and nothing would say so."""
    assert isinstance(numba.core.entrypoints._already_initialized, bool)
    assert "_already_initialized" in numba.core.entrypoints.init_all.__code__.co_names


def one_more(x: int) -> int:
    return x + 1


def test_a_change_anywhere_in_the_package_compiles_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stamp is private to numba: without it, old machine code would be called with other arguments, and crash."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    hits = []
    for sources in ("one", "one", "another"):
        monkeypatch.setattr(numba_cache, "_sources", lambda sources=sources: sources)
        function = numba_cache.compiled(one_more)
        assert function._cache._cache_file._source_stamp == sources
        assert function(1) == 2
        hits.append(sum(function.stats.cache_hits.values()))
    assert hits == [0, 1, 0]
