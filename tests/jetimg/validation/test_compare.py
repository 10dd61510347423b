"""Comparing two sets of files: what is the same, what differs, and a test that knows what an event is."""

import json
from pathlib import Path

import numpy as np
import pytest

from detector import load
from jetimg.cli import options
from jetimg.cli.reports import app
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.channels import Setup
from jetimg.imaging.settings import ImageSettings
from jetimg.validation.compare import Binning, Choices, Comparison, compare
from jetimg.validation.observables import Observer, by_event, response
from jetimg.validation.report import as_dict, sheets, write
from jetimg.validation.two_sample import Design, at_same_activity, permutation_test, ratios, ratios_at_same_activity

SIX = ("bb", "tt", "hh", "WW", "qq", "tth")
FEW = Choices(permutations=200)


@pytest.fixture(scope="module")
def observer() -> Observer:
    return Observer(Setup(load(), ImageSettings()))


@pytest.fixture(scope="module")
def identical(data: Path, observer: Observer) -> Comparison:
    files = {name: [data / f"{name}.root"] for name in SIX}
    return compare((files, files), observer, FEW)


def design_of(first: int, second: int, samples: int = 1) -> Design:
    """As many events in each sample of the first and of the second set."""
    sample = np.concatenate([np.repeat(np.arange(samples), n) for n in (first, second)])
    return Design(sample, np.arange(len(sample)) >= samples * first)


def clustered(rng: np.random.Generator, events: int, bins: int = 10) -> np.ndarray:
    """Counts of one spectrum, (events, 1, bins): the 200 hits of an event crowd round the event's own place."""
    place = rng.normal(0, 1, events)[:, None] + rng.normal(0, 0.5, (events, 200))
    edges = np.concatenate([[-np.inf], np.linspace(-1.5, 1.5, bins - 1), [np.inf]])
    return np.stack([np.histogram(hits, edges)[0] for hits in place])[:, None].astype(float)


def plain_ks(counts: np.ndarray, design: Design) -> float:
    """Kolmogorov and Smirnov's p value, hits taken for independent (their series, Stephens' correction)."""
    first, second = (counts[design.second == side, 0].sum(axis=0) for side in (False, True))
    distance = np.abs(np.cumsum(first) / first.sum() - np.cumsum(second) / second.sum()).max()
    root = np.sqrt(first.sum() * second.sum() / (first.sum() + second.sum()))
    k = np.arange(1, 100)
    series = 2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * (root + 0.12 + 0.11 / root) * distance) ** 2))
    return float(np.clip(series, 0, 1))


def test_identical_sets_agree(identical: Comparison) -> None:
    assert identical.same is not None
    for found in (identical.raw, identical.same):
        assert np.allclose(found.ratio[np.isfinite(found.ratio)], 1)
    assert identical.tested.p.min() == identical.tested.p_smallest == 1
    assert identical.offenders(0.001) == []


def test_what_is_written(identical: Comparison, tmp_path: Path) -> None:
    write(identical, tmp_path)
    numbers = json.loads((tmp_path / "compare.json").read_text())
    assert numbers == json.loads(json.dumps(as_dict(identical)))
    assert numbers["events"] == {name: [2, 2] for name in SIX}
    assert numbers["numbers"]["tracks"]["ratio"] == pytest.approx(1)
    assert "permutations of whole events" in (tmp_path / "compare.md").read_text()
    pictures = {"multiplicities", "rings", "response", "EFlowTrack", "EFlowPhoton", "EFlowNeutralHadron"}
    assert pictures <= {path.stem for path in tmp_path.glob("*.png")}
    assert len(sheets(identical)) == 4


def test_numbers_are_those_of_the_file(identical: Comparison, data: Path) -> None:
    import uproot

    tracks = [len(x) for x in uproot.open(data / "bb.root")["Delphes"]["EFlowTrack.PT"].array()]
    assert identical.gathered[0].numbers["tracks"][0].tolist() == tracks
    assert identical.pileup is not None
    assert 60 < identical.pileup.charged[0] < 110


