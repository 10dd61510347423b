import io
import json

import numpy as np
import pytest
from rich.console import Console

from detector.geometry.grid import Grid
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.find_event import find
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.reports import counts, distributions
from jetimg.reports.summary import FILES, summarize, write

B, T, H, V, Q = range(5)


def entry(sample, name, entries, verdict="ok", expected=None, **events):
    return manifest.InputEvents(
        name=name,
        sha256=name.encode().hex(),
        entries=entries,
        verdict=verdict,
        reason="",
        expected=expected,
        sample=sample,
        events=dict.fromkeys(plan.SPLITS, 0) | events,
    )


INPUTS = (
    entry("bb", "bb_0", 3, train=2, validation=1),
    entry("bb", "bb_1", 1, "short", expected=5),
    entry("tt", "tt_0", 1, train=1),
    entry("tt", "tt_1", 0, "unreadable"),
    entry("tt", "tt_2", 0, "truncated", expected=4),
    entry("tth", "tth_0", 1, test=1),
)


@pytest.fixture
def make_dataset(tmp_path, make_events, made_event):
    """Writes a data set of five events made by hand."""

    def make(inputs=INPUTS, truth="genjet"):
        folder, names = tmp_path / "made", ("bb", "tt", "tth")
        events = {
            "train": [
                made_event(0, jets=[(B, 100, 0.5, 0.0), (B, 50, -1.0, 0.0)]),
                made_event(1, jets=[(T, 400, 0.0, 0.0), (V, 300, 0.0, 0.0)]),
                made_event(0, jets=[(B, 20, 2.0, np.float32(np.pi))]),
            ],
            "validation": [made_event(0, jets=[])],
            "test": [made_event(2, jets=[(H, 60, 0.0, 0.0), (T, 80, 0.0, 0.0), (B, 30, 0.0, 0.0)])],
        }
        shards = []
        for split, rows in events.items():
            path = make_events(folder / f"{split}-00000.h5", rows, names, split)
            size = path.stat().st_size
            shards.append(manifest.Shard(name=path.name, split=split, sha256="", n_events=len(rows), bytes=size))
        contents = manifest.Manifest(
            class_names=["b", "t", "H", "V", "q"],
            samples={"bb": {"test": False}, "tt": {"test": False}, "tth": {"test": True}},
            config={"truth": truth, "nested": "all"},
            sharding={},
            detector="",
            detector_sha256="",
            software={},
            inputs=list(inputs),
            shards=shards,
        )
        (folder / manifest.NAME).write_text(contents.model_dump_json())
        return folder

    return make


def sheet(summary, title):
    (found,) = (sheet for sheet in summary._sheets() if sheet.title.startswith(title))
    return {row[0]: row[1:] for row in found.rows}


def test_events_and_files(make_dataset):
    rows = sheet(summarize(make_dataset()), "Events")
    # asked, present, train, validation, test, heldout, files ok, files bad
    assert rows["bb"] == (8, 3, 2, 1, 0, 0, 1, 1)
    assert rows["tt"] == (5, 1, 1, 0, 0, 0, 1, 2)
    assert rows["tth"] == (1, 1, 0, 0, 1, 0, 1, 0)
    assert rows["all"] == (14, 5, 3, 1, 1, 0, 3, 3)


def test_october_2019_stands_beside_ours(make_dataset):
    rows = sheet(summarize(make_dataset()), "Images")
    assert rows["bb"] == (3, 769_973, 3, 3_738_320, "1.00", 4.86, 20.0, 20.9)
    assert rows["tt"] == (1, 940_000, 2, 1_945_845, "2.00", 2.07, 300.0, 432.7)
    assert rows["tth"] == (1, 770_000, 3, 4_165_924, "3.00", 5.41, 30.0, None)


@pytest.mark.parametrize("truth", ["jets", "status"])
def test_october_2019_stands_beside_jets_made_as_then_alone(make_dataset, truth):
    summary = summarize(make_dataset(truth=truth))
    assert sheet(summary, "Images")["tth"] == (1, 3, "3.00", 30.0)
    assert "2019" not in summary.markdown()
    assert all(sample["october_2019"] is None for sample in summary.as_dict()["samples"])


def test_classes_and_splits(make_dataset):
    summary = summarize(make_dataset())
    rows = {(row.name, row.split): row for row in summary.classes}
    b = rows["b", "train"]
    assert (b.jets, b.min_pt, b.median_pt, b.max_pt) == (3, 20.0, 50.0, 100.0)
    assert b.mean_abs_eta == pytest.approx((0.5 + 1.0 + 2.0) / 3)
    assert b.max_abs_eta == 2.0
    assert set(rows) == {
        ("b", "train"),
        ("b", "test"),
        ("t", "train"),
        ("t", "test"),
        ("H", "test"),
        ("V", "train"),
    }


