"""The sections of a report: what was made of the data, each with the command that makes it again."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from jetimg.common.errors import DataError
from jetimg.pages.markdown import as_html, read_text, table
from jetimg.pages.report_pictures import Picture, picture, pictures
from jetimg.pages.results_folder import Results, command

NOTHING = Markup("")


@dataclass(frozen=True)
class Part:
    """Something of a section.

    Attributes:
        title: empty where the section's is enough.
        text: tables and words, HTML.
        pictures: below the text.
        command: what makes all of it again.
        gallery: pictures stand side by side.
    """

    title: str = ""
    text: Markup = NOTHING
    pictures: tuple[Picture, ...] = ()
    command: str = ""
    gallery: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        name: its anchor.
        title: its heading.
        intro: what it is about, one sentence or two.
        parts: what was found; a section without parts is left out.
    """

    name: str
    title: str
    intro: str
    parts: tuple[Part, ...]


def _markdown(path: Path) -> Markup:
    return as_html(read_text(path), level=4)


def summary(results: Results) -> Section:
    """The table of samples, and where every event went."""
    parts = [
        Part(text=_markdown(path), command=command("jetimg", "summary", results.dataset, "--output", path.parent))
        for path in results.find("summary/summary.md")
    ]
    for path in results.find("verified.txt"):
        again = command("jetimg", "verify", results.dataset)
        parts.append(Part("Proof", Markup("<pre>{}</pre>").format(read_text(path).strip()), command=again))
    intro = "Events, files and jets of each sample, and where every event went."
    return Section("summary", "Summary", intro, tuple(parts))


def distributions(results: Results) -> Section:
    """How the jets look."""
    folder = results.folder / "summary"
    found = pictures(folder)
    again = command("jetimg", "summary", results.dataset, "--output", folder)
    intro = "The jets of each class: pt, eta, phi, and how many an image has."
    return Section("distributions", "Distributions", intro, (Part(pictures=found, command=again),) if found else ())


def events(results: Results) -> Section:
    """A picture of one event of each sample."""
    parts = []
    for path in results.find("pictures/*.png"):
        again = command("jetimg", "show", results.dataset, "--sample", path.stem, "--output", path)
        shown = picture(path, f"An event of {path.stem}: three channels and their sum, with boxes")
        parts.append(Part(path.stem, pictures=(shown,), command=again, gallery=True))
    intro = "One event of each sample. The event viewer shows more, to turn and to look into."
    return Section("events", "Events", intro, tuple(parts))


def inputs(results: Results) -> Section:
    """Verdicts on the input files."""
    rows = []
    for path in results.find("check/*.json"):
        counted = Counter(str(row.get("verdict")) for row in _rows(results.json(path), path))
        bad = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counted.items()) if verdict != "ok")
        rows.append((path.stem, sum(counted.values()), counted["ok"], bad or "none"))
    intro = "The verdict on every input file; each bad one is named in the folder check."
    again = command("jetimg", "check", results.list_of("SAMPLE"), *results.detector)
    parts = (Part(text=table(("Sample", "Files", "Good", "Bad "), rows), command=again),) if rows else ()
    return Section("inputs", "Input files", intro, parts)


def _rows(content: object, path: Path) -> list[dict[str, object]]:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise DataError(f"{path}: not a list of verdicts; `jetimg check --output` writes one")
    return content


def audit(results: Results) -> Section:
    """Is one crystal one pixel?"""
    rows, commands = [], []
    for path in results.find("audit/*.json"):
        content = results.json(path)
        try:
            total = content["total"]
            shared = [total[way]["shared_pixels"] for way in ("by_edges", "by_centre")]
            rows.append((path.stem, *(f"{number:,}" for number in (total["events"], total["towers"], *shared))))
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: not an audit; `jetimg audit --output` writes one") from error
        commands.append(command("jetimg", "audit", results.list_of(path.stem), *results.detector, "--output", path))
    columns = ("Sample", "Events", "ECAL towers", "Shared pixels, by cell edges", "Shared pixels, by smeared centres")
    intro = "Is one ECAL crystal one pixel? Pixels that hold several crystals, mapped in two ways."
    parts = (Part(text=table(columns, rows), command="\n".join(commands)),) if rows else ()
    return Section("audit", "Crystals and pixels", intro, parts)


def truth(results: Results) -> Section:
    """What each truth mode labels."""
    parts = []
    for path in results.find("truth/truth.md"):
        lists = [results.list_of(found.stem) for found in results.find("check/*.json")]
        again = command("jetimg", "truth-report", *lists, *results.detector, "--output", path.parent)
        parts.append(Part(text=_markdown(path), pictures=pictures(path.parent), command=again))
    intro = "What each truth mode labels in these files, and what is not labelled and why."
    return Section("truth", "Truth", intro, tuple(parts))


def validation(results: Results) -> Section:
    """Simulated files beside others of the same process."""
    parts = []
    for path in results.find("validation/*/compare.md"):
        name = path.parent.name
        others = [f"--to={other}" for other in results.sample(name).get("compare_to", ())] or ["--to", "OTHERS"]
        labels = ["--sample", name, "--label-a", "ours", "--label-b", "others", *results.detector]
        words = ("jetimg", "compare", results.list_of(name), *others, *labels, "--output", path.parent)
        parts.append(Part(name, _markdown(path), pictures(path.parent), command(*words), gallery=True))
    intro = "Simulated files beside others of the same process: means, spectra with p values, energy by ring, response."
    return Section("validation", "Validation", intro, tuple(parts))