def test_bins_of_each_event() -> None:
    values = Jagged(np.array([0, 3, 3, 5]), np.array([0.0, 1.0, 9.0, 0.5, -1.0]))
    assert by_event(values, np.array([0.0, 1.0, 5.0])).tolist() == [[1, 1], [0, 0], [1, 0]]
    ends = np.array([-np.inf, 1.0, np.inf, np.inf])
    assert by_event(values, ends).tolist() == [[1, 2, 0], [0, 0, 0], [2, 0, 0]]
    weights = np.array([0.5, 2.0, 4.0, 8.0, 16.0])
    assert by_event(values, ends, weights).tolist() == [[0.5, 6.0, 0], [0, 0, 0], [24.0, 0, 0]]


def test_ratio_and_its_error() -> None:
    rng, design = np.random.default_rng(1), design_of(100, 400, samples=3)
    pulls = []
    for _ in range(200):
        values = rng.normal(10 + design.sample, 2)
        values[design.second] *= 1.05
        found = ratios(design, values[:, None])
        pulls.append((found.ratio[0] - 1.05) / found.ratio_error[0])
    assert abs(np.mean(pulls)) < 0.25
    assert 0.85 < np.std(pulls) < 1.15


def test_samples_count_alike_whatever_their_numbers() -> None:
    sample = np.array([0] * 90 + [1] * 10 + [0] * 10 + [1] * 90)
    values = np.where(sample == 0, 1.0, 3.0)
    found = ratios(Design(sample, np.arange(200) >= 100), values[:, None])
    assert found.ratio[0] == pytest.approx(1)


def test_a_quiet_pool_is_told_from_another_detector() -> None:
    rng, design = np.random.default_rng(2), design_of(300, 300)
    activity = rng.normal(4000, 800, 600) * np.where(design.second, 1.1, 1.0)
    same_detector = 100 + 0.2 * activity + rng.normal(0, 20, 600)
    other = same_detector * np.where(design.second, 1.05, 1.0)
    values = np.stack([same_detector, other], axis=1)
    assert ratios(design, values).ratio[0] > 1.05
    found = ratios_at_same_activity(design, values, activity)
    assert abs(found.ratio[0] - 1) < 3 * found.ratio_error[0] < 0.02
    assert found.ratio[1] == pytest.approx(1.05, abs=0.01)
    assert at_same_activity(design, values, activity).slope[0] == pytest.approx(0.2, rel=0.05)


def test_permutations_are_calibrated_where_plain_ks_is_not() -> None:
    rng, design = np.random.default_rng(3), design_of(20, 60)
    ours, plain = [], []
    for seed in range(200):
        counts = clustered(rng, 80)
        ours.append(permutation_test(design, counts, 99, seed).p[0])
        plain.append(plain_ks(counts, design))
    assert np.mean(np.array(plain) < 0.05) > 0.7
    # Uniform: the largest gap of 200 values from the diagonal is above 0.115 once in a hundred.
    gap = np.abs(np.sort(ours) - (np.arange(200) + 0.5) / 200).max()
    assert gap < 0.115
    assert 0.02 <= np.mean(np.array(ours) <= 0.05) <= 0.10


def test_the_smallest_of_many_p_values_is_calibrated() -> None:
    rng, design = np.random.default_rng(4), design_of(30, 30)
    found = []
    for seed in range(100):
        counts = np.concatenate([clustered(rng, 60) for _ in range(4)], axis=1)
        found.append(permutation_test(design, counts, 99, seed).p_smallest)
    assert np.mean(np.array(found) <= 0.1) <= 0.2
    assert 0.4 < np.mean(found) < 0.6


def test_a_shifted_spectrum_is_found() -> None:
    rng, design = np.random.default_rng(5), design_of(100, 100)
    counts = clustered(rng, 200)
    counts[design.second] = np.roll(counts[design.second], 4, axis=2)
    found = permutation_test(design, counts, 199, 1)
    assert found.p[0] == found.p_smallest == 1 / 200