def test_accounting_balances_and_says_why(make_dataset):
    summary = summarize(make_dataset())
    assert summary.balances
    assert [sample.account() for sample in summary.samples] == [
        "bb: 8 events in = 3 out (2 train, 1 validation, 0 test, 0 heldout) + 5 explained (5 short): balances",
        "tt: 5 events in = 1 out (1 train, 0 validation, 0 test, 0 heldout) + 4 explained (0 unreadable, 4 truncated):"
        " balances (1 bad file does not say how many events it should hold)",
        "tth: 1 events in = 1 out (0 train, 0 validation, 1 test, 0 heldout) + 0 explained (no bad file): balances",
    ]
    assert "every event is accounted for" in summary.markdown()


@pytest.mark.parametrize(
    ("first", "line"),
    [
        (
            entry("bb", "bb_0", 5, train=4, validation=1),
            "DOES NOT BALANCE: 2 events without a reason; the manifest lists 4",
        ),
        (
            entry("bb", "bb_0", 3, train=1, validation=2),
            "DOES NOT BALANCE: 0 events without a reason; the manifest lists 1",
        ),
        (entry("bb", "bb_0", 2, train=2), "DOES NOT BALANCE: -1 events without a reason; the manifest lists 2"),
    ],
)
def test_lost_events_are_shouted(make_dataset, first, line):
    summary = summarize(make_dataset((first, *INPUTS[1:])))
    assert not summary.balances
    assert not summary.as_dict()["balances"]
    assert line in summary.markdown()
    assert "EVENTS ARE MISSING WITHOUT A REASON" in summary.markdown()


def test_summary_does_not_read_hits(make_dataset, monkeypatch):
    from jetimg.event_file.store import Reader

    read = Reader.read
    asked = []

    def watched(self, start, stop, tables):
        asked.append(tuple(tables))
        return read(self, start, stop, tables)

    monkeypatch.setattr(Reader, "read", watched)
    summarize(make_dataset())
    assert set(asked) == {("events", "jets")}


def test_ranges_of_events_add_up(make_dataset, monkeypatch):
    folder = make_dataset()
    whole = summarize(folder)
    monkeypatch.setattr(counts, "STEP", 1)
    done = []
    parts = summarize(folder, done.append)
    assert done == [1] * 5
    assert parts.as_dict() == whole.as_dict()
    for key, jets in whole.counted.jets.items():
        assert np.array_equal(parts.counted.jets[key].eta, jets.eta)
    assert parts.counted.images["bb"].with_jets.tolist() == whole.counted.images["bb"].with_jets.tolist() == [1, 1, 1]


def test_no_jet_falls_out_of_the_histograms(make_dataset):
    for jets in summarize(make_dataset()).counted.jets.values():
        assert jets.eta.sum() == jets.phi.sum() == len(jets.all_pt())


def test_phi_of_pi_in_float32_is_in_the_first_bin(make_dataset):
    assert summarize(make_dataset()).counted.jets["b", "train"].phi[0] == 1


def test_histogram_bins_end_where_the_image_ends(setup):
    counted = counts.Census.empty(setup.grid)
    assert counted.eta_edges[[0, -1]] == pytest.approx([-2.958, 2.958])
    assert (len(counted.eta_edges), len(counted.phi_edges)) == (69, 73)
    # A grid whose rows are no multiple of a bin keeps its last edge.
    assert counts.Census.empty(Grid(0.1, 12, 20)).eta_edges == pytest.approx([-0.6, -0.1, 0.4, 0.6])


def test_json_has_every_number_of_the_tables(make_dataset):
    content = json.loads(json.dumps(summarize(make_dataset()).as_dict()))
    bb = content["samples"][0]
    assert (bb["name"], bb["images"], bb["jets"], bb["mean"], bb["min_pt"]) == ("bb", 3, 3, 1.0, 20.0)
    assert bb["october_2019"] == {"images": 769_973, "jets": 3_738_320, "mean": 4.86, "min_pt": 20.9}
    assert bb["explained"] == {"short": 5}
    assert content["n_shards"] == 3


def test_terminal_shows_tables_and_accounting(make_dataset):
    text = io.StringIO()
    Console(width=150, file=text).print(summarize(make_dataset()).table())
    for part in ("769,973", "validation", ": balances", "All samples: every event is accounted for."):
        assert part in text.getvalue()


def test_write_makes_the_files_that_the_page_names(make_dataset, tmp_path):
    summary = summarize(make_dataset())
    paths = write(summary, tmp_path / "report")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(FILES)
    assert {path.name for path in paths} == set(FILES)
    page = (tmp_path / "report" / "summary.md").read_text()
    for name in ("distributions.png", "boxes_per_image.png"):
        assert f"]({name})" in page
        assert (tmp_path / "report" / name).read_bytes().startswith(b"\x89PNG")


