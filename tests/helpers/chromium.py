"""Debian's Chromium, driven by selenium: one for a process, and what a test asks of it."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

PROGRAMS = ("chromium", "chromedriver")
# It runs as root in containers, and does not call its maker's servers.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
DESKTOP, PHONE = (1400, 950), (375, 812)


class Browser:
    """A browser with one window."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self._width = DESKTOP[0]

    def open(
        self, page: Path, size: tuple[int, int] = DESKTOP, dark: bool = False, at: str = "", sharpness: float = 1
    ) -> None:
        """Opens a page from disk, in a window of this size, and waits until it is drawn."""
        self._width, height = size
        screen = {"width": self._width, "height": height, "deviceScaleFactor": sharpness, "mobile": size == PHONE}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get("about:blank")
        self.complaints()
        self.driver.get(page.absolute().as_uri() + at)
        WebDriverWait(self.driver, 20).until(lambda _: self.run("return document.documentElement.dataset.ready"))

    def run(self, program: str, *arguments: Any) -> Any:
        """What a JavaScript function body returns."""
        return self.driver.execute_script(program, *arguments)

    def until(self, program: str) -> None:
        """Waits until a JavaScript expression is true."""
        WebDriverWait(self.driver, 20, poll_frequency=0.05).until(lambda _: self.run(f"return {program}"), program)

    def press(self, key: str) -> None:
        """A key, as it comes from a keyboard."""
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def text(self, selector: str) -> str:
        """What stands in the first element of a selector."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def complaints(self) -> list[str]:
        """What is in the console: errors, and requests that were refused or failed."""
        driver: Any = self.driver  # its method has no types
        return [str(entry["message"]) for entry in driver.get_log("browser")]

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window; on a phone, whose window then grows, than its screen."""
        return int(self.run("return document.documentElement.scrollWidth")) - self._width

    def screenshot(self, output: Path) -> None:
        """The window as PNG."""
        content = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        output.write_bytes(base64.b64decode(content))


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own.

    Raises:
        pytest.skip.Exception: it is not installed.
    """
    paths = [shutil.which(name) for name in PROGRAMS]
    if missing := [name for name, path in zip(PROGRAMS, paths, strict=True) if path is None]:
        pytest.skip(f"not installed: {' and '.join(missing)} (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(paths[0])
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(paths[1]))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
