"""Running Delphes, with small programs in its place: what ends well, fails, hangs, is killed, or comes up short."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import uproot

from detector.cli import main
from detector.common.errors import CallError, DataError
from detector.geometry.description import Detector, load
from detector.simulation.delphes import run
from detector.simulation.job import SimulationJob

ROOT = Path(__file__).parents[4]
EVENTS = 3

SIMULATOR = """#!{python}
import os, shutil, signal, subprocess, sys, time
card, commands, output = sys.argv[1:]
assert "ExecutionPath" in open(card).read()
lines = open(commands).read().splitlines()
assert "Main:numberOfEvents = {events}" in lines or "{mode}" == "short", lines
print("Delphes speaking", flush=True)
if "{mode}" == "no file":
    sys.exit(0)
if "{mode}" == "no tree":
    open(output, "w").write("not ROOT")
    sys.exit(0)
if "{mode}" in ("fine", "short"):
    shutil.copy({made!r}, output)
    sys.exit(0)
open(output, "w").write("half a file")
if "{mode}" == "fail":
    print("** ERROR: can't read configuration file", file=sys.stderr)
    sys.exit(1)
if "{mode}" == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(60)
"""
CONVERTER = """#!{python}
import sys
if "{mode}" == "silent":
    sys.exit(0)
if "{mode}" == "fail":
    sys.exit(3)
