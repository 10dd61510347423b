import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle

from detector.geometry.angles import TWO_PI
from jetimg.common.errors import DataError
from jetimg.event_file.event import read_event
from jetimg.event_file.store import Reader
from jetimg.plotting.event_display import box_pieces, draw, picture
from jetimg.plotting.figures import DPI, colour
from jetimg.plotting.labels import Area
from tests.helpers.detections import made_up

PANELS = ("sum", "tracker", "ecal", "hcal")

# An image has 340 x 360 pixels: this one is row 170, column 180, whose lower corner is eta = phi = 0.
CENTRE = 170 * 360 + 180

SEAM_JET, PLAIN_JET = (1, 540.4, 0.5, 3.1), (3, 80.0, -1.0, 0.2)


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_events, made_event):
    event = made_event(
        hits={"tracker": [(CENTRE, 2.0), (CENTRE + 7, 0.25)], "ecal": [(CENTRE, 3.0)], "hcal": []},
        jets=[SEAM_JET, PLAIN_JET],
        tags=[(1, 500.0, 0.5, 3.0), (2, 500.0, 0.5, 3.0)],
    )
    return make_events(tmp_path_factory.mktemp("show") / "made.h5", [event, made_event()])


def panels(figure):
    return {axes.get_label(): axes for axes in figure.axes}


def hits(axes):
    (collection,) = (artist for artist in axes.collections if isinstance(artist, PathCollection))
    return collection


def rectangles(axes):
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_four_panels_and_a_colour_bar(made):
    assert set(panels(picture(read_event(made, 0)))) == {*PANELS, "colour bar"}


def test_hits_stand_at_the_centre_of_their_pixel(made):
    found = hits(panels(picture(read_event(made, 0)))["tracker"])
    # The faint one first, so that the hard one is drawn on top; half a pixel is 0.0087 and half a degree.
    degree = np.pi / 180
    assert np.allclose(found.get_offsets(), [[0.0087, 7.5 * degree], [0.0087, 0.5 * degree]])
    assert found.get_array().tolist() == [0.25, 2.0]


def test_the_sum_adds_the_channels_of_a_pixel(made):
    assert hits(panels(picture(read_event(made, 0)))["sum"]).get_array().tolist() == [0.25, 5.0]


def test_every_hit_covers_two_screen_pixels(event_file):
    for name, axes in panels(picture(read_event(event_file, 0))).items():
        if name in PANELS:
            assert np.sqrt(hits(axes).get_sizes().min()) / 72 * DPI > 2


def test_pixels_are_square(made):
    figure = picture(read_event(made, 0))
    for name in PANELS:
        place = panels(figure)[name].get_position()
        width, height = place.width * figure.get_figwidth(), place.height * figure.get_figheight()
        assert width / 340 == pytest.approx(height / 360)


def test_detections_are_dashed_and_labelled_with_their_score_on_both_sides_of_the_seam(made):
    found = made_up([2])[0]._replace(box=np.array([[100, 340, 146, 386], [10, 20, 56, 66]], np.float32))
    figure = picture(read_event(made, 0), found)
    for name in PANELS:
        dashed = [patch for patch in rectangles(panels(figure)[name]) if patch.get_label() == "detection"]
        assert len(dashed) == 3
        assert all(patch.get_linestyle() not in ("-", "solid") for patch in dashed)
        plain = [patch for patch in rectangles(panels(figure)[name]) if patch.get_label() != "detection"]
        assert {patch.get_linestyle() for patch in plain} == {"solid"}
    texts = {text.get_text() for text in panels(figure)["sum"].texts}
    names = read_event(made, 0).class_names
    assert {f"{names[k]}? {score:.2f}" for k, score in zip(found.class_id, found.score, strict=True)} <= texts


@pytest.mark.parametrize("panel", PANELS)
def test_a_box_across_the_seam_is_drawn_on_both_sides(made, panel):
    axes = panels(picture(read_event(made, 0)))[panel]
    pieces = [patch for patch in rectangles(axes) if patch.get_label() == "t"]
    low, high = sorted(piece.get_y() for piece in pieces)
    assert high - low == pytest.approx(TWO_PI)
    assert low < -np.pi < low + pieces[0].get_height()
    assert high < np.pi < high + pieces[0].get_height()
    # Together they cover what the box covers: its height, once.
    inside = (np.pi - high) + (low + pieces[0].get_height() + np.pi)
    assert inside == pytest.approx(pieces[0].get_height())


