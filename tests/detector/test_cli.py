"""The command line: what it makes, and its exit codes."""

import sys
from pathlib import Path

import pytest

from detector.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["detector", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def simulate(monkeypatch: pytest.MonkeyPatch, output: Path, pool: Path, *more: str) -> int:
    call = ("simulate", "--sample", "tt", "--events", "2", "--seed", "7", "--output", output, "--pool", pool)
    return run(monkeypatch, *call, *more)


def test_simulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool_file: Path) -> None:
    assert simulate(monkeypatch, tmp_path / "x.root", pool_file) == 0
    assert (tmp_path / "x.root").stat().st_size > 10_000


def test_pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, "pool", "--events", "3", "--seed", "1", "--output", tmp_path / "pool.npz") == 0


def test_simulate_makes_or_finds_a_pool_beside_the_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same pool as `pool` makes with that seed; made once, and another for another seed."""
    monkeypatch.setattr("detector.cli.POOL_EVENTS", 5)
    call = ("simulate", "--sample", "tt", "--events", "1")
    new = tmp_path / "new"
    assert run(monkeypatch, *call, "--seed", "7", "--output", new / "a.root") == 0
    (pool,) = new.glob("pool-*.npz")
    assert sorted(path.name for path in new.iterdir()) == ["a.root", pool.name]
    assert run(monkeypatch, "pool", "--events", "5", "--seed", "7", "--output", tmp_path / "own.npz") == 0
    assert pool.read_bytes() == (tmp_path / "own.npz").read_bytes()
    before = pool.stat().st_mtime_ns
    given = (*call, "--seed", "7", "--output", tmp_path / "b.root", "--pool", tmp_path / "own.npz")
    assert run(monkeypatch, *given) == 0
    assert (tmp_path / "b.root").read_bytes() == (new / "a.root").read_bytes()
    assert run(monkeypatch, *call, "--seed", "8", "--output", new / "c.root") == 0
    assert len(list(new.glob("pool-*.npz"))) == 2
    assert pool.stat().st_mtime_ns == before


def test_a_call_at_fault_makes_no_pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    call = ("simulate", "--sample", "xx", "--events", "1", "--seed", "7", "--output", tmp_path / "a.root")
    assert run(monkeypatch, *call) == 2
    assert not list(tmp_path.iterdir())


def test_a_sample_of_another_name_than_its_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The process decides the settings, the sample's name the seed."""
    calls = {"tt": (), "tt_1": ("--process", "tt"), "top": ("--process", "top")}
    rest = ("--events", "2", "--seed", "7")
    for name, more in calls.items():
        code = run(monkeypatch, "commands", "--sample", name, *more, *rest, "--output", tmp_path / name)
        assert code == (2 if name == "top" else 0)
    assert "--process top: one of bb, tt," in " ".join(capsys.readouterr().err.replace("│", " ").split())
    one, other = ((tmp_path / name).read_text().splitlines() for name in ("tt", "tt_1"))
    assert [line.split(" = ")[0] for line, same in zip(one, other, strict=True) if line != same] == ["Random:seed"]


def gun(monkeypatch: pytest.MonkeyPatch, output: Path, *more: str | Path) -> int:
    return run(monkeypatch, "gun", "--sample", "pi0", "--events", "3", "--seed", "7", "--output", output, *more)


def test_gun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool_file: Path) -> None:
    shot = ("--particle", "pi0", "--energy", "10", "--eta", "-1:1", "--phi", "0.5")
    assert gun(monkeypatch, tmp_path / "x.root", *shot) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.root"]
    assert gun(monkeypatch, tmp_path / "y.root", *shot, "--pileup", "5", "--pool", pool_file) == 0
    assert (tmp_path / "y.root").stat().st_size > (tmp_path / "x.root").stat().st_size


@pytest.mark.parametrize(
    "wrong",
    [["--particle", "mu"], ["--energy", "9:2"], ["--energy", "x"], ["--eta", "1:2:3"], ["--pileup", "-1"],
     ["--events", "0"]],
)  # fmt: skip
def test_a_gun_at_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: list[str]) -> None:
    assert gun(monkeypatch, tmp_path / "x.root", "--particle", "pi0", *wrong) == 2
    assert not list(tmp_path.iterdir())


def test_describe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "describe") == 0
    said = capsys.readouterr()
    assert "123192 cells" in said.err
    assert "340 x 360 pixels" in said.err
    assert '"field_tesla": 3.8' in said.out


def test_describe_refuses_cells_that_do_not_fit_the_pixels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coarse = tmp_path / "coarse.yaml"
    coarse.write_text("extends: cms.yaml\nname: coarse\ncrystals: {eta_pitch: 0.0348, n_eta: 170, n_phi: 180}\n")
    assert run(monkeypatch, "describe", "--detector", str(coarse)) == 2
    said = capsys.readouterr()
    assert "coarse: ECAL: a cell of 1 degrees in phi" in " ".join(said.err.replace("│", " ").split())
    assert said.out == ""


@pytest.mark.parametrize(
    "wrong",
    [["--sample", "xx"], ["--mass", "-1"], ["--backend", "geant4"], ["--pythia", "No:such = 1"], ["--events", "0"]],
)
def test_the_call_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool_file: Path, wrong: list[str]
) -> None:
    assert simulate(monkeypatch, tmp_path / "x.root", pool_file, *wrong) == 2
    assert not list(tmp_path.iterdir())


def test_the_data_are_at_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(monkeypatch, tmp_path / "x.root", tmp_path / "no_pool.npz") == 1
    assert "no_pool.npz" in capsys.readouterr().err
