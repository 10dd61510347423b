"""Makes the pictures of the docs: `make pictures`, or `python -m tools.pictures [--only NAME] [--delphes FOLDER] ...`.

Each is written as the command that draws it leaves it; nothing makes it smaller or takes colours away. What needs more
than the repository is left as it is, and named: real Delphes files, a campaign's results, or Chromium.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detector.common.errors import DataError
from models.trained import zoo

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DATA = ROOT / "tests" / "data"
SAMPLES = ("bb", "tt", "hh", "WW", "qq", "tth")

# Spectra and means of docs/results/simulation.md: events of each sample, seeds, soft collisions in the pool.
EVENTS, SEED, POOL_SEED, POOL_EVENTS = 300, 7, 11, 20_000
COMPARED = ("rings", "EFlowTrack", "EFlowPhoton", "EFlowNeutralHadron", "JetPUPPIAK8", "response", "multiplicities")

# Pictures of docs/results/models.md, by what an evaluation or a training calls them.
OF_NETWORKS = {"precision_recall": "precision-recall", "resolution": "resolution", "events": "detections"}

# Pictures of docs/results/classify.md, by the folder of a call of `jetimg models classify` and what it calls them.
OF_CLASSIFIERS = {
    ("photon", "examples"): "classify-photon-examples",
    ("photon", "energy"): "classify-photon-energy",
    ("photon", "roc"): "classify-photon-roc",
    ("transfer", "examples"): "classify-transfer-examples",
    ("transfer", "curve"): "classify-transfer-curve",
    ("transfer-composed", "examples"): "classify-transfer-composed-examples",
    ("transfer-composed", "curve"): "classify-transfer-composed-curve",
    ("transfer-full", "examples"): "classify-transfer-full-examples",
    ("transfer-full", "curve"): "classify-transfer-full-curve",
    ("process", "roc"): "classify-process-roc",
    ("top", "examples"): "classify-top-examples",
    ("top", "roc"): "classify-top-roc",
}

# Pictures of docs/results/masks.md, called like the folders of the calls of `jetimg models masks`.
OF_MASKS = ("masks", "masks-5000", "masks-crowded", "masks-pileup")

# The window of the viewer's pictures, and pixels of the picture for one of the window.
WINDOW, SHARPNESS = (1360, 900), 1.5


class Missing(Exception):
    """What is needed to make a picture is not here."""


@dataclass(frozen=True)
class Sources:
    """What pictures are made of.

    Attributes:
        work: folder for what is made on the way.
        delphes: real Delphes files, called as their sample, or None.
        networks: a campaign's folder `networks`, with an evaluation of `tth`, or None.
        network: for what the viewer shows: a file, or a name of the zoo.
        classifiers: folder of the calls of docs/results/classify.md, or None.
        masks: folder of the calls of docs/results/masks.md, or None.
    """

    work: Path
    delphes: Path | None
    networks: Path | None
    network: str | None
    classifiers: Path | None
    masks: Path | None


def run(*words: object) -> None:
    """Runs a command of the project, and stops with its message where it fails."""
    line = [sys.executable, "-m", *(str(word) for word in words)]
    subprocess.run(line, cwd=ROOT, check=True)


def keep(source: Path, name: str) -> None:
    """Takes a picture over."""
    PICTURES.mkdir(exist_ok=True)
    shutil.copyfile(source, PICTURES / name)
    print(f"docs/pictures/{name}")


def event(sources: Sources) -> None:
    """One ttH event with its boxes: `jetimg show`."""
    run("jetimg", "convert", DATA / "tth.root", "--sample", "tth", "--output", sources.work / "tth.h5")
    run("jetimg", "show", sources.work / "tth.h5", "--event", 1, "--output", sources.work / "tth.png")
    keep(sources.work / "tth.png", "tth.png")


def truth(sources: Sources) -> None:
    """A tt and a ttH event in the three truth modes: `jetimg truth-report`."""
    folder, number = (sources.delphes, 3) if sources.delphes else (DATA, 0)
    for sample in ("tt", "tth"):
        path = _first(folder, sample)
        run("jetimg", "truth-report", path, "--sample", sample, "--event", number, "--output", sources.work / "truth")
        keep(sources.work / "truth" / f"{sample}_event.png", f"truth_{sample}.png")


def viewer(sources: Sources) -> None:
    """The event viewer in Chromium, plane and cylinder: `jetimg view`."""
    from tests.helpers.chromium import PROGRAMS  # selenium is of the extra `test`

    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise Missing(f"{' and '.join(missing)} (Debian: apt-get install chromium chromium-driver)")
    files = []
    for sample in SAMPLES:
        files.append(sources.work / f"{sample}.h5")
        run("jetimg", "convert", DATA / f"{sample}.root", "--sample", sample, "--output", files[-1])
    page, found = sources.work / "events.html", sources.work / "found.h5"
    detections: list[object] = []
    if network := sources.network or next(iter(zoo.names()), None):
        run("jetimg", "models", "detect", network, *files, "--output", found)
        detections = ["--detections", found]
    run("jetimg", "view", *files, *detections, "--output", page)
    _photograph(page, sources.work)


def _photograph(page: Path, work: Path) -> None:
    from tests.helpers.chromium import chromium

    with chromium(work / "chromium") as browser:
        browser.open(page, WINDOW, at="#event=12", sharpness=SHARPNESS)
        browser.screenshot(work / "viewer.png")
        browser.open(page, WINDOW, dark=True, at="#event=12", sharpness=SHARPNESS)
        browser.press("c")
        browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        browser.screenshot(work / "cylinder.png")
    keep(work / "viewer.png", "viewer.png")
    keep(work / "cylinder.png", "viewer-cylinder.png")


def simulation(sources: Sources) -> None:
    """The embedded simulation beside real Delphes: `jetimg compare`. About ten minutes."""
    if sources.delphes is None:
        raise Missing("real Delphes files of all samples: --delphes FOLDER")
    pool, ours = sources.work / "pool.npz", sources.work / "ours"
    if not pool.is_file():
        run("jetimg", "detector", "pool", "--seed", POOL_SEED, "--events", POOL_EVENTS, "--output", pool)
    for sample in SAMPLES:
        path = ours / f"{sample}_0.root"
        if not path.is_file():
            call = ("--sample", sample, "--events", EVENTS, "--seed", SEED, "--pool", pool, "--output", path)
            run("jetimg", "detector", "simulate", *call)
    labels = ("--label-a", "Delphes", "--label-b", "embedded", "--pool-b", POOL_EVENTS)
    sets = (sources.delphes / "*_[01].root", "--to", ours / "*.root")
    run("jetimg", "compare", *sets, *labels, "--output", sources.work / "compare")
    for name in COMPARED:
        keep(sources.work / "compare" / f"{name}.png", f"compare-{name}.png")


def networks(sources: Sources) -> None:
    """What networks found, and how they were trained: `snakemake --configfile workflow/config/production.yaml`."""
    if sources.networks is None:
        raise Missing("a campaign with networks: --networks results/production/networks")
    for made, name in OF_NETWORKS.items():
        keep(sources.networks / "evaluation" / "test-tthBoosted" / f"{made}.png", f"{name}.png")
    (loss, *_) = sorted(sources.networks.glob("*/full/loss.png"))
    keep(loss, "training-loss.png")


def classifiers(sources: Sources) -> None:
    """Classifiers side by side: the calls of docs/results/classify.md."""
    if sources.classifiers is None:
        raise Missing("a folder of classifiers: those of docs/results/classify.md")
    for (call, made), name in OF_CLASSIFIERS.items():
        keep(sources.classifiers / call / f"{made}.png", f"{name}.png")


def masks(sources: Sources) -> None:
    """Masks beside the truth: the calls of docs/results/masks.md."""
    if sources.masks is None:
        raise Missing("a folder of masks: those of docs/results/masks.md")
    for call in OF_MASKS:
        keep(sources.masks / call / "masks.png", f"{call}.png")


def opening_angle(sources: Sources) -> None:
    """The angle between the photons of the gun's neutral pions, beside theory."""
    sources.work.mkdir(parents=True, exist_ok=True)
    made = sources.work / "opening-angle.png"
    subprocess.run([sys.executable, "-m", "benchmarks.opening_angle", made], cwd=ROOT, check=True)
    keep(made, made.name)