def test_other_boxes_are_drawn_once_around_their_axis(made):
    axes = panels(picture(read_event(made, 0)))["sum"]
    (box,) = (patch for patch in rectangles(axes) if patch.get_label() == "V")
    assert box.get_x() + box.get_width() / 2 == pytest.approx(PLAIN_JET[2], abs=1e-5)
    assert box.get_y() + box.get_height() / 2 == pytest.approx(PLAIN_JET[3], abs=1e-5)
    assert box.get_width() == pytest.approx(46 * 0.0174)


def test_a_box_that_ends_at_the_seam_has_one_piece(made):
    event = read_event(made, 0)
    (piece,) = box_pieces(event, np.array([0.0, 314.0, 46.0, 360.0], np.float32))
    assert piece.y1 == pytest.approx(np.pi)


def test_labels_have_class_and_pt_in_the_class_colour(made):
    figure = picture(read_event(made, 0))
    texts = {text.get_text(): text for text in panels(figure)["sum"].texts}
    assert {"t 540", "V 80"} <= set(texts)
    assert texts["t 540"].get_bbox_patch().get_facecolor()[:3] == pytest.approx(
        tuple(int(colour(1)[k : k + 2], 16) / 255 for k in (1, 3, 5))
    )


def test_labels_stay_in_the_panel_and_off_each_other(event_file):
    figure = picture(read_event(event_file, 0))
    figure.canvas.draw()
    axes = panels(figure)["sum"]
    frame = axes.get_window_extent()
    labels = [text.get_window_extent() for text in axes.texts if text.get_bbox_patch() is not None]
    assert len(labels) >= 6
    for number, label in enumerate(labels):
        assert frame.x0 <= label.x0 < label.x1 <= frame.x1
        assert frame.y0 <= label.y0 < label.y1 <= frame.y1
        assert not any(label.overlaps(other) for other in labels[:number])


def test_tags_of_one_jet_are_rings_of_different_sizes(made):
    rings = {line.get_label(): line for line in panels(picture(read_event(made, 0)))["sum"].lines}
    assert rings["t tag"].get_xydata().tolist() == rings["H tag"].get_xydata().tolist()
    assert rings["t tag"].get_markersize() != rings["H tag"].get_markersize()


def test_legend_names_what_is_there(made):
    legend = panels(picture(read_event(made, 0)))["sum"].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["t box", "V box", "baseline t tag", "baseline H tag"]


def test_title_says_where_the_event_is_from(made):
    text = " ".join(text.get_text() for text in panels(picture(read_event(made, 0)))["sum"].texts)
    for part in ("tt", "made[1].root, entry 0", "split: all", "2 pixels"):
        assert part in text


def test_an_event_without_hits_and_boxes_is_an_empty_picture(made):
    axes = panels(picture(read_event(made, 1)))["sum"]
    assert len(hits(axes).get_offsets()) == 0
    assert rectangles(axes) == []


def test_total_of_a_real_event_conserves_its_energy(event_file):
    event = read_event(event_file, 1)
    pixel, value = event.total()
    with Reader(event_file) as reader:
        tables = reader.read(1, 2).tables
    assert value.sum() == pytest.approx(
        sum(tables[name]["value"].sum(dtype=np.float64) for name in event.channels), rel=1e-12
    )
    assert (np.diff(pixel.astype(np.int64)) > 0).all()


@pytest.mark.parametrize("number", [-1, 2, 99])
def test_a_wrong_number_is_refused_with_the_valid_range(made, tmp_path, number):
    with pytest.raises(ValueError, match=rf"no event {number}: it has events 0 to 1"):
        draw(made, number, tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_events_says_so(make_events, tmp_path):
    with pytest.raises(ValueError, match="it has no events"):
        read_event(make_events(tmp_path / "none.h5", []), 0)


@pytest.mark.parametrize(("name", "magic"), [("x.png", b"\x89PNG"), ("x.PDF", b"%PDF"), ("plain", b"\x89PNG")])
def test_draw_writes_the_format_of_the_ending_and_nothing_else(event_file, tmp_path, name, magic):
    draw(event_file, 0, tmp_path / "new" / name)
    (path,) = (tmp_path / "new").iterdir()
    assert path.name == name
    assert path.read_bytes().startswith(magic)


def test_an_unknown_ending_is_refused(event_file, tmp_path):
    with pytest.raises(ValueError, match=r"no picture format 'bmpx'.*png"):
        draw(event_file, 0, tmp_path / "x.bmpx")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_event_file_is_the_fault_of_the_data(data, tmp_path):
    with pytest.raises(DataError, match=r"tt\.root"):
        draw(data / "tt.root", 0, tmp_path / "x.png")


def test_area_overlap():
    assert Area(0, 0, 2, 2).overlap(Area(1, 1, 3, 3)) == 1
    assert Area(0, 0, 1, 1).overlap(Area(2, 0, 3, 1)) == 0
