"""Writes the locks: `make lock`, or `python -m tools.lock [--upgrade]` where `uv` is on PATH.

Versions stay as they are in the locks that are there, as far as pyproject.toml allows; `--upgrade` takes the newest.
One lock serves all Pythons of the project and Linux and macOS: uv resolves for all of them at once, and writes a marker
where a package is needed on some only.

requirements.lock            all but the networks: data, simulation, workflow, release, tests, tools
requirements-models.lock     what the extras `models`, `hls4ml`, `serving`, `tensorboard` need beside it, without torch
requirements-docs.lock       what the extra `docs` needs beside these: the site of the docs
requirements-remote.lock     what `slurm`, `htcondor`, `http`, `xrootd`, `s3`, `servers` need beside these, for tests
requirements-torch-cpu.lock  PyTorch's own CPU build of torch, which is not on PyPI
requirements-torch.lock      PyPI's torch, for Linux with CUDA and all that it needs

torch is in two locks of its own, because one that has the hashes of both builds does not do: of two files that fit, pip
takes the one whose hash the index gives, which is PyPI's, and with it several GB of CUDA.
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
# uv does not find it. The hash is that of the file for CPython 3.11 on Linux x86-64.
CPU_BUILD = "torch==2.13.0+cpu"
CPU_FILES = {
    "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl": (
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
    )
}
OF_TORCH = re.compile(r"(cuda|nvidia)-|triton$|torch$")
WRITTEN = "# Written by `make lock`: exact versions and hashes."
HEADS = {
    "requirements.lock": f"{WRITTEN} All but the networks.\n",
    "requirements-models.lock": (
        f"{WRITTEN}\n# What `models`, `hls4ml`, `serving`, `tensorboard` need beside requirements.lock, without\n"
        "# torch: install it with requirements-torch-cpu.lock or requirements-torch.lock beside it.\n"
    ),
    "requirements-docs.lock": f"{WRITTEN} What `make docs` needs beside requirements.lock.\n",
    "requirements-remote.lock": (
        f"{WRITTEN} What tests of clusters and remote files need\n"
        "# beside the others: plugins of Snakemake, and servers.\n"
    ),
    "requirements-torch-cpu.lock": (
        f"{WRITTEN} PyTorch's own CPU build, where pip finds it:\n"
        "# this version is not on PyPI, so elsewhere pip says at once that nothing matches. Hashes of\n"
        + "".join(f"# {file}\n" for file in CPU_FILES)
    ),
    "requirements-torch.lock": f"{WRITTEN} PyPI's torch; on Linux it is the build for CUDA, several GB.\n",
}

Blocks = dict[str, str]


def compile_lock(requirements: str, *options: str, pins: str = "") -> Blocks:
    """The lock that uv makes for all Pythons and systems.

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
    found: Blocks = {}
    for block in filter(None, re.split(r"(?m)^(?=\S)", lines)):
        name = block.partition("==")[0]
        # One package may stand there twice, for older and newer Pythons.
        found[name] = found.get(name, "") + block
    return found


def locked_versions() -> str:
    """The versions of the locks that are there; without hashes, which uv would keep whether they are right or not."""
    files = [ROOT / name for name in HEADS if "cpu" not in name and (ROOT / name).is_file()]
    lines = [line for file in files for line in file.read_text().splitlines() if re.match(r"\w", line)]
    return "".join(line.rstrip("\\") + "\n" for line in lines)


def cpu_build(locked: str) -> Blocks:
    """The lock of PyTorch's own CPU build.

    Raises:
        SystemExit: the locked torch is of another version than the build that is known here.
    """
    version = locked.split()[0]
    if not CPU_BUILD.startswith(f"{version}+"):
        sys.exit(f"{version} is locked, but tools/lock.py knows the hashes of {CPU_BUILD} only: add those of its files")
    return {"torch": CPU_BUILD + "".join(f" \\\n    --hash=sha256:{digest}" for digest in CPU_FILES.values()) + "\n"}


def write(name: str, found: Blocks) -> None:
    """Writes a lock into the repository."""
    text = HEADS[name] + "".join(found[package] for package in sorted(found))
    (ROOT / name).write_text(text)


def main() -> None:
    """Writes all six."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="the newest versions that pyproject.toml allows")
    upgrade = parser.parse_args().upgrade
    pins = "" if upgrade else locked_versions()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    data = [*project["dependencies"]]
    data += [line for name in ("simulation", "workflow", "tables", "release", "test", "dev") for line in extras[name]]
    networks = [line for name in ("models", "hls4ml", "serving", "tensorboard") for line in extras[name]]
    remote = [line for name in ("slurm", "htcondor", "http", "xrootd", "s3", "servers") for line in extras[name]]
    every = compile_lock("\n".join([*data, *networks, *extras["docs"], *remote]), pins=pins)
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as file:
        file.write("".join(every.values()))
        file.flush()
        base = compile_lock("\n".join(data), "--constraints", file.name)
        both = compile_lock("\n".join([*data, *networks]), "--constraints", file.name)
        with_docs = compile_lock("\n".join([*data, *networks, *extras["docs"]]), "--constraints", file.name)
    # The marker of all together: the networks may need on all Pythons what the rest needs on one.
    base = {name: every[name] for name in base}
    torch = {name: every[name] for name in both if OF_TORCH.match(name)}
    models = {name: every[name] for name in both if name not in base and name not in torch}
    docs = {name: every[name] for name in with_docs if name not in both}
    plugins = {name: block for name, block in every.items() if name not in with_docs}
    write("requirements.lock", base)
    write("requirements-models.lock", models)
    write("requirements-docs.lock", docs)
    write("requirements-remote.lock", plugins)
    write("requirements-torch-cpu.lock", cpu_build(torch["torch"]))
    write("requirements-torch.lock", torch)
    print(
        f"{len(base)} packages, {len(models)} more for the networks, {len(torch)} for PyPI's torch, "
        f"{len(docs)} for the docs, {len(plugins)} for clusters and remote files",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
