"""Mistakes of the first day: what was typed, the exit code, and words of the line that says what to do.

Each ends with a message of a few words, never with a traceback, and leaves nothing that was not there before.
"""

import contextlib
import io
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import uproot

import jetimg
from detector import load
from detector.common.errors import CallError
from detector.common.settings_file import KINDS
from detector.geometry.description import Detector as Description
from jetimg.cli.main import main
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Reader
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.release.metadata import Metadata
from models import Detector
from models.networks.config import Config as NetworkConfig
from workflow.campaign.config import Config as CampaignConfig
from workflow.campaign.config import parse
from workflow.campaign.errors import ConfigError

TEXTS = {
    "notes.txt": "hello\n",
    "network.yaml": "model: {architecture: fast}\n",
    "mine.yaml": "samples:\n  tt: {files: [one.root]}\n",
    "images.yaml": "hcal: spread\n",
    "twice.yaml": "hcal: spread\nhcal: point\n",
    "tabs.yaml": "model:\n\tarchitecture: fast\n",
    "misspelt.yaml": "training: {epoch: 3}\n",
    "rate.yaml": "training: {lr: 0.1}\n",
    "fsat.yaml": "model: {architecture: fsat}\n",
    "module.yaml": "model: {architecture: 'nomodule:X'}\n",
    "classes.yaml": "model: {class_names: [t, b]}\n",
    "list.yaml": "- fast\n",
}

