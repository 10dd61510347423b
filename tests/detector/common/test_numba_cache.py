"""Compiled functions start fast in our commands, and change nothing in anybody else's program."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

LOADED = """
assert "jetimg.imaging.raster" in sys.modules and "numba" in sys.modules
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
from jetimg.imaging.convert import Inputs, convert
from jetimg.imaging.settings import Images
convert(Inputs([Path("tests/data/tt.root")], "tt"), Path(sys.argv[1]), Setup(load(), Images()))
"""


@pytest.mark.parametrize(("code", "loaded"), [(COMMAND, []), (PROGRAM, ["awkward._connect.numba.arrayview"])])
def test_only_a_command_leaves_out_what_others_register(tmp_path: Path, code: str, loaded: list[str]) -> None:
    call = [sys.executable, "-c", code + LOADED, str(tmp_path / "tt.h5")]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(loaded) <= set(done.stdout.splitlines()[-1].split())
    assert loaded or done.stdout.splitlines()[-1].split() == []
