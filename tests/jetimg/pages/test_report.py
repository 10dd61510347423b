"""The report: what a folder of results holds becomes sections, with commands that can be called as they stand."""

import json
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.pages import report, report_sections
from jetimg.pages.markdown import as_html, table
from jetimg.pages.report_pictures import picture, pictures
from jetimg.pages.results_folder import Results
from tests.helpers import made_results


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_results.write(tmp_path_factory.mktemp("results") / "my campaign")


def test_every_table_and_picture_is_in_the_report(results: Path, tmp_path: Path) -> None:
    titles = report.write(results, tmp_path / "report.html")
    expected = ["Summary", "Events", "Distributions", "Input files", "Crystals and pixels", "Truth", "Validation"]
    assert titles == [*expected, "Training", "Evaluation", "Latency", "Masks", "Classifiers"]
    page = (tmp_path / "report.html").read_text()
    assert page.count("<img src=") == len(list(results.rglob("*.png")))
    tables = sum(text.read_text().count("--:") > 0 for text in results.rglob("*.md"))
    assert page.count("<table>") == tables + 2  # verdicts, audit
    for text in ("Confusion matrix", "1 truncated", "every event accounted for", "<h4>Jets of each class</h4>"):
        assert text in page


def test_what_is_not_there_is_left_out(results: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    made_results.png(tmp_path / "pictures" / "tt.png")
    assert report.write(tmp_path, tmp_path / "report.html") == ["Events"]
    assert "events.html" not in (tmp_path / "report.html").read_text()
    (tmp_path / "events.html").write_text("<!doctype html>")
    report.write(tmp_path, tmp_path / "pages" / "report.html")
    assert 'href="../events.html"' in (tmp_path / "pages" / "report.html").read_text()


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results of a campaign"):
        report.write(tmp_path, tmp_path / "report.html")
    with pytest.raises(DataError, match="no such folder"):
        report.write(tmp_path / "nothing", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("audit/tt.json", "{}", "not an audit"),
        ("audit/tt.json", "{", "not JSON"),
        ("check/tt.json", '["ok"]', "not a list of verdicts"),
        ("networks/evaluation/tth/evaluation.json", "[]", "not an evaluation"),
        ("classifiers/top/classification.json", "{}", "no classifiers"),
        ("networks/masks/objects/masks.json", "{}", "no masks"),
        ("summary/summary.json", '{"samples": [{}]}', "not a summary"),
        ("pictures/tt.png", "GIF89a", "not a PNG file"),
        ("settings/campaign.yaml", "a: [", "not YAML"),
        ("settings/campaign.yaml", "- a", "not a configuration"),
    ],
)
def test_damaged_results_are_named(results: Path, tmp_path: Path, name: str, content: str, message: str) -> None:
    made_results.write(tmp_path / "results")
    (tmp_path / "results" / name).write_text(content)
    with pytest.raises(DataError, match=f"{name}: {message}"):
        report.write(tmp_path / "results", tmp_path / "report.html")


def test_commands_name_commands_and_options_that_there_are(results: Path) -> None:
    lines = [
        line
        for make in report_sections.SECTIONS
        for part in make(Results.of(results)).parts
        for line in part.command.splitlines()
    ]
    assert len(lines) > 10
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "jetimg"
        group = get_command(app)
        while hasattr(group, "get_command"):
            group = group.get_command(None, words.pop(0))  # type: ignore[arg-type]
        known = {name for option in group.params for name in option.opts}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line
        assert any(word.startswith((str(results), f"@{results}")) or f"={results}" in word for word in words)


def test_commands_of_networks_say_what_each_begins_from(results: Path) -> None:
    made = {part.title: part.command for part in report_sections.training(Results.of(results)).parts}
    start = f"{results}/networks/pfjet/full/network.pt"
    assert shlex.split(made["pfjet, full"])[2:4] == ["train", f"{results}/dataset"]
    assert shlex.split(made["pfjet, int8"])[2:7] == ["quantize", f"{results}/dataset", start, "--kind", "int8"]
    (_, tth) = report_sections.evaluation(Results.of(results)).parts
    assert f"pfjet-int8={results}/networks/pfjet/int8/network.pt" in shlex.split(tth.command)
    assert tth.command.count("--sample tth") == 1
    (objects,) = report_sections.masks(Results.of(results)).parts
    found = [f"{results}/composed", f"{results}/networks/objects/full/network.pt", "--split", "heldout"]
    assert shlex.split(objects.command)[2:7] == ["masks", *found]
    (top,) = report_sections.classifiers(Results.of(results)).parts
    options = ["--task=top", "--classes=t,q", "--architecture=gru", "--architecture=resnet"]
    assert shlex.split(top.command)[2:8] == ["classify", f"{results}/dataset", *options]
    (validated,) = report_sections.validation(Results.of(results)).parts
    assert "--to=tests/data/tt.root" in shlex.split(validated.command)


def test_markdown_becomes_tables_without_pictures_and_markup() -> None:
    body = "<script>alert(1)</script>\n\n## A\n\n| a | b |\n|---|--:|\n| <b> | 1 |\n\n![x](x.png)\n\n"
    text = f"# Title\n\n{body}## B\n\n![y](y.png)\n"
    made = as_html(text)
    assert "Title" not in made
    assert "<script>" not in made
    assert "&lt;b&gt;" in made
    assert '<td style="text-align:right">1</td>' in made
    assert "<h3>A</h3>" in made
    assert "B</h3>" not in made
    assert "img" not in made
    assert "<td >&lt;i&gt;</td>" in table(("a", "b"), [("<i>", 1)])


def test_pictures_know_their_size_and_caption(tmp_path: Path) -> None:
    for name in ("zebra", "confusion", "precision_recall"):
        made_results.png(tmp_path / f"{name}.png", width=3, height=2)
    found = pictures(tmp_path)
    assert [one.caption.partition(":")[0] for one in found] == [
        "Precision against recall, of each class",
        "Confusion matrix",
        "zebra",
    ]
    assert (found[0].width, found[0].height) == (3, 2)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        picture(tmp_path / "none.png")


def test_the_command(results: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(results), "--output", str(tmp_path / "report.html")])
    assert done.exit_code == 0, done.output
    assert "report.html: summary, events, distributions, " in done.output
    assert json.loads((results / "summary" / "summary.json").read_text())["balances"]
