"""Portal and panel of a running system, in the browser that Debian ships."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NeverFits

from hil_tests.demo.run import Demo, Options, started
from tests.browser.messages import LISTENING

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu"]  # no card is emulated: no page of ours draws with one
PASSWORD = "a-tower-on-every-hill-7"
# A duty room's screen, an office laptop, an installer's phone.
SIZES = {"1920": (1920, 1080), "1366": (1366, 768), "390": (390, 844)}
LOOKS = {"zh-CN": ("1920", "390"), "en": ("1366", "390")}
SPEAK_CHINESE = """localStorage.setItem('fengsui.language', '"zh-CN"')"""
# What sticks out of the page's stage sideways, unless it scrolls in a box of its own.
SIDEWAYS = "(() => { const s = document.querySelector('.stage'); return s.scrollWidth - s.clientWidth })()"

FOLLOWS_WITHIN_MS = 20_000
MISSING_TEXT = "no text: "  # so the script begins what it says of a text that it has not got

SignIn = Callable[[str, Path], None]
Look = Callable[[str, Sequence[str], str], None]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Run the demo with three scripted cameras until the tests of one file have ended."""
    cache = Path.home() / ".cache" / "fengsui"
    options = Options(footage=None, model=None, for_s=None, port=0, cameras=3, cache=cache, keep=None)
    with started(options, say=print) as running:
        assert running.first_event_s() is not None
        yield running


expect.set_options(timeout=40_000)  # on two busy cores


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for the tests of one file."""
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a Chinese full-size page of a person who has not been here before.

    No script of ours may fail, and no text be missing.
    """
    faults: list[str] = []
    context = browser.new_context(
        viewport={"width": 1920, "height": 1080},
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    context.set_default_timeout(60_000)
    context.add_init_script(LISTENING)
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.text.startswith(MISSING_TEXT) else None)
    yield opened
    context.close()
    assert faults == []


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Return the folder that continuous integration keeps."""
    folder = Path(os.environ.get("CI_OUTPUT", "build/screenshots"))  # noqa: TID251 - the one place that reads it
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def sign_in(page: Page) -> SignIn:
    """Sign in as admin at `url`; the first to come finds the first password in `folder` and changes it."""

    def sign(url: str, folder: Path) -> None:
        file = folder / "first-password"
        first = file.read_text(encoding="utf-8").strip() if file.exists() else None
        page.goto(url)
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", first or PASSWORD)
        page.press("input[name=password]", "Enter")
        if first is not None:
            page.fill("input[name=old]", first)
            page.fill("input[name=new]", PASSWORD)
            page.fill("input[name=again]", PASSWORD)
            page.press("input[name=again]", "Enter")
        expect(page.locator(".stage")).to_be_visible()

    return sign


@pytest.fixture
def look(page: Page, screenshots: Path) -> Look:
    """Picture pages at every size in both languages; nothing may stick out sideways.

    A page is opened once, then made narrow, then put into English: it has to follow.
    """

    def picture(base: str, paths: Sequence[str], prefix: str) -> None:
        wide: dict[str, int] = {}
        for path in paths:
            resize(page, "1920")
            page.evaluate(SPEAK_CHINESE)
            page.goto(base + path)
            expect(page.locator(".stage h1, .stage h2").first).to_be_visible()
            for language, sizes in LOOKS.items():
                resize(page, sizes[0])
                speak(page, language)
                expect(page.locator(".stage .el-skeleton")).to_have_count(0)
                for size in sizes:
                    resize(page, size)
                    name = f"{prefix}-{path.strip('/').replace('/', '-') or 'home'}-{size}-{language[:2]}"
                    if (beyond := sideways_px(page)) > 0:
                        wide[name] = beyond
                    page.screenshot(path=screenshots / f"{name}.png", animations="disabled")
        assert wide == {}

    return picture


def speak(page: Page, language: str) -> None:
    """Have the page speak a language by the switch in its head."""
    if page.evaluate("document.documentElement.lang") != language:
        page.get_by_test_id("language").click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def resize(page: Page, size: str) -> None:
    """Give the window one of the sizes."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})


def sideways_px(page: Page) -> int:
    """Return what still sticks out of the page's stage once it has had the time to follow the window."""
    with contextlib.suppress(NeverFits):
        page.wait_for_function(f"() => {SIDEWAYS} <= 0", timeout=FOLLOWS_WITHIN_MS)
    return int(page.evaluate(SIDEWAYS))
