import json

import numpy as np
import pytest

from detector.geometry.tower_map import ecal_map
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.channels import Setup
from jetimg.imaging.raster import RasterError
from jetimg.imaging.settings import ImageSettings
from jetimg.reports.crystal_audit import Counts, Mapping, audit, count

SAMPLES = ("bb", "tt", "hh", "WW", "qq", "tth")

PITCH, DEGREE = 0.0174, np.pi / 180


def chunk_of(events):
    """Events of ECAL towers, each (row of its crystal from eta = 0, column from phi = 0, eta, phi)."""
    offsets = np.cumsum([0, *(len(event) for event in events)])
    rows = np.array([tower for event in events for tower in event], np.float64).reshape(-1, 4)
    edges = np.stack(
        [rows[:, 0] * PITCH, (rows[:, 0] + 1) * PITCH, rows[:, 1] * DEGREE, (rows[:, 1] + 1) * DEGREE], axis=1
    )
    columns = {"ET": np.ones(len(rows)), "Eta": rows[:, 2], "Phi": rows[:, 3], "Edges": edges}
    return {f"EFlowPhoton.{name}": Jagged(offsets, column.astype(np.float32)) for name, column in columns.items()}


def inside(row, column):
    return row, column, (row + 0.5) * PITCH, (column + 0.5) * DEGREE


def test_towers_inside_their_crystals(setup):
    chunk = chunk_of([[inside(0, 0), inside(0, 1), inside(1, 0)], [inside(0, 0)], []])
    assert count(chunk, setup) == Counts(events=3, towers=4)


def test_a_tower_that_lies_in_its_neighbour_is_counted(setup):
    astray = (0, 1, 0.5 * PITCH, 0.99 * DEGREE)
    counts = count(chunk_of([[inside(0, 0), astray], [inside(5, 5)]]), setup)
    assert counts == Counts(events=2, towers=3, moved=1, by_centre=Mapping(shared_pixels=1, events=1))


def test_a_tower_astray_in_an_empty_pixel_shares_nothing(setup):
    counts = count(chunk_of([[(0, 1, 0.5 * PITCH, 0.99 * DEGREE)]]), setup)
    assert (counts.moved, counts.by_centre) == (1, Mapping())


def test_a_crystal_that_stands_twice_in_an_event_shares_its_pixel_by_edges(setup):
    counts = count(chunk_of([[inside(0, 0), inside(0, 0), inside(0, 0)], [inside(0, 0)]]), setup)
    assert counts.by_edges == Mapping(shared_pixels=1, events=1)


def test_towers_across_the_seam_are_neighbours(setup):
    # The crystal in the last column; its phi was rounded up to the first column's side.
    astray = (0, 179, 0.5 * PITCH, np.pi + 1e-5)
    counts = count(chunk_of([[inside(0, -180), astray]]), setup)
    assert counts == Counts(events=1, towers=2, moved=1, by_centre=Mapping(1, 1))


def test_forward_towers_are_not_of_the_image(setup):
    cells = ecal_map(setup.detector)
    ring = int(np.argmax(cells.eta_edges > 3)) - 1
    assert cells.n_rows[ring] == 0
    edges = [cells.eta_edges[ring], cells.eta_edges[ring + 1], 0.0, np.pi / 18]
    chunk = chunk_of([[inside(0, 0)]])
    chunk["EFlowPhoton.Edges"] = Jagged(np.array([0, 1]), np.array([edges], np.float32))
    # Even where its eta came to lie inside.
    chunk["EFlowPhoton.Eta"] = Jagged(np.array([0, 1]), np.array([2.95], np.float32))
    assert count(chunk, setup) == Counts(events=1)


def test_a_coordinate_that_is_no_number_is_refused(setup):
    with pytest.raises(RasterError, match="not a finite number"):
        count(chunk_of([[(0, 0, np.nan, 0.5 * DEGREE)]]), setup)


def test_real_files_have_one_crystal_a_pixel(data, setup):
    done = []
    found = audit([data / f"{name}.root" for name in SAMPLES], setup, done.append)
    assert found.ok
    assert found.total.events == sum(done) == 12
    assert found.total.by_edges == Mapping(0, 0)
    assert all(500 < file.counts.towers / file.counts.events < 2000 for file in found.files)
    assert found.answer().startswith("Mapped by Edges, as convert does, one crystal is one pixel.")


def test_tower_branches(data, setup):
    found = audit([data / "tower_tt.root"], Setup(setup.detector, ImageSettings(source="tower")))
    assert found.ok
    assert found.total.events == 3
    assert found.total.towers > 1500


def test_bad_files_stand_in_it_with_their_verdict_and_stop_nothing(data, setup, tmp_path):
    paths = [tmp_path / "gone.root", data / "no_hard_process_tt.root", data / "tt.root"]
    found = audit(paths, setup)
    assert [file.verdict for file in found.files] == ["unreadable", "no-hard-process", "ok"]
    assert [file.counts.events for file in found.files] == [0, 0, 2]
    assert not found.ok
    assert "StatusPidFilter" in found.files[1].reason


def test_a_file_that_breaks_in_the_middle_gives_no_counts(data, setup, tmp_path, monkeypatch):
    from jetimg.reports import crystal_audit as module

    def broken(chunk, setup):
        raise RasterError("an eta or phi is not a finite number")

    monkeypatch.setattr(module, "count", broken)
    (file,) = audit([data / "tt.root"], setup).files
    assert (file.verdict, file.counts) == ("unreadable", Counts())
    assert "after entry 0" in file.reason


def test_json_and_table_have_every_file_and_the_total(data, setup, tmp_path):
    found = audit([data / "tt.root", tmp_path / "gone.root"], setup)
    content = json.loads(json.dumps(found.as_dict()))
    assert [file["verdict"] for file in content["files"]] == ["ok", "unreadable"]
    assert content["total"]["towers"] == content["files"][0]["counts"]["towers"] > 0
    assert not content["ok"]
    table = found.table()
    assert [row[0] for row in table.rows] == ["tt.root", "gone.root", "all files"]
    assert table.rows[-1][3] == content["total"]["towers"]


def test_nothing_read_is_no_answer(setup):
    assert audit([], setup).answer() == "No event could be read."


@pytest.mark.shared
def test_all_real_files(shared, setup):
    found = audit(sorted(shared.glob("*.root")), setup)
    assert found.ok
    assert (found.total.events, found.total.towers) == (300, 297_966)
    assert found.total.by_edges == Mapping(0, 0)
    # Measured: one tower lies in the neighbouring pixel, which is empty.
    assert (found.total.moved, found.total.by_centre) == (1, Mapping(0, 0))
