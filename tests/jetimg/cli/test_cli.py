"""The commands: exit codes 0, 1, 2; one clean line for what is wrong with the data."""

import json
from pathlib import Path

import pytest

from jetimg.cli import options
from jetimg.cli.main import app
from jetimg.dataset.plan import read
from jetimg.event_file.store import Reader
from tests.helpers.campaigns import campaign
from tests.helpers.handmade import branches, write

COMMANDS = ("check", "convert", "plan", "shard", "manifest", "verify")


class Ran:
    """What a command gave: its exit code and what it wrote."""

    def __init__(self, code: int, output: str, error: str) -> None:
        self.code, self.output, self.error = code, output, error


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a command as `jetimg` does, in this process."""

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["jetimg", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            options.run(app)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(end.value.code or 0), captured.out, captured.err)

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_help(run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0
    assert "--help" in ran.output


def test_no_command_and_a_wrong_one(run) -> None:
    assert run().code == 2
    assert run("destroy").code == 2
    assert run("--help").code == 0


def test_check_exit_codes_and_lines(run, data: Path, tmp_path: Path) -> None:
    good, bad = data / "tt.root", data / "no_hard_process_tt.root"
    ran = run("check", good)
    assert (ran.code, ran.output.split()[:2]) == (0, ["ok", "2"])
    ran = run("check", good, bad, tmp_path / "nothing.root")
    assert ran.code == 1
    assert [line.split()[0] for line in ran.output.splitlines()] == ["ok", "no-hard-process", "unreadable"]
    assert run("check", "--keep-going", good, bad).code == 0
    assert run("check", "--expect", 3, good).code == 1
    assert run("check", "--expect", 2, good).code == 0


def test_check_as_json_to_the_terminal_and_to_a_file(run, data: Path, tmp_path: Path) -> None:
    ran = run("check", data / "tt.root", data / "no_hard_process_tt.root", "--json")
    assert ran.code == 1
    assert [row["verdict"] for row in json.loads(ran.output)] == ["ok", "no-hard-process"]
    run("check", data / "tt.root", "--output", tmp_path / "verdicts.json")
    (row,) = json.loads((tmp_path / "verdicts.json").read_text())
    assert (row["verdict"], row["entries"], row["path"]) == ("ok", 2, str(data / "tt.root"))


def test_lists_of_files(run, data: Path, tmp_path: Path) -> None:
    listing = tmp_path / "files.txt"
    listing.write_text(f"{data / 'tt.root'}\n\n{data / 'bb.root'}\n")
    ran = run("check", f"@{listing}", data / "hh.root")
    assert (ran.code, len(ran.output.splitlines())) == (0, 3)


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe"])
def test_a_list_that_is_not_there_or_names_nothing(run, tmp_path: Path, content: bytes | None) -> None:
    listing = tmp_path / "files.txt"
    if content is not None:
        listing.write_bytes(content)
    assert run("check", f"@{listing}").code == 2
    assert run("convert", f"@{listing}", "-o", tmp_path / "x.h5").code == 2
    assert run("plan", f"@{listing}", "-o", tmp_path / "x.json").code == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--value-bits", "24"],
        ["--value-bits", "many"],
        ["--hcal", "smear"],
        ["--source", "caloflow"],
        ["--truth", "none"],
        ["--nested", "some"],
        ["--expect", "-1"],
        ["--no-such-option"],
        ["--settings", "no_such_file.yaml"],
        ["--detector", "no_such_file.yaml"],
    ],
)
def test_wrong_options_are_the_calls_fault(run, data: Path, tmp_path: Path, options: list[str]) -> None:
    ran = run("convert", data / "tt.root", "-o", tmp_path / "x.h5", *options)
    assert ran.code == 2
    assert ran.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--settings", "--detector"])
@pytest.mark.parametrize(
    "content", ["a: [", "- 1", "surprise: 1", "crystals: {eta_pitch: 0.0174, n_eta: 340, n_phi: 7}"]
)
def test_wrong_settings_and_descriptions_are_the_calls_fault(
    run, data: Path, tmp_path: Path, option: str, content: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    assert run("convert", data / "tt.root", "-o", tmp_path / "x.h5", option, path).code == 2


def test_a_description_whose_cells_do_not_fit_its_pixels(run, data: Path, tmp_path: Path) -> None:
    from detector.geometry.description import DEFAULT

    path = tmp_path / "other.yaml"
    path.write_text(DEFAULT.read_text().replace("eta_pitch: 0.0174", "eta_pitch: 0.0175"))
    assert run("check", data / "tt.root", "--detector", path).code == 2


def test_convert_tells_of_bad_files_and_keeps_the_others(run, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.h5"
    files = (data / "tt.root", data / "no_hard_process_tt.root")
    ran = run("convert", *files, "-o", output, "--sample", "tt", "--hcal", "spread", "--value-bits", 10)
    assert ran.code == 1
    assert "2 events of 1 files, 1 bad files" in ran.output
    assert "no-hard-process: entry 0: no particle has a hard-process status" in ran.output
    assert run("convert", *files, "-o", output, "--keep-going", "--sample", "tt").code == 0
    with Reader(output) as reader:
        assert (reader.n_events, reader.attributes["sample_names"]) == (2, ["tt"])


def test_the_whole_way(run, tmp_path: Path) -> None:
    """plan, shard, manifest, verify; then a fault in the data set."""
    paths = campaign(tmp_path / "events")
    plan, folder = tmp_path / "plan.json", tmp_path / "set"
    arguments = [
        "plan",
        *paths,
        "-o",
        plan,
        "--test",
        "tth",
        "--events-per-shard",
        40,
        "--expect",
        "tt=25",
        "--seed",
        1,
    ]
    ran = run(*arguments)
    assert ran.code == 1
    assert "bad input files in tt" in ran.error
    assert "tt_a_bad0.root: truncated: cut off" in ran.error
    assert not plan.exists()
    assert run(*arguments, "--bad-files", "skip", "--max-bad-share", 0.1).code == 1
    ran = run(*arguments, "--bad-files", "skip", "--max-bad-share", 0.3)
    assert ran.code == 0
    shards = read(plan).shards()
    for name in shards:
        assert run("shard", plan, "-o", folder / name).code == 0
    ran = run("manifest", plan, folder)
    assert ran.code == 0
    assert "150 asked, 98 present" in ran.output
    assert f"{len(shards)} files, 98 events, no faults" in run("verify", folder).output
    (folder / "stray.h5").write_bytes(b"")
    ran = run("verify", folder)
    assert ran.code == 1
    assert ran.error.splitlines() == [f"{folder / 'stray.h5'}: not in the manifest", f"{folder}: 1 faults"]


@pytest.mark.parametrize(
    "options",
    [
        ["--bad-files", "ignore"],
        ["--expect", "tt"],
        ["--expect", "tt=many"],
        ["--validation-fraction", "1"],
        ["--events-per-shard", "0"],
        ["--max-bad-share", "2"],
    ],
)
def test_wrong_options_of_plan(run, event_file: Path, tmp_path: Path, options: list[str]) -> None:
    assert run("plan", event_file, "-o", tmp_path / "plan.json", *options).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "nothing.h5", "-o", "plan.json"],
        ["shard", "nothing.json", "-o", "train-00000.h5"],
        ["manifest", "nothing.json", "."],
        ["verify", "nothing"],
        ["verify", "."],
    ],
)
def test_data_at_fault_is_one_line_and_exit_code_1(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(*arguments)
    assert ran.code == 1
    assert len(ran.error.splitlines()) == 1


def test_names_with_brackets_are_printed_as_they_are(run, tmp_path: Path) -> None:
    """rich takes [b] for markup."""
    path = write(tmp_path / "x[b]y[/b].root", branches(1))
    ran = run("check", path)
    assert str(path) in ran.output
    ran = run("convert", path, "-o", tmp_path / "out[i].h5")
    assert ran.code == 0
    assert str(tmp_path / "out[i].h5") in ran.output
    assert run("verify", tmp_path / "out[i].h5").code == 0
