"""A script that a campaign runs where it asks for `jetimg`."""

import sys
from pathlib import Path


def instead_of_jetimg(folder: Path, script: str) -> None:
    """Writes `bin/jetimg` into the campaign's folder; in the script, {folder}, {python} and {jetimg} are replaced."""
    program = folder / "bin/jetimg"
    program.parent.mkdir(exist_ok=True)
    jetimg = Path(sys.executable).parent / "jetimg"
    program.write_text(script.format(folder=folder, python=sys.executable, jetimg=jetimg))
    program.chmod(0o755)