open(sys.argv[1], "wb").write(b"pile-up of " + open(sys.argv[2], "rb").read(4))
"""


@pytest.fixture
def detector() -> Detector:
    return load()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts a program in Delphes' place that behaves as told; returns where it writes its process ids."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    made = tmp_path / "made.root"
    with uproot.recreate(made) as file:
        file["Delphes"] = {"number": list(range(EVENTS))}

    def install(mode: str, converter: str = "fine") -> Path:
        pids = tmp_path / "pids"
        fields = {"python": sys.executable, "events": EVENTS, "made": str(made), "pids": str(pids)}
        for name, text, how in (("DelphesPythia8", SIMULATOR, mode), ("root2pileup", CONVERTER, converter)):
            (folder / name).write_text(text.format(mode=how, **fields))
            (folder / name).chmod(0o755)
        return pids

    return install


@pytest.fixture
def job(tmp_path) -> SimulationJob:
    pool = tmp_path / "my pool.pileup"
    pool.write_bytes(b"pile-up")
    return SimulationJob("tt", EVENTS, 7, 0, (1500.0,), pool)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def gone(pids: Path) -> bool:
    """Whether no process of these is left (a moment is allowed: the kernel has to reap them)."""
    for _ in range(50):
        states = [Path(f"/proc/{pid}/stat") for pid in pids.read_text().split()]
        if all(not state.exists() or state.read_text().split()[2] == "Z" for state in states):
            return True
        time.sleep(0.1)
    return False


def test_a_good_run_leaves_the_file_and_the_log(programs, tmp_path, detector, job):
    programs("fine")
    target = tmp_path / "out" / "tt.root"
    run.simulate(job, detector, target)
    assert uproot.open(target)["Delphes"].num_entries == EVENTS
    assert left(target.parent) == {"tt.root", "tt.root.log"}
    assert "Delphes speaking" in (target.parent / "tt.root.log").read_text()


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("fail", "DelphesPythia8 ended with exit code 1.*can't read configuration file"),
        ("killed", "DelphesPythia8 was killed by SIGKILL"),
        ("hang", "DelphesPythia8 was stopped after 3 s, its time limit"),
        ("no file", "ended well but made no file"),
        ("no tree", "ended well but made no file"),
    ],
)
def test_a_bad_run_leaves_what_was_there_and_its_log(programs, tmp_path, detector, job, mode, message):
    pids = programs(mode)
    target = tmp_path / "out" / "tt.root"
    target.parent.mkdir()
    target.write_text("of an earlier run")
    with pytest.raises(DataError, match=f"(?s){message}"):
        run.simulate(job, detector, target, log=tmp_path / "logs" / "tt.log", limit=3.0 if mode == "hang" else None)
    assert target.read_text() == "of an earlier run"
    assert left(target.parent) == {"tt.root"}
    assert "Delphes speaking" in (tmp_path / "logs" / "tt.log").read_text()
    assert mode != "hang" or gone(pids)


def test_too_few_events_are_told(programs, tmp_path, detector, job):
    programs("short")
    asked = SimulationJob(job.sample, EVENTS + 2, job.seed, job.index, job.masses, job.pool)
    with pytest.raises(DataError, match=r"out.root: DelphesPythia8 made 3 of 5 events"):
        run.simulate(asked, detector, tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()


def test_remains_of_a_killed_run_do_not_disturb(programs, tmp_path, detector, job):
    programs("fine")
    remains = tmp_path / "out" / ".tt.root.delphes"
    remains.mkdir(parents=True)
    (remains / "output.root").write_text("half")
    run.simulate(job, detector, tmp_path / "out" / "tt.root")
    assert left(tmp_path / "out") == {"tt.root", "tt.root.log"}


def test_a_job_that_is_terminated_takes_delphes_with_it(programs, tmp_path, job):
    pids = programs("hang")
    command = [sys.executable, "-m", "detector", "simulate", "--backend", "delphes", "--sample", "tt", "--seed", "7"]
    command += ["--events", str(EVENTS), "--pool", str(job.pool), "--output", str(tmp_path / "out" / "tt.root")]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    for _ in range(300):
        if pids.is_file() and len(pids.read_text().split()) == 2:
            break
        time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 128 + signal.SIGTERM
    assert gone(pids)
    assert left(tmp_path / "out") == {"tt.root.log"}


def test_pileup_file(programs, tmp_path, detector):
    programs("fine")
    target = tmp_path / "pool.pileup"
    run.make_pileup(detector, EVENTS, 5, target)
    assert target.read_bytes() == b"pile-up of root"


@pytest.mark.parametrize(
    ("converter", "message"),
    [("fail", "root2pileup ended with exit code 3"), ("silent", "root2pileup ended well but made no file")],
)
def test_a_converter_that_fails(programs, tmp_path, detector, converter, message):
    programs("fine", converter)
    with pytest.raises(DataError, match=message):
        run.make_pileup(detector, EVENTS, 5, tmp_path / "out" / "pool.pileup")
    assert left(tmp_path / "out") == {"pool.pileup.log"}


def test_without_a_pileup_file(programs, tmp_path, detector, job):
    programs("fine")
    job.pool.unlink()
    with pytest.raises(DataError, match=r"my pool.pileup: no pile-up file; make one: .*pool --backend delphes"):
        run.simulate(job, detector, tmp_path / "tt.root")


def test_a_program_that_cannot_be_started(programs, tmp_path, detector, job):
    programs("fine")
    (tmp_path / "bin" / "DelphesPythia8").write_bytes(b"\x7fELF, but not really")
    with pytest.raises(DataError, match="DelphesPythia8 cannot be started"):
        run.simulate(job, detector, tmp_path / "tt.root")


def test_without_delphes(tmp_path, detector, job, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CallError, match=r"conda install -c conda-forge delphes.*--backend embedded"):
        run.simulate(job, detector, tmp_path / "tt.root")


def call(monkeypatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["detector", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_exit_codes(programs, tmp_path, job, monkeypatch, capsys):
    command = ["simulate", "--backend", "delphes", "--sample", "tt", "--seed", "7", "--events", str(EVENTS)]
    command += ["--pool", str(job.pool), "--output", str(tmp_path / "tt.root")]
    programs("fine")
    assert call(monkeypatch, *command) == 0
    programs("fail")
    assert call(monkeypatch, *command) == 1
    assert "exit code 1" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert call(monkeypatch, *command) == 2
    assert "conda-forge" in capsys.readouterr().err


def test_files_for_a_run_by_hand(tmp_path, monkeypatch):
    card, commands = tmp_path / "card.tcl", tmp_path / "tt.cmnd"
    assert call(monkeypatch, "card", "--output", str(card), "--pileup", "/data/pool.pileup", "--tower") == 0
    assert "set PileUpFile /data/pool.pileup\n" in card.read_text()
    assert "Tower Tower" in card.read_text()
    wanted = ["--sample", "tt", "--events", "9", "--seed", "7", "--output", str(commands)]
    assert call(monkeypatch, "commands", *wanted) == 0
    assert "Main:numberOfEvents = 9" in commands.read_text().splitlines()
    assert call(monkeypatch, "commands", *wanted[:1], "pool", *wanted[2:]) == 0
    assert "SoftQCD:inelastic = on" in commands.read_text().splitlines()
    assert call(monkeypatch, "card", "--soft", "--output", str(card)) == 0
    assert "Delphes/stableParticles Particle GenParticle" in card.read_text()
