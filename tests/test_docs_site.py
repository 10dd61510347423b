"""The docs as a site: built strictly, so that a link or a picture that leads nowhere fails."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytest.importorskip("mkdocs", reason="mkdocs is missing: make docs installs it")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # A process of its own: mkdocs keeps its plugins for good.
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_start_page_is_the_readme_and_leads_to_pages_of_the_site(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "one pixel is one ECAL crystal" in text
    targets = set(re.findall(r'href="([^"#:]+\.html)', text))
    assert {"own-data.html", "truth.html", "repository/workflow/config/index.html"} <= targets
    assert not [target for target in targets if not (site / target).is_file()]


def test_commands_and_python_api_are_there(site: Path) -> None:
    assert "jetimg models train" in (site / "commands.html").read_text()
    assert "jetimg.loader.load" in (site / "api/jetimg/loader.html").read_text()
    assert "Detector" in (site / "api/models/inference.html").read_text()


def test_nothing_is_fetched_from_elsewhere_to_read_a_page(site: Path) -> None:
    abroad = re.compile(r'<(?:script|img|link)[^>]+(?:src|href)="https?://[^"]+\.(?:js|css|png|woff2?)"')
    for page in site.rglob("*.html"):
        assert not abroad.findall(page.read_text()), page
