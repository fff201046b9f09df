"""The portal of a running system, in the browser that Debian ships."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from hil_tests.demo.run import Demo, Options, started

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Run the demo with three scripted cameras until the tests of one file have ended."""
    cache = Path.home() / ".cache" / "fengsui"
    options = Options(footage=None, model=None, for_s=None, port=0, cameras=3, cache=cache, keep=None)
    with started(options, say=print) as running:
        assert running.first_event_s() is not None
        yield running


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Open one Chinese full-size page for the tests of one file, which follow each other."""
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Return the folder that continuous integration keeps."""
    folder = Path(os.environ.get("CI_OUTPUT", "build/screenshots"))  # noqa: TID251 - the one place that reads it
    folder.mkdir(parents=True, exist_ok=True)
    return folder