def benchmarks(_: Sources) -> None:
    """Ours beside targets and rivals: `make bench`, on a machine that does nothing else."""
    made = ROOT / "results" / "benchmarks" / "benchmarks.png"
    if not made.is_file():
        raise Missing(f"{made.relative_to(ROOT)}: make bench")
    keep(made, "benchmarks.png")


# What each recipe makes.
RECIPES: dict[Callable[[Sources], None], tuple[str, ...]] = {
    event: ("tth",),
    truth: ("truth_tt", "truth_tth"),
    viewer: ("viewer", "viewer-cylinder"),
    simulation: tuple(f"compare-{name}" for name in COMPARED),
    networks: (*OF_NETWORKS.values(), "training-loss"),
    classifiers: tuple(OF_CLASSIFIERS.values()),
    masks: OF_MASKS,
    opening_angle: ("opening-angle",),
    benchmarks: ("benchmarks",),
}


def _first(folder: Path, sample: str) -> Path:
    (path, *_) = sorted(folder.glob(f"{sample}_*.root")) or [folder / f"{sample}.root"]
    return path


def main() -> None:
    """Makes the pictures, and names those that could not be made and why."""
    names = [recipe.__name__ for recipe in RECIPES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these alone")
    parser.add_argument("--delphes", type=Path, help="folder of real Delphes files, SAMPLE_NUMBER.root")
    parser.add_argument("--networks", type=Path, help="a campaign's folder `networks`")
    parser.add_argument("--classifiers", type=Path, help="folder of the calls of docs/results/classify.md")
    parser.add_argument("--masks", type=Path, help="folder of the calls of docs/results/masks.md")
    parser.add_argument("--network", help="for the viewer: a network's file or name; else the first of the zoo")
    parser.add_argument("--work", type=Path, default=ROOT / "results" / "pictures", help="for what is made on the way")
    given = parser.parse_args()
    folders = (given.delphes, given.networks, given.classifiers, given.masks)
    delphes, networks_folder, classified, masked = (path and path.absolute() for path in folders)
    sources = Sources(given.work.absolute(), delphes, networks_folder, given.network, classified, masked)
    for recipe in RECIPES:
        if recipe.__name__ in given.only:
            try:
                recipe(sources)
            except Missing as error:
                print(f"{recipe.__name__}: left as they are; needs {error}")
            except (subprocess.CalledProcessError, OSError, DataError) as error:
                sys.exit(f"{recipe.__name__}: {error}")


if __name__ == "__main__":
    main()