# What is typed after `jetimg`, the exit code, and words that stand in what is printed.
TYPED = [
    # Files and folders.
    ("check nofile.root", 1, "nofile.root: no such file"),
    ("check 'none/*.root'", 1, "none/*.root: no such file"),
    ("check empty", 1, "empty: a folder; name its files: empty/*.root"),
    ("check notes.txt", 1, "not a ROOT file: it begins with b'hell'"),
    ("check https://zenodo.org/a.root", 2, "https://zenodo.org/a.root: an address; commands read local files"),
    ("check @nolist.txt", 2, "nolist.txt: No such file"),
    (f"check {'x' * 300}.root", 2, "x.root: no file system takes a name of 305 bytes"),
    (f"convert one.root --sample tt --output {'x' * 300}.h5", 2, "x.h5: no file system takes a name of 303 bytes"),
    (
        "convert one.root --sample tt --settings twice.yaml --output t.h5",
        2,
        "twice.yaml: the key `hcal` stands twice, in line 1 and in line 2",
    ),
    ("check caf\udce9.root", 2, "'caf\\udce9.root': the name is not UTF-8; rename the file"),
    ("check trees.root", 1, "no tree `Delphes`; the file holds Events; files come from Delphes"),
    ("check rntuple.root", 1, "`Delphes` is an RNTuple, not a TTree"),
    ("check dataset/test-00000.h5", 1, "it is HDF5, as event files and shards are"),
    ("audit nofile.root", 1, "nofile.root: unreadable: no such file"),
    ("convert nofile.root --output none.h5", 1, "nofile.root: unreadable: no such file"),
    ("convert dataset/test-00000.h5 --output made.h5", 1, "it is HDF5"),
    ("inspect dataset", 1, "jetimg summary dataset"),
    ("verify one.root", 1, "it is a ROOT file; `jetimg convert` makes an event file of it"),
    ("show one.root --output a.png", 1, "it is a ROOT file; `jetimg convert` makes an event file of it"),
    ("view nofile --output a.html", 1, "nofile: not a readable HDF5 file: no such file"),
    ("view empty --output a.html", 1, "empty: no manifest.json: not a data set"),
    ("summary results", 1, "is it results/dataset?"),
    ("summary nofolder", 1, "nofolder: no such folder"),
    ("report dataset --output r.html", 1, "no results of a campaign; expected"),
    ("plan dataset --output plan.json", 1, "a folder; name its files"),
    ("plan dataset/test-00000.h5 --output plan.json", 1, "a shard already; plans are made of event files"),
    ("plan tt.h5 --test tth --output plan.json", 1, "tt.h5: not a readable HDF5 file: no such file"),
    ("shard mine.yaml --output x.h5", 1, "mine.yaml: not a plan of shards"),
    ("publish dataset --dry-run", 1, "not a release; make one with `release`"),
    ("download 10.5281/zenodoo.123 --output d", 2, "expected a DOI such as 10.5281/zenodo."),
    # Words of the call.
    ("chek one.root", 2, "Did you mean 'check'?"),
    ("train dataset", 2, "it is `jetimg models train`"),
    ("check one.root --outptu x", 2, "--output"),
    ("convert one.root", 2, "Missing option '--output'"),
    ("convert one.root --hcal spred --output tt.h5", 2, "hcal: Input should be 'point' or 'spread' (found 'spred')"),
    ("convert one.root --sample tt/1 --output tt.h5", 2, "--sample tt/1: a sample's name has letters, digits and _"),
    ("show dataset --output a.png", 2, "a data set; say which event with --sample (WW, bb"),
    ("show one.h5 --sample tt --output a.png", 2, "one.h5: a file; --sample is for the folder of a data set"),
    ("show dataset --sample top --output a.png", 2, "no sample 'top'; it has WW, bb"),
    ("show dataset --sample bb --event 99 --output a.png", 2, "no event 99 of sample bb: it has"),
    ("export dataset --to coc --output e", 2, "one of coco"),
    ("models detect fast one.root --output d.h5 --split tests", 2, "--split tests: train, validation, test, heldout"),
    # Outputs.
    ("convert one.root --output tt.txt", 2, "event files end in .h5 or .hdf5"),
    ("convert one.root --output notes.txt/tt.h5", 1, "notes.txt/tt.h5: cannot be written"),
    ("convert one.root --output /proc/tt.h5", 1, "/proc/tt.h5: cannot be written"),
    ("check one.root --output one.root", 2, "JSON files end in .json"),
    ("models detect fast one.root --output one.root", 2, "this is an input; it would be written over"),
    ("models detect fast one.root --output d.csv", 2, "detections end in .h5 or .hdf5 or .parquet or .root"),
    ("view dataset --output a.png", 2, "pages end in .html"),
    ("show one.h5 --output a.xyz", 2, "no picture format 'xyz'; there are"),
    ("models export fast --output fast.pt", 2, "ONNX files end in .onnx"),
    # Settings of one command given to another, and YAML.
    ("check one.root --settings mine.yaml", 2, "samples: unknown key; it stands in the settings of a campaign"),
    ("check one.root --settings nofile.yaml", 2, "nofile.yaml: no such file"),
    ("check one.root --detector network.yaml", 2, "model: unknown key; it stands in the settings of a network"),
    ("models train dataset --config mine.yaml --output run", 2, "settings of a campaign, for `snakemake --configfile`"),
    ("models train dataset --config images.yaml --output run", 2, "settings of images, for --settings"),
    ("models train dataset --config tabs.yaml --output run", 2, "line 2, column 1"),
    ("models train dataset --config tabs.yaml --output run", 2, "indent with spaces, not with tabs"),
    ("models train dataset --config misspelt.yaml --output run", 2, "unknown key; did you mean `epochs`?"),
    ("models train dataset --config rate.yaml --output run", 2, "training.lr: unknown key; known: batch_size, best_by"),
    ("models train dataset --config fsat.yaml --output run", 2, "or package.module:Class, a class of your own"),
    ("models train dataset --config module.yaml --output run", 1, "nomodule:X: No module named 'nomodule'; is its"),
    ("models train dataset --config classes.yaml --output run", 1, "model.class_names is t, b; the data set has"),
    ("models train dataset --config list.yaml --output run", 2, "not settings, which are keys and values"),
    ("release dataset --metadata mine.yaml --output r", 2, "settings of a campaign"),
    # Networks.
    ("models train dataset --config network.yaml --device gpu --output run", 2, "device gpu: auto, cpu or cuda"),
    ("models train one.h5 --output run", 2, "'one.h5' is a file"),
    ("models train nofolder --output run", 1, "nofolder: no such folder"),
    ("models detect fats one.root --output d.h5", 2, "no such file, and no network of this name: the zoo has fast"),
    ("models detect one.root fast --output d.h5", 1, "not a readable checkpoint: it is a ROOT file"),
    ("models detect dataset/test-00000.h5 one.root --output d.h5", 1, "it is an HDF5 file"),
    ("models evaluate dataset notes.txt --output ev", 1, "not a readable checkpoint: it begins with b'hello"),
    ("models evaluate dataset empty --output ev", 2, "empty: a folder; name a file in it (network.pt)"),
    (
        "models evaluate dataset fast --sample top --output ev",
        1,
        "no test events of sample top; its samples are WW",
    ),
    ("models export nofile.pt --output x.onnx", 2, "nofile.pt: no such file"),
    ("models score one.root dataset --output s", 1, "detections are read from .parquet, .json, .h5, .hdf5"),
    ("models score one.h5 dataset --output s", 1, "expected detections of format"),
    ("detector simulate --sample top --events 3 --seed 1 --output x.root", 2, "give its --process, one of bb"),
]


@pytest.fixture(scope="module")
def desk(data: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a new user has it: some files of each kind."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(data / "bb.root", folder / "one.root")
    (folder / "empty").mkdir()
    (folder / "results").mkdir()
    for link in ("dataset", "results/dataset"):
        (folder / link).symlink_to(dataset)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    with uproot.recreate(folder / "trees.root") as file:
        file.mktree("Events", {"x": "f4"})
    with uproot.recreate(folder / "rntuple.root") as file:
        file.mkrntuple("Delphes", {"x": np.ones(3, np.float32)})
    shutil.copy(dataset / "test-00000.h5", folder / "one.h5")
    return folder


@pytest.fixture
def at_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder; what a call makes there is what the test of it says."""
    monkeypatch.chdir(desk)
    monkeypatch.setenv("COLUMNS", "400")
    before = {path: path.read_bytes() for path in desk.iterdir() if path.is_file()}
    yield desk
    assert {path: path.read_bytes() for path in before} == before, "a file of the user's was changed"


def typed(line: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and output of `jetimg LINE`; what is no exit is a traceback, and fails the test."""
    monkeypatch.setattr(sys, "argv", ["jetimg", *shlex.split(line)])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), printed.getvalue()


