"""Pages as people see them: in Chromium, by keys, at the width of a desktop and of a phone, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jetimg.dataset import manifest
from jetimg.detections import hdf5
from jetimg.event_file.store import InputFile, Reader
from jetimg.pages import report, viewer
from jetimg.pages.chosen_events import Choice
from models.evaluation.pairing import JetTable, match, pairs
from tests.helpers import chromium, made_results
from tests.helpers.chromium import DESKTOP, PHONE, Browser
from tests.helpers.detections import ABOUT, near

pytestmark = pytest.mark.browser
RIGHT, LEFT, END = "\ue014", "\ue012", "\ue010"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="session")
def found(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detections near the true jets of the data set, right and wrong, and some where there is none."""
    path = tmp_path_factory.mktemp("found") / "found.h5"
    with hdf5.create(path, ABOUT) as writer:
        for k, shard in enumerate(manifest.read(dataset).shards):
            with Reader(dataset / shard.name) as reader:
                jets = reader.read().tables["jets"]
            writer.add(InputFile(shard.name, shard.sha256, shard.n_events), near(jets, seed=k))
    return path


@pytest.fixture(scope="session")
def page(dataset: Path, found: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("pages") / "events.html"
    viewer.write([dataset], output, Choice(), [found])
    return output


def test_the_lists_of_jets_are_not_cut_off(browser: Browser, page: Path) -> None:
    """At any event: `no such jet` is the longest word of the last column."""
    browser.open(page, DESKTOP)
    widest = """
        return Math.max(...[...document.querySelectorAll(".rows")].map((one) => one.scrollWidth - one.clientWidth))"""
    words = ""
    for _ in range(12):
        words += browser.text("#found")
        assert browser.run(widest) <= 0
        browser.press(RIGHT)
    assert "no such jet" in words


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_viewer_is_drawn(browser: Browser, page: Path, size: tuple[int, int], dark: bool) -> None:
    browser.open(page, size, dark)
    assert browser.complaints() == []
    assert browser.overflow() <= 0
    assert browser.text("#position") == "1 of 12"
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == dark
    # Hits, boxes and axes: more colours than a blank canvas has.
    colours = """
        const c = document.getElementById("plane"), p = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        return new Set(new Uint32Array(p.buffer)).size"""
    browser.until(f"(() => {{{colours}}})() > 100")  # drawn in the frame after the page is ready


def test_keys_change_the_event(browser: Browser, page: Path) -> None:
    browser.open(page)
    first = browser.text("#from")
    browser.press(RIGHT)
    browser.until("document.getElementById('position').textContent === '2 of 12'")
    assert browser.text("#from") != first
    browser.press(LEFT)
    browser.until("document.getElementById('position').textContent === '1 of 12'")
    assert browser.text("#from") == first
    browser.press(END)
    browser.until("location.hash === '#event=12'")
    browser.press(RIGHT)
    browser.until("document.getElementById('event').value === '11'")
    browser.open(page, at="#event=5")
    assert browser.text("#position") == "5 of 12"
    assert browser.complaints() == []


def test_a_higher_cut_hides_detections(browser: Browser, page: Path) -> None:
    browser.open(page, at="#event=12")
    rows = "document.querySelectorAll('#found tbody tr[data-row]').length"
    cut = "const c = document.getElementById('cut'); c.value = arguments[0]; c.dispatchEvent(new Event('input'))"
    left = []
    for value in (0, 0.5, 1):
        browser.run(cut, value)
        left.append(browser.run(f"return {rows}"))
    assert left[0] > left[1] > left[2] == 0
    assert browser.text("#found tbody") == "none above the cut"
    browser.press("[")
    assert browser.text("#cut-text") == "0.95"


def test_right_and_wrong_are_those_of_the_evaluation(browser: Browser, page: Path, dataset: Path, found: Path) -> None:
    true, detected = _tables(dataset, found)
    for cut in (0.0, 0.3, 0.6):
        kept = detected.take(detected.score >= np.float32(cut))
        partner = match(pairs(kept, true, 360), len(kept), len(true), 0.5)
        right = int((partner >= 0).sum())
        browser.open(page)
        browser.run(
            "const c = document.getElementById('cut'); c.value = arguments[0]; c.dispatchEvent(new Event('input'))", cut
        )
        shown = [int(browser.text(f"#all-{name}")) for name in ("right", "wrong", "missed")]
        assert shown == [right, len(kept) - right, len(true) - right]
        assert right > 0


def _tables(dataset: Path, found: Path) -> tuple[JetTable, JetTable]:
    """True jets and detections of all events, as the evaluation takes them."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in JetTable.__dataclass_fields__}
    first = 0
    for shard in manifest.read(dataset).shards:
        with Reader(dataset / shard.name) as reader:
            jets = reader.read(tables=("jets",)).tables["jets"]
        columns["event"].append(first + np.repeat(np.arange(shard.n_events), np.diff(jets["indptr"])))
        columns["score"].append(np.ones(len(jets["pt"]), np.float32))
        for name in ("class_id", "box", "eta", "phi", "pt"):
            columns[name].append(jets[name])
        first += shard.n_events
    with hdf5.Reader(found) as reader:
        table = reader.read()
    fields = {name: getattr(table, name) for name in columns}
    fields["class_id"] = table.class_id.astype(np.int64)
    true = {name: np.concatenate(parts) for name, parts in columns.items()}
    return JetTable(**(true | {"class_id": true["class_id"].astype(np.int64)})), JetTable(**fields)


def test_the_picture_turns_round_phi_and_shows_what_is_under_the_pointer(browser: Browser, page: Path) -> None:
    browser.open(page, at="#event=12")
    picture = "return document.getElementById('plane').toDataURL()"
    wheel = """document.getElementById("plane").dispatchEvent(
        new WheelEvent("wheel", {deltaY: arguments[0], cancelable: true}))"""
    seen = [browser.run(picture)]
    for by in (1440, 1440):  # half a turn each: 8 units of the wheel are a pixel
        browser.run(wheel, by)
        browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen.append(browser.run(picture))
    assert seen[0] != seen[1]
    assert seen[0] == seen[2]
    told = browser.run("""
        const plane = document.getElementById("plane"), area = plane.getBoundingClientRect(), texts = new Set();
        for (let y = 20; y < 600; y += 6) {
          const at = {clientX: area.left + area.width / 2, clientY: area.top + y, pointerId: 1};
          plane.dispatchEvent(new PointerEvent("pointermove", at));
          if (!document.getElementById("tip").hidden) texts.add(document.getElementById("tip").textContent);
        }
        return [...texts]""")
    assert len(told) > 5
    assert all(text.startswith("η ") and "φ " in text and text.endswith(" GeV") for text in told)


def test_channels_scale_classes_and_cylinder(browser: Browser, page: Path) -> None:
    browser.open(page, at="#event=12")
    wait = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    seen = set()
    for key in ("", "1", "2", "3", "1", "l", "t", "d", "c"):
        browser.press(key) if key else None
        browser.run(wait)
        seen.add(browser.run("return document.getElementById('plane').toDataURL()"))
    assert len(seen) == 9
    assert browser.run("return document.getElementById('round').getAttribute('aria-pressed')") == "true"
    browser.press("?")
    assert browser.run("return document.getElementById('help').open")
    assert browser.complaints() == []


def test_a_sample_by_itself(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("const s = document.getElementById('sample'); s.value = 'tth'; s.dispatchEvent(new Event('change'))")
    browser.until("document.getElementById('position').textContent === '1 of 2'")
    assert browser.text("#what").startswith("tth · ")


def test_without_detections_there_is_no_cut(browser: Browser, dataset: Path, tmp_path: Path) -> None:
    viewer.write([dataset], tmp_path / "events.html", Choice(events=2))
    browser.open(tmp_path / "events.html")
    assert browser.complaints() == []
    assert browser.run(
        "return document.getElementById('cutting').hidden && document.getElementById('found-card').hidden"
    )
    assert browser.run("return document.getElementById('kind-found')") is None


def test_a_damaged_page_says_so(browser: Browser, page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    (tmp_path / "bad.html").write_text(text.replace('"about": "eN', '"about": "eX'))
    assert (tmp_path / "bad.html").read_text() != text
    browser.driver.get((tmp_path / "bad.html").as_uri())
    browser.until("!document.getElementById('fault').hidden")
    assert browser.text("#fault").startswith("This page cannot be shown: ")


@pytest.fixture(scope="session")
def report_page(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_results.write(tmp_path_factory.mktemp("results"))
    (folder / "events.html").write_bytes(page.read_bytes())
    report.write(folder, folder / "report.html")
    return folder / "report.html"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_report_is_drawn(browser: Browser, report_page: Path, size: tuple[int, int], dark: bool) -> None:
    browser.open(report_page, size, dark)
    assert browser.complaints() == []
    assert browser.overflow() <= 0
    shown = "return [...document.images].filter((one) => one.src && one.naturalWidth === 1200).length"
    browser.run("for (const one of document.images) one.loading = 'eager'")
    browser.until(f"(() => {{ {shown} }})() === {len(made_results.PICTURES)}")
    assert browser.run("return document.getElementById('menu').open") == (size == DESKTOP)
    browser.run(
        "document.querySelectorAll('.scroll tbody tr > :first-child')"
        ".forEach(one => { one.textContent = 'sum of EFlowNeutralHadron.ET' })"
    )
    widths = """return [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)
        .map(one => one.querySelector('tbody tr > :first-child').offsetWidth / one.clientWidth)"""
    assert max(browser.run(widths), default=0) < 0.5, "the column that stays leaves no room for the others"
    anchors = browser.run("return [...document.querySelectorAll('nav a')].map((one) => one.hash.slice(1))")
    assert len(anchors) == 12
    assert all(browser.run("return document.getElementById(arguments[0]) !== null", name) for name in anchors)


def test_the_report_enlarges_pictures_and_leads_to_the_viewer(browser: Browser, report_page: Path) -> None:
    browser.open(report_page)
    browser.run("document.querySelector('.enlarge').click()")
    assert browser.run(
        "const d = document.getElementById('large'); return d.open && d.querySelector('img').naturalWidth > 0"
    )
    browser.press("\ue00c")
    browser.until("!document.getElementById('large').open")
    browser.run("document.querySelector('a.button').click()")
    browser.until("document.documentElement.dataset.ready === 'yes' && document.getElementById('plane') !== null")
    assert browser.text("#position") == "1 of 12"
    assert browser.complaints() == []
