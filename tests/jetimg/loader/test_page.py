"""The examples of docs/load.md run, in their order."""

import re
from pathlib import Path

import pytest

from detector import load
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "load.md"


def test_the_examples_run(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (tmp_path / "results" / "demo").mkdir(parents=True)
    (tmp_path / "results" / "demo" / "dataset").symlink_to(dataset)
    inputs, setup = DelphesInputs([ROOT / "tests/data/tt.root"], "tt"), Setup(load(), ImageSettings(particles=200))
    convert(inputs, tmp_path / "particles.h5", setup)
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example.replace("num_workers=2", "num_workers=0"), str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    assert "(3, 340, 360)" in printed
    assert "torch.Size([2, 3, 340, 406])" in printed
    assert "('background', 'b', 't', 'H', 'V', 'q')" in printed
