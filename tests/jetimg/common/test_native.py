"""Compiled functions of images: they load where a user's folder has the name of one of our packages."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = """
import numpy as np
from jetimg.common.native import native
from jetimg.event_file.digest import _mix

@native
def add(a: float, b: float) -> float:
    return a + b

print(add(1.5, 2.0))
import detector
print(detector.__file__)
"""


def test_beside_a_folder_called_detector(tmp_path: Path) -> None:
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "__init__.py").write_text("")
    (tmp_path / "script.py").write_text(SCRIPT)
    call = [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r}); import script"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3.5", str(tmp_path / "detector" / "__init__.py")]
