"""Every block of code in README and docs is run, small; one that cannot run here says so and has its words checked.

Commands of ours run in this process, in a folder that looks like the repository after `make demo`, page by page and in
their order. Numbers of events, passes and steps are cut down, and networks are tiny; nothing else is changed. Commands
of Snakemake are parsed, and their configuration is checked: whole workflows run in tests/workflow.
"""

import re
import shutil
from glob import glob, has_magic
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from detector import load
from jetimg.cli.main import app
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.plan import Sharding
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from models.networks.config import read as read_network
from tests.helpers.page_blocks import ROOT, Block, blocks, check, words
from tests.helpers.release_metadata import SAID
from workflow.campaign.config import parse

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "workflow/config/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
ALL = [block for page in PAGES for block in blocks(page)]
# Of these options the value is replaced.
SMALL = {"--events": "3", "--epochs": "1", "--steps": "1", "--permutations": "20", "--batch-sizes": "1"}
# To these commands options are added.
MORE = {"benchmark": ["--batch-sizes", "1", "--seconds", "0"]}
NETWORK = {
    "model": {"architecture": "pfjet", "channels": [2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4]},
    "training": {"epochs": 1, "batch_size": 4},
}
SAMPLES = ("bb", "tt", "hh", "tth")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the data set of a demo, and Delphes files of a user."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("tests", "detector", "jetimg", "models", "workflow", "docs", "Snakefile"):
        (folder / name).symlink_to(ROOT / name)
    for sample in SAMPLES:
        for target in (f"delphes/{sample}/{sample}_0.root", f"delphes/{sample}_0.root"):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / f"tests/data/{sample}.root", folder / target)
    shutil.copy(ROOT / "tests/data/tt.root", folder / "events.root")
    shutil.copy(ROOT / "detector/geometry/cms.yaml", folder / "mydetector.yaml")
    data_set(folder, folder / "results/demo/dataset")
    (folder / "DATASET").symlink_to("results/demo/dataset")
    (folder / "dataset").symlink_to("results/demo/dataset")
    (folder / "network.yaml").write_text(yaml.safe_dump(NETWORK))
    (folder / "metadata.yaml").write_text(yaml.safe_dump(SAID))
    dataset, run, released = (str(folder / name) for name in ("dataset", "run/full", "results/mine/release"))
    summary = str(folder / "results/demo/summary")
    for call in (
        ["models", "train", dataset, "--output", run, "--config", str(folder / "network.yaml")],
        ["summary", dataset, "--output", summary],
        ["release", dataset, "--output", released, "--metadata", str(folder / "metadata.yaml")],
    ):
        done = CliRunner().invoke(app, call)
        assert done.exit_code == 0, f"{done.output}{done.exception}"
    return folder


def data_set(folder: Path, made: Path) -> None:
    """Eight real events in shards of all splits."""
    files = [folder / f"events/{sample}.h5" for sample in SAMPLES]
    setup = Setup(load(), ImageSettings())
    for sample, path in zip(SAMPLES, files, strict=True):
        path.parent.mkdir(exist_ok=True)
        convert(DelphesInputs([ROOT / f"tests/data/{sample}.root"], sample), path, setup)
    sharding = Sharding(seed=3, block=1, validation_fraction=0.34, test_fraction=0.34)
    planned = plan.make(files, sharding, ["tth"], {})
    for name in planned.shards():
        shard.make(planned, name, made / name)
    manifest.make(planned, made)
    assert {name.partition("-")[0] for name in planned.shards()} == {"train", "validation", "heldout", "test"}


@pytest.mark.parametrize("block", [block for block in ALL if block.is_shell], ids=str)
def test_every_word_of_a_command_is_known(block: Block) -> None:
    for command in block.commands():
        try:
            check(command)
        except BaseException as error:
            pytest.fail(f"{block}: {command}\n{type(error).__name__}: {error}")


# A few lines for readers leave it to Python to close a file.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run_in_their_order(page: Path, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    scope: dict[str, object] = {}
    for block in blocks(page):
        if block.why_not_run:
            continue
        if block.language == "python":
            exec(compile(block.text, str(block), "exec"), scope)
        elif block.language == "yaml":
            use(block, clone)
        else:
            assert block.is_shell, f"{block}: a language that no test runs"
            for command in block.commands():
                run(command, block)


def use(block: Block, clone: Path) -> None:
    """Checks a configuration, or a part of one. Its first line says which file it is: "# FILE", "# part of FILE"."""
    content = yaml.safe_load(block.text)
    named = re.match(r"# (part of )?([\w.]+\.yaml)\n", block.text)
    if content is None:
        return  # a comment for editors
    if named and not named[1]:
        (clone / named[2]).write_text(block.text)
    elif named:
        before = yaml.safe_load((clone / named[2]).read_text())
        (clone / named[2]).write_text(yaml.safe_dump(before | content))
        content = before | content
    if set(content) <= {"model", "training", "compression", "augmentation", "pruning", "composition"}:
        (clone / "some_network.yaml").write_text(block.text)
        read_network(clone / "some_network.yaml")
    elif "extends" in content:
        load(clone / named[2])
    elif set(content) <= set(ImageSettings.model_fields):
        ImageSettings.model_validate(content)
    else:
        parse({"samples": {"tt": {"files": ["a.root"]}}} | content)


def run(command: str, block: Block) -> None:
    """Runs a command of ours; those of others only have their words checked."""
    called = words(command)
    if called[0] != "jetimg":
        return
    arguments = [small for word in called[1:] for small in expanded(word, command)]
    for option, value in SMALL.items():
        if option in arguments:
            arguments[arguments.index(option) + 1] = value
    arguments += MORE.get(arguments[1], []) if arguments[0] == "models" else []
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, f"{block}: {' '.join(arguments)}\n{done.output}{done.exception or ''}"


def expanded(word: str, command: str) -> list[str]:
    """The files of a pattern that is not quoted."""
    if not has_magic(word) or re.search(rf"""['"]{re.escape(word)}['"]""", command):
        return [word]
    found = sorted(glob(word))
    assert found, f"{command}: {word} matches nothing"
    return found


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("jetimg models train DATASET --output x --epoch 3", "No such option: --epoch"),
        ("jetimg modls train", "No such command 'modls'"),
        ("jetimg convert a.root", "Missing parameter: output"),
        ("snakemake --cores 2 datset", "no target of the Snakefile: datset"),
        ("snakemake dataset", "without --cores"),
        ("make demos", "no target of the Makefile: demos"),
        ("python -m benchmarks --out x", "benchmarks has no --out"),
        ('pip install ".[modls]"', "no extra modls"),
        ("jetimgs check", "jetimgs: a program that no test knows"),
    ],
)
def test_a_wrong_word_is_found(command: str, fault: str) -> None:
    with pytest.raises(Exception, match=re.escape(fault)):
        check(command)