def test_distributions_have_a_row_a_split_and_a_line_a_class(make_dataset):
    summary = summarize(make_dataset())
    figure = distributions.jets(summary.counted, summary.class_names)
    titles = [axes.get_title(loc="left") for axes in figure.axes[::3]]
    assert titles == ["train", "test"]
    lines = [[patch.get_label() for patch in axes.patches] for axes in figure.axes]
    assert lines == [["b", "t", "V"]] * 3 + [["b", "t", "H"]] * 3
    assert [axes.get_yscale() for axes in figure.axes[:3]] == ["log", "linear", "linear"]
    assert figure.axes[0].get_xlim() == (0.0, 400.0)


def test_each_line_has_area_one(make_dataset):
    summary = summarize(make_dataset())
    for axes in distributions.jets(summary.counted, summary.class_names).axes:
        for patch in axes.patches:
            values, edges, _ = patch.get_data()
            assert np.nansum(values * np.diff(edges)) == pytest.approx(1.0)


def test_more_jets_have_finer_bins(setup):
    def bins(n):
        counted = counts.Census.empty(setup.grid)
        jets = counted.no_jets()
        jets.pt, jets.eta[:], jets.phi[:] = [np.full(n, 50.0, np.float32)], n, n
        counted.jets["b", "train"] = jets
        return [len(axes.patches[0].get_data().values) for axes in distributions.jets(counted, ("b",)).axes]

    assert [bins(100), bins(1000), bins(10_000)] == [[20, 17, 18], [40, 34, 36], [80, 68, 72]]


def test_boxes_per_image_are_shares_of_each_sample(make_dataset):
    figure = distributions.boxes_per_image(summarize(make_dataset()).counted)
    bb, tt, tth = figure.axes
    assert [bar.get_height() for bar in bb.patches] == pytest.approx([1 / 3] * 3)
    assert [bar.get_height() for bar in tt.patches] == [0, 0, 1]
    assert "1 images, 3.00 boxes an image" in tth.get_title(loc="left")


def test_a_data_set_without_boxes_can_be_drawn(setup):
    counted = counts.Census.empty(setup.grid)
    counted.images["bb"].of_split["train"] = 2
    figures = [distributions.jets(counted, ("b",)), distributions.boxes_per_image(counted)]
    for figure in figures:
        figure.canvas.draw()
    assert [len(figure.axes) for figure in figures] == [3, 1]


def test_find_counts_a_samples_events_over_the_shards(make_dataset):
    folder = make_dataset()
    places = [("train-00000.h5", 0), ("train-00000.h5", 2), ("validation-00000.h5", 0)]
    assert [find(folder, "bb", number) for number in range(3)] == [(folder / name, k) for name, k in places]
    assert find(folder, "tth") == (folder / "test-00000.h5", 0)


@pytest.mark.parametrize(
    ("sample", "number", "text"),
    [("bb", 3, "no event 3 of sample bb: it has 3 events"), ("bb", -1, "no event -1"), ("zz", 0, "it has bb, tt, tth")],
)
def test_find_refuses_what_is_not_there(make_dataset, sample, number, text):
    with pytest.raises(ValueError, match=text):
        find(make_dataset(), sample, number)


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no manifest\.json"):
        summarize(tmp_path)


def test_a_missing_shard_is_named(make_dataset):
    folder = make_dataset()
    (folder / "test-00000.h5").unlink()
    with pytest.raises(DataError, match=r"test-00000\.h5"):
        summarize(folder)


def test_a_real_data_set(data, setup, tmp_path):
    files = [data / "tt.root", data / "no_hard_process_tt.root"]
    convert(DelphesInputs(files, "tt", expected=1), tmp_path / "tt.h5", setup)
    convert(DelphesInputs([data / "tth.root"], "tth"), tmp_path / "tth.h5", setup)
    made = plan.make([tmp_path / "tt.h5", tmp_path / "tth.h5"], plan.Sharding(), ["tth"], {"tt": 1})
    for name in made.shards():
        shard.make(made, name, tmp_path / "set" / name)
    manifest.make(made, tmp_path / "set")
    summary = summarize(tmp_path / "set")
    assert summary.balances
    tt, tth = summary.samples
    assert (tt.asked, tt.images, tt.explained) == (3, 2, {"no-hard-process": 1})
    assert tth.of_split == {"train": 0, "validation": 0, "test": 2, "heldout": 0}
    assert tt.jets + tth.jets == sum(row.jets for row in summary.classes) > 4
