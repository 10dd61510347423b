"""Writes docs/dependencies.md: every direct dependency, its licence and why it is there.

Run it by `make pages`. Names and ranges are those of pyproject.toml, licences those of the installed packages'
metadata. Why stands here; a package without a reason is an error, so that none comes in unseen.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
WHY = {
    "awkward": "arrays of events with different numbers of particles, as uproot reads them",
    "deflate": "libdeflate: compresses the columns of event files and shards, and reads those that others sent",
    "h5py": "HDF5: event files and shards",
    "jinja2": "the HTML of the event viewer and of the report: templates in which texts are escaped",
    "llvmlite": "loads machine code that numba made before, without numba's own start",
    "markdown-it-py": "tables and pages of results, which are markdown, as HTML in the report; `rich` brings it too",
    "matplotlib": "all pictures",
    "numba": "compiled loops: images, fast simulation",
    "numpy": "arrays",
    "pydantic": "configurations, detector description, manifest: checked, with the key that is wrong",
    "pyyaml": "configurations and detector description are YAML",
    "rich": "tables and progress in the terminal",
    "typer": "the command line",
    "uproot": "reads and writes ROOT files without ROOT",
    "brevitas": "quantization-aware training to INT8",
    "faster-coco-eval": "COCO's average precision, as the field reports it",
    "onnx": "writes and checks ONNX files",
    "onnxruntime": "runs ONNX files: the check of an export, and latency",
    "onnxscript": "torch's ONNX exporter needs it",
    "tensorboard": "curves of trainings in a browser",
    "mkdocs-jupyter": "notebooks as pages of the site",
    "mkdocs-material": "the site of the docs, with its search",
    "mkdocstrings-python": "the pages of the Python API, from docstrings",
    "hls4ml": "C++ for an FPGA of a network, and its emulation by g++",
    "qonnx": "graphs that say how numbers are rounded, as hls4ml reads them",
    "tritonclient": "asks a server of the KServe v2 protocol: the remote side of a benchmark",
    "scikit-learn": "boosted trees on the classical jets: the strongest rival of the networks that knows no pixel",
    "torch": "networks and their training; the data set for batches",
    "fastjet": "anti-kt jets in the fast simulation",
    "pythia8mc": "Pythia 8: hard process, decays and soft collisions",
    "snakemake": "the workflow",
    "snakemake-logger-plugin-rich": "bars of a campaign on a terminal, a line a minute elsewhere",
    "snakemake-executor-plugin-slurm": "sends jobs to Slurm",
    "snakemake-executor-plugin-htcondor": "sends jobs to HTCondor",
    "snakemake-storage-plugin-http": "input files on the web",
    "snakemake-storage-plugin-xrootd": "input files on xrootd",
    "snakemake-storage-plugin-s3": "input files on S3",
    "moto": "a server of S3's protocol, for tests",
    "pyarrow": "writes and reads Parquet",
    "mlcroissant": "describes a release in Croissant, and validates it",
    "requests": "speaks with Zenodo",
    "tenacity": "tries again, with growing waits, when a server does not answer",
    "zenodo-get": "downloads records; run as a program of its own",
    "check-jsonschema": "the Croissant, Zenodo and configuration files of tests against their schemas",
    "datasets": "tests open the Parquet export with it, as users of the Hugging Face hub do",
    "hypothesis": "property tests",
    "ipykernel": "tests execute the notebooks in it",
    "nbclient": "tests execute the notebooks with it",
    "polars": "tests open the Parquet export with it",
    "psutil": "tests and benchmarks look at memory and processes",
    "pytest": "tests",
    "pytest-xdist": "tests on several cores",
    "selenium": "tests of the pages in Chromium",
    "setuptools": "builds wheel and sdist",
    "webdataset": "tests open the WebDataset export with it",
    "mypy": "types",
    "ruff": "format and lint",
    "snakefmt": "format of the workflow",
    "types-pyyaml": "types of pyyaml",
    "types-requests": "types of requests",
}
# Where the metadata are silent, or the package is in no lock: read in the licence file that comes with it.
LICENCES = {
    "brevitas": "BSD-3-Clause",
    "faster-coco-eval": "Apache-2.0",
    "mlcroissant": "Apache-2.0",  # no licence file either; conda-forge states this one
    "snakemake-logger-plugin-rich": "MIT",
    "snakemake-executor-plugin-slurm": "MIT",
    "snakemake-executor-plugin-htcondor": "MIT",
    "snakemake-storage-plugin-http": "MIT",
    "snakemake-storage-plugin-xrootd": "MIT",
    "snakemake-storage-plugin-s3": "MIT",
    "moto": "Apache-2.0",
}
# Classifiers of trove, for packages that state no SPDX expression.
CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-like",
}
HEAD = """# Dependencies

Written by `make pages`; a test holds it against `pyproject.toml` and the installed packages.
Exact versions of these and of all that they need stand in the locks, with hashes. jetimg itself is MIT.

Two need a thought when you hand on more than your own results: `pythia8mc` is under the GPL, and `zenodo-get` under the
AGPL. The first is in the extra `simulation` only. The second is run as a program of its own and never imported.
`fastjet` states the licence of its Python part; the FastJet that it holds is under the GPL.
"""
TITLES = {
    "": "Always",
    "models": "Extra `models`: networks",
    "simulation": "Extra `simulation`: Pythia and the fast detector simulation",
    "workflow": "Extra `workflow`",
    "slurm": "Extras for clusters and remote files (in a lock of their own)",
    "hls4ml": "Extra `hls4ml`: networks for FPGAs (docs/hls4ml.md)",
    "serving": "Extra `serving`: clients of servers (docs/serving.md)",
    "tensorboard": "Extra `tensorboard`: curves of trainings (docs/models.md)",
    "tables": "Extra `tables`: Parquet",
    "release": "Extra `release`: Zenodo",
    "test": "Extra `test`",
    "docs": "Extra `docs`: the site (`make docs`)",
    "dev": "Extra `dev`",
}
PLUGINS = ("slurm", "htcondor", "http", "xrootd", "s3", "servers")


def licence(name: str) -> str:
    """The licence of a package, by its metadata or, where they are silent, by `LICENCES`."""
    try:
        found = metadata(name).json
    except PackageNotFoundError:
        return LICENCES[name]
    if "license_expression" in found:
        return str(found["license_expression"])
    lines = [line for line in found.get("classifier", ()) if line.startswith("License")]
    if lines:
        return CLASSIFIED[lines[0].rpartition(" :: ")[2]]
    free = str(found.get("license", "")).strip()
    return free if free and len(free) < 40 else LICENCES[name]


def groups() -> dict[str, list[str]]:
    """Requirements of pyproject.toml by title's key; the plugins' extras together."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, list[str]] = {"": project["dependencies"]}
    for extra, lines in project["optional-dependencies"].items():
        found.setdefault(PLUGINS[0] if extra in PLUGINS else extra, []).extend(lines)
    return found


def page() -> str:
    """The page's text.

    Raises:
        KeyError: a dependency that has no reason or no licence here, or an extra without a title.
    """
    text = HEAD
    for extra, lines in groups().items():
        text += f"\n## {TITLES[extra]}\n\n| package | range | licence | why |\n| :-- | :-- | :-- | :-- |\n"
        for line in lines:
            name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
            limits = line.removeprefix(name)
            text += f"| {name} | {limits or 'any'} | {licence(name)} | {WHY[name]} |\n"
    return text


if __name__ == "__main__":
    PAGE.write_text(page())