def training(results: Results) -> Section:
    """The loss of each network."""
    parts = []
    for path in results.find("networks/*/*/loss.png"):
        name, version = path.parts[-3:-1]
        shown = picture(path, f"{name}, {version}: loss against the epoch, on training and validation events")
        parts.append(
            Part(f"{name}, {version}", pictures=(shown,), command=_training(results, name, version), gallery=True)
        )
    intro = "The loss of each network against the epoch, each part, on training and validation events."
    return Section("training", "Training", intro, tuple(parts))


def _training(results: Results, name: str, version: str) -> str:
    folder, first = (
        results.folder / "networks" / name / version,
        results.folder / "networks" / name / "full" / "network.pt",
    )
    settings = ["--config", results.folder / "settings" / f"{name}-{version}.yaml", "--replace", "--output", folder]
    begins: dict[str, list[object]] = {"full": ["train", results.dataset], "pruned": ["prune", results.dataset, first]}
    return command(
        "jetimg", "models", *begins.get(version, ["quantize", results.dataset, first, "--kind", version]), *settings
    )


def evaluation(results: Results) -> Section:
    """How well the networks and the classical jets find jets."""
    parts = []
    for path in results.find("networks/evaluation/test_sets.md"):
        found = results.find("networks/evaluation/*/evaluation.json")
        again = command("jetimg", "models", "side-by-side", *found, "--output", path)
        parts.append(Part("All test sets", _markdown(path), command=again))
    for path in results.find("networks/evaluation/*/evaluation.json"):
        shown = pictures(path.parent)
        text = _markdown(path.with_suffix(".md")) if path.with_suffix(".md").is_file() else NOTHING
        parts.append(Part(path.parent.name, text, shown, _evaluating(results, path), gallery=True))
    intro = "All networks and the classical jets on the same events: average precision, precision and recall, errors."
    return Section("evaluation", "Evaluation", intro, tuple(parts))


def _evaluating(results: Results, path: Path) -> str:
    content = results.json(path)
    try:
        data, detectors = content["data_set"], content["detectors"]
        chosen: list[object] = ["--split", data["split"]] + (["--sample", data["sample"]] if data.get("sample") else [])
        names = [name for name, one in detectors.items() if one.get("kind") == "network"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not an evaluation; `jetimg models evaluate` writes one") from error
    networks = [f"{name}={_checkpoint(results, name)}" for name in names]
    words = ("jetimg", "models", "evaluate", results.dataset, *networks, *chosen, "--output", path.parent)
    return command(*words)


def _checkpoint(results: Results, label: str) -> Path:
    """The network of a label NAME-VERSION; NAME alone was given."""
    name, _, version = label.partition("-")
    return results.folder / "networks" / name / (version or "given") / "network.pt"


def latency(results: Results) -> Section:
    """How long the networks take."""
    parts = []
    for path in results.find("networks/latency/latency.md"):
        files = results.find("networks/*/*/network.onnx")
        models = [f"{'-'.join(file.parts[-3:-1]).removesuffix('-given')}={file}" for file in files]
        again = command("jetimg", "models", "benchmark", *models, "--output", path.parent)
        parts.append(Part(text=_markdown(path), pictures=pictures(path.parent), command=again))
    intro = "How long the networks need for batches of some sizes, on the machine that the table names."
    return Section("latency", "Latency", intro, tuple(parts))


def masks(results: Results) -> Section:
    """How well networks find the masks of objects in composed images."""
    parts = []
    for path in results.find("networks/masks/*/masks.json"):
        name, content = path.parent.name, results.json(path)
        if not isinstance(content, dict) or "split" not in content:
            raise DataError(f"{path}: no masks; `jetimg models masks` writes them")
        network, composed = results.folder / "networks" / name / "full" / "network.pt", results.folder / "composed"
        words = ("jetimg", "models", "masks", composed, network, "--split", content["split"], "--output", path.parent)
        text = _markdown(path.with_suffix(".md")) if path.with_suffix(".md").is_file() else NOTHING
        parts.append(Part(name, text, pictures(path.parent), command(*words)))
    intro = "Objects in composed images: how well the masks that a network finds fit, and some beside the true ones."
    return Section("masks", "Masks", intro, tuple(parts))


def classifiers(results: Results) -> Section:
    """How well classifiers tell jets or events apart."""
    parts = []
    for path in results.find("classifiers/*/classification.json"):
        content = results.json(path)
        try:
            runs, task = content["runs"], content["task"]
            names = [f"--classes={','.join(content['config']['task']['classes'])}"]
            names += dict.fromkeys(f"--architecture={run['architecture']}" for run in runs)
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: no classifiers; `jetimg models classify` writes them") from error
        words = ("jetimg", "models", "classify", results.dataset, f"--task={task}", *names, "--output", path.parent)
        text = _markdown(path.with_suffix(".md")) if path.with_suffix(".md").is_file() else NOTHING
        parts.append(Part(path.parent.name, text, pictures(path.parent), command(*words), gallery=True))
    intro = "Jets or events told apart by networks: areas under the ROC curve, and the background that is rejected."
    return Section("classifiers", "Classifiers", intro, tuple(parts))


SECTIONS: Sequence[Callable[[Results], Section]] = (
    summary,
    events,
    distributions,
    inputs,
    audit,
    truth,
    validation,
    training,
    evaluation,
    latency,
    masks,
    classifiers,
)