@pytest.mark.parametrize(("line", "code", "words"), TYPED, ids=[row[0] for row in TYPED])
def test_a_mistake_is_told_in_a_line(line, code, words, at_desk, monkeypatch):
    found, printed = typed(line, monkeypatch)
    assert found == code, printed
    assert any(words in row for row in printed.splitlines()), printed
    assert "Errno" not in printed
    assert "validation error" not in printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    "line",
    [
        "models train dataset --output run --device cuda",
        "models detect fast one.root --output d.h5 --device cuda",
        "models evaluate dataset fast --output ev --device cuda",
    ],
)
def test_no_gpu_is_told_in_a_line(line, at_desk, monkeypatch):
    code, printed = typed(line, monkeypatch)
    assert code == 2
    assert "device cuda" in printed
    assert "choose cpu or auto" in printed


def test_a_missing_extra_is_told_in_a_line(at_desk, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlcroissant", None)
    code, printed = typed("release dataset --output r", monkeypatch)
    assert (code, printed.strip().splitlines()[-1]) == (
        2,
        'mlcroissant is not installed; this needs the extra "release": pip install "jetimg[release]"',
    )


ONE = {"tt": {"files": ["one.root"]}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"samples": {"tt": {"files": "one.root"}}}, "samples.tt.files: a list, with brackets: [one.root]"),
        ({"samples": {"tt/1": {"files": ["one.root"]}}}, "samples.tt/1: a name has letters, digits and _"),
        ({"samples": None, "tt": {"files": ["a"]}}, "samples: keys and values (found nothing; what belongs to it is"),
        ({"samples": ["tt", "bb"]}, "samples: keys and values (found ['tt', 'bb'])"),
        ({"samples": ONE, "shardin": {"seed": 3}}, "shardin: unknown key; did you mean `sharding`?"),
        ({"samples": ONE, "model": {"architecture": "fast"}}, "settings of a network, for `jetimg models train"),
        ({"samples": ONE, "hcal": "spread"}, "hcal: unknown key; it stands in the settings of images"),
        ({"samples": ONE, "networks": {"mine": {"model": {"architecture": "fsat"}}}}, "mine.model.architecture: Input"),
        ({"samples": ONE, "only": "top"}, "used: only=top: the samples are tt"),
        ({"samples": {"tt": {"simulate": {"files": 2}}}}, "samples.tt: `simulate` needs `events_per_file`"),
        ({"samples": {"tt": {"files": ["a"], "test": True}}}, "used: every sample is a test sample"),
    ],
)
def test_a_mistake_in_a_campaign_is_told_in_a_line(content, words):
    with pytest.raises(ConfigError) as error:
        parse(content)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


CALLS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: jetimg.load("nofile"), DataError, "nofile: not a readable HDF5 file: no such file"),
    (lambda: jetimg.load("one.root"), DataError, "`jetimg convert` makes an event file of it"),
    (lambda: jetimg.load("dataset", split="tests"), ValueError, "split 'tests': one of train"),  # type: ignore[arg-type]
    (lambda: jetimg.load("https://a.b/c.h5"), DataError, "an address; only records of Zenodo are fetched"),
    (lambda: jetimg.load("10.5281/zenodoo.12"), DataError, "expected a DOI such as"),
    (lambda: jetimg.load(None), TypeError, "None: not a folder, a file, a record, or a list"),  # type: ignore[arg-type]
    (lambda: jetimg.JetImages.of_dataset("dataset", "trian"), DataError, "no trian events; it has"),  # type: ignore[arg-type]
    (lambda: Detector("fats"), CallError, "the zoo has fast"),
    (lambda: Detector("fast", device="gpu"), CallError, "device gpu: auto, cpu or cuda"),
    (lambda: load("nofile.yaml"), ValueError, "nofile.yaml: no such file"),
]


@pytest.mark.parametrize(("call", "kind", "words"), CALLS, ids=[row[2] for row in CALLS])
def test_a_mistake_in_python_is_told_in_a_line(call, kind, words, at_desk):
    with pytest.raises(kind) as error:
        call()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_text_is_as_good_as_a_path(at_desk, setup, tmp_path):
    assert verify("dataset").faults == []
    assert len(jetimg.JetImages("one.h5")) > 0
    assert manifest.read("dataset").shards
    with Reader("one.h5") as reader:
        assert reader.n_events > 0
    (row,) = convert(DelphesInputs(["one.root"]), f"{tmp_path}/one.h5", setup)
    assert row.verdict == "ok"


def test_keys_that_tell_one_kind_of_settings_from_another():
    models = (CampaignConfig, NetworkConfig, ImageSettings, Description, Metadata)
    for (what, keys), model in zip(KINDS.items(), models, strict=True):
        for key in keys:
            assert [one for one in models if key in one.model_fields] == [model], f"{what}: {key}"
