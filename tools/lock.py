"""Writes the locks: `make lock`, or `python -m tools.lock [--upgrade]` where `uv` is on PATH.

Versions stay as they are in the locks that are there, as far as pyproject.toml allows; `--upgrade` takes the newest.
One lock serves all Pythons of the project and Linux and macOS: uv resolves for all of them at once, and writes a marker
where a package is needed on some only.

requirements.lock         all but the networks: data, simulation, workflow, release, tests, tools
requirements-models.lock  what the extra `models` needs beside it
requirements-cuda.lock    what PyPI's torch for Linux needs beside both, as constraints: a CPU build asks for none of it
requirements-pip.lock     the pip that installs them: older ones refuse hashes in constraints
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = "3.11"
PIP = "pip>=26.3"
# PyTorch's own CPU build is not on PyPI, so uv does not find its hash.
CPU_BUILD = {
    "torch==2.13.0": {
        "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl": (
            "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
        )
    }
}
OF_CUDA = re.compile(r"(cuda|nvidia)-|triton$")
HEADS = {
    "requirements.lock": "# Written by `make lock`. All but the networks; exact versions and hashes.\n",
    "requirements-models.lock": (
        "# Written by `make lock`. What the extra `models` needs beside requirements.lock. Use with the constraints of\n"
        "# requirements-cuda.lock. torch has the hashes of PyPI's files, and one of PyTorch's own CPU build:\n"
        "{cpu}"
    ),
    "requirements-cuda.lock": (
        "# Written by `make lock`. Constraints (pip install -c): what PyPI's torch for Linux needs beside the other locks.\n"
        "# PyTorch's CPU builds and macOS need none of it, and then pip installs none of it.\n"
    ),
    "requirements-pip.lock": "# Written by `make lock`. The pip that installs the other locks.\n",
}

Blocks = dict[str, str]


def compile_lock(requirements: str, *options: str, pins: str = "") -> Blocks:
    """uv's lock for all Pythons and systems.

    Args:
        requirements: lines of a requirements file.
        options: more of uv's options.
        pins: a lock whose versions are kept where that is possible.

    Returns:
        The lock's text for each package, by its name.

    Raises:
        subprocess.CalledProcessError: nothing fits; uv says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "requirements.in", Path(folder) / "requirements.lock"
        source.write_text(requirements)
        output.write_text(pins)
        call = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST, "--generate-hashes"]
        call += ["--strip-extras", "--no-annotate", "--no-header", "--output-file", str(output), *options, str(source)]
        subprocess.run(call, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return blocks(output.read_text())


def blocks(text: str) -> Blocks:
    """The text of each package in a lock, by its name."""
    lines = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    return {block.partition("==")[0]: block for block in re.split(r"(?m)^(?=\S)", lines) if block}


def with_cpu_build(found: Blocks) -> Blocks:
    """The same, with the hashes that PyPI does not have."""
    changed = dict(found)
    for pinned, files in CPU_BUILD.items():
        name = pinned.partition("==")[0]
        if name in found and re.match(rf"{re.escape(pinned)}\b", found[name]):
            more = "".join(f" \\\n    --hash=sha256:{digest}" for digest in files.values())
            changed[name] = found[name].rstrip("\n") + more + "\n"
    return changed


def write(name: str, found: Blocks) -> None:
    """Writes a lock into the repository."""
    cpu = "".join(f"#   {file}\n" for files in CPU_BUILD.values() for file in files)
    text = HEADS[name].replace("{cpu}", cpu) + "".join(found[package] for package in sorted(found))
    (ROOT / name).write_text(text)


def main() -> None:
    """Writes all four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="the newest versions that pyproject.toml allows")
    upgrade = parser.parse_args().upgrade
    pins = "" if upgrade else "".join((ROOT / name).read_text() for name in HEADS if (ROOT / name).is_file())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    data = [*project["dependencies"]]
    data += [line for name in ("simulation", "workflow", "release", "test", "dev") for line in extras[name]]
    every = compile_lock("\n".join([*data, *extras["models"]]), pins=pins)
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as file:
        file.write("".join(every.values()))
        file.flush()
        base = compile_lock("\n".join(data), "--constraints", file.name)
    # The marker of both together: the networks may need on all Pythons what the rest needs on one.
    base = {name: every[name] for name in base}
    cuda = {name: block for name, block in every.items() if OF_CUDA.match(name)}
    models = {name: block for name, block in every.items() if name not in base and name not in cuda}
    write("requirements.lock", base)
    write("requirements-models.lock", with_cpu_build(models))
    write("requirements-cuda.lock", cuda)
    write("requirements-pip.lock", compile_lock(PIP, "--no-emit-package", "setuptools", pins=pins))
    print(f"{len(base)} packages, {len(models)} more for the networks, {len(cuda)} more for CUDA", file=sys.stderr)


if __name__ == "__main__":
    main()