def test_permutations_are_those_of_the_seed() -> None:
    counts, design = clustered(np.random.default_rng(6), 40), design_of(20, 20)
    first, again, other = (permutation_test(design, counts, 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.expected, again.expected)
    assert not np.array_equal(first.expected, other.expected)


def jets(*events: list[tuple[float, float, float]]) -> tuple[Jagged, np.ndarray, np.ndarray]:
    pt, eta, phi = np.array([jet for event in events for jet in event], np.float32).reshape(-1, 3).T
    return Jagged(np.cumsum([0, *(len(event) for event in events)]), pt), eta, phi


def test_response_across_the_seam() -> None:
    generated = jets([(500, 0.0, 3.1)], [(400, 1.0, 0.0)], [], [(300, 0.0, 0.0)])
    measured = jets([(450, 0.0, -3.1)], [(390, 1.0, 1.0)], [(300, 0.0, 0.0)], [])
    pt, ratio = response(generated, measured)
    assert pt.offsets.tolist() == ratio.offsets.tolist() == [0, 1, 1, 1, 1]
    assert ratio.content.tolist() == pytest.approx([0.9])


def test_each_jet_is_matched_once_and_soft_ones_not_at_all() -> None:
    generated = jets([(500, 0.0, 0.0), (300, 0.3, 0.0), (150, 2.0, 2.0)])
    measured = jets([(480, 0.05, 0.0), (150, 2.0, 2.0)])
    assert response(generated, measured)[1].content.tolist() == pytest.approx([0.96])


def test_bins_of_a_constant_and_of_nothing(observer: Observer) -> None:
    from jetimg.validation.compare import QUANTILES, _binning

    for values in (np.zeros(50), np.empty(0)):
        made = _binning("x.Mass", values)
        assert isinstance(made, Binning)
        assert len(made.test) == QUANTILES + 1


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    # Drawing is tested above, and slow.
    monkeypatch.setattr("jetimg.validation.plots.draw_all", lambda found, folder: None)

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["jetimg", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            options.run(app)
        return int(end.value.code or 0), capsys.readouterr().err

    return call


def test_exit_codes(run, data: Path, tmp_path: Path) -> None:
    bb, tt, output = data / "bb.root", data / "tt.root", ("--output", tmp_path / "out", "--permutations", 9)
    assert run("compare", bb, tt, "--to", data / "[bt][bt].root", *output)[0] == 0
    assert run("compare", bb, "--to", bb, "--max-ratio-difference", 0.03, *output)[0] == 0
    code, said = run("compare", bb, "--to", tt, "--sample", "any", "--max-ratio-difference", 0, *output)
    assert code == 1
    assert "sum of EFlowTrack.PT: " in said
    code, said = run("compare", bb, "--to", tt, *output)
    assert code == 2
    assert "bb, tt" in said
    assert run("compare", bb, *output)[0] == 2


def test_bad_files(run, data: Path, tmp_path: Path) -> None:
    bb, output = data / "bb.root", ("--output", tmp_path / "out", "--sample", "bb")
    broken = tmp_path / "bb.root"
    broken.write_bytes(bb.read_bytes()[:20_000])
    for bad in (broken, tmp_path / "none.root"):
        code, said = run("compare", bb, "--to", bad, *output)
        assert code == 1
        assert bad.name in said
    assert run("compare", bb, "--to", tmp_path / "*.nothing", *output)[0] == 2
    assert not (tmp_path / "out").exists()


def test_samples_by_name_and_folder(tmp_path: Path) -> None:
    names = ["a/tth_0.root", "tt/x.root", "a/ttx.root"]
    found = options.by_sample([str(tmp_path / name) for name in names], None)
    assert {sample: [path.name for path in paths] for sample, paths in found.items()} == {
        "tth": ["tth_0.root"],
        "tt": ["x.root"],
        "events": ["ttx.root"],
    }
