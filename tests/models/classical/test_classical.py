"""Classical rivals: jets looked up in Delphes files, the best order by hand, trees that learn what can be learned."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jetimg.common.errors import DataError
from jetimg.detections.hdf5 import Reader
from jetimg.imaging.fat_jets import FatJets, joined, read
from jetimg.imaging.settings import ImageSettings
from models.classical import find, orders, trees
from models.classical.jets import Candidates, candidates
from models.cli import app
from models.evaluation.event_set import EventSet
from tests.helpers.jets import jets

BRANCH = ImageSettings().baseline


def test_tagged_jets_are_those_of_the_shards(dataset: Path) -> None:
    """In the settings' windows, with the settings' scores, the jets that were looked up are the baseline's."""
    found = candidates(EventSet.of(dataset, "test"), BRANCH, None)
    event = np.repeat(np.arange(len(found.jets.indptr) - 1), np.diff(found.jets.indptr))
    ours, names = [], found.events.truth.class_names
    for name, tag in ImageSettings().tags.items():
        order = orders.Order(tag.mass_min, tag.mass_max, {2: "tau21", 3: "tau32"}[tag.prongs], 0)
        rows, score = order.chosen(found), order.score(found)
        ours += [
            (int(event[k]), names.index(name), float(found.jets.pt[k]), pytest.approx(score[k], abs=1e-6))
            for k in np.flatnonzero(rows)
        ]
    tagged = found.events.tagged
    theirs = [
        (int(e), int(c), float(pt), float(s))
        for e, c, pt, s in zip(tagged.event, tagged.class_id, tagged.pt, tagged.score, strict=True)
    ]
    assert len(ours) > 2
    assert sorted(theirs) == sorted(ours, key=lambda row: row[:3])


def test_files_that_moved_or_changed(dataset: Path, data: Path, tmp_path: Path) -> None:
    events, moved = EventSet.of(dataset, "test"), tmp_path / "moved"
    before = candidates(events, BRANCH, None)
    moved.mkdir()
    for sample in ("tt", "hh", "WW", "tth"):
        shutil.copy(data / f"{sample}.root", moved)
    np.testing.assert_array_equal(candidates(events, BRANCH, moved).jets.tau, before.jets.tau)
    with pytest.raises(DataError, match=r"\.root: not there: .* --files"):
        candidates(events, BRANCH, tmp_path / "nowhere")
    shutil.copy(moved / "tt.root", moved / "hh.root")
    with pytest.raises(DataError, match="another sha256"):
        candidates(events, BRANCH, moved)


def test_jets_of_events_in_another_order(data: Path) -> None:
    one, two = (read(data / f"{sample}.root", BRANCH) for sample in ("tt", "hh"))
    both = joined([one, two])
    order = np.array([3, 0, 2, 1, 0])
    taken = both.take(order)
    for k, event in enumerate(order.tolist()):
        for name in ("pt", "tau", "mass"):
            mine, rows = (slice(*part.indptr[n : n + 2]) for part, n in ((taken, k), (both, event)))
            np.testing.assert_array_equal(getattr(taken, name)[mine], getattr(both, name)[rows])
    assert joined([]).take(np.empty(0, np.int64)).tau.shape == (0, 5)
    with pytest.raises(DataError, match="JetPUPPIAK8"):
        read(data / "two_events.root", BRANCH)


def made(n: int, seed: int, dataset: Path) -> Candidates:
    """Jets of which those with a mass of 80 to 100 GeV and a low tau21 are t, half of the time."""
    rng = np.random.default_rng(seed)
    mass, tau21 = rng.uniform(0, 300, n), rng.uniform(0, 1, n)
    tau = np.ones((n, 5), np.float32)
    tau[:, 1] = tau21
    tau[:, 2] = tau[:, 1] * rng.uniform(0, 1, n)
    right = np.zeros((n, 5), np.bool_)
    right[:, 1] = (mass >= 80) & (mass < 100) & (rng.random(n) < 1 - tau21)
    found = FatJets(np.arange(n + 1), *(np.full(n, v, np.float32) for v in (500, 0, 0)), mass.astype(np.float32), tau)
    events = EventSet.of(dataset, "test")
    true = jets([(k, 1, 100, 100, 1, 500) for k in np.flatnonzero(right[:, 1])])
    truth = events.truth.__class__(true, n, events.truth.class_names, events.truth.n_phi)
    return Candidates(found, EventSet(**vars(events) | {"truth": truth}), right)


def test_the_best_order_is_found(dataset: Path) -> None:
    best = orders.best([made(3000, 1, dataset), made(2000, 2, dataset)], ["t"])["t"]
    assert (best.mass_min, best.mass_max, best.ratio) == (80, 100, "tau21")
    assert best.ap > 0.6


def test_average_precision_by_hand() -> None:
    """Precisions at the jets found: 1, 2/3; of four true jets."""
    assert orders.average_precision(np.array([True, False, True, False]), 4) == pytest.approx((1 + 2 / 3) / 4)
    assert orders.average_precision(np.array([], np.bool_), 4) == 0


def test_trees_learn_and_say_the_same_again(dataset: Path) -> None:
    learned, other = made(4000, 1, dataset), made(2000, 3, dataset)
    one = trees.scores(trees.train([learned]), other)
    np.testing.assert_array_equal(one, trees.scores(trees.train([learned]), other))
    assert not one[:, [0, 2, 3, 4]].any(), "no jet of these classes was there to learn from"
    inside = (other.jets.mass >= 80) & (other.jets.mass < 100)
    assert one[inside, 1].mean() > 10 * one[~inside, 1].mean()
    # A probability: as many are right as the scores add up to.
    assert one[inside, 1].sum() == pytest.approx(other.right[inside, 1].sum(), rel=0.25)


@pytest.mark.parametrize("kind", find.KINDS)
def test_the_command_writes_a_file_that_is_measured(dataset: Path, tmp_path: Path, kind: str) -> None:
    output = tmp_path / "rival.h5"
    done = CliRunner().invoke(app, ["classical", str(dataset), "-o", str(output), "--kind", kind])
    assert done.exit_code == 0, done.output
    with Reader(output) as reader:
        assert [row.entries for row in reader.inputs] == EventSet.of(dataset, "test").counts.tolist()
        expected = ("t", "H", "V") if kind == "orders" else ("b", "t", "H", "V", "q")
        assert reader.about.class_names == expected
        found = reader.read()
        assert all(np.all(np.diff(event.score) <= 0) for event in found)
        assert (len(found.score) > 0) == (kind == "orders"), "two events teach no tree"
    assert "measure it by `jetimg models score" in done.output
    for wrong in (("--kind", "best"), ("--split", "some")):
        assert CliRunner().invoke(app, ["classical", str(dataset), "-o", str(output), *wrong]).exit_code == 2
    done = CliRunner().invoke(app, ["classical", str(dataset), "-o", str(output), "--split", "heldout"])
    assert isinstance(done.exception, DataError)
