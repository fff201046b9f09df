"""An installer's first minutes at the panel of one box."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from federation.testing.waiting import wait_until
from hil_tests.demo.run import Demo
from tests.browser.conftest import Look, SignIn
from tests.browser.watching import (
    cameras_of,
    choose_played,
    goes_on,
    panel_with_cameras,
    plays,
    profile_with_cameras,
    record_all_day,
)

pytestmark = [pytest.mark.browser, pytest.mark.system]

PAGES = (
    *("/", "/cameras", "/live", "/recordings", "/snapshots", "/events"),
    *("/models", "/try", "/artifacts", "/link", "/hub"),
)


def test_an_installer_sees_pictures_events_and_the_link_of_the_box(
    demo: Demo, page: Page, sign_in: SignIn, look: Look, screenshots: Path
) -> None:
    url, data = panel_with_cameras(demo)
    page.goto(url)
    expect(page.locator("input[name=username]")).to_be_visible()
    page.screenshot(path=screenshots / "panel-sign-in.png")
    sign_in(url, data)

    expect(page.locator(".stage")).to_contain_text("已连接")
    page.click(".menu a[href='/cameras']")
    picture = page.locator(".stage article img").first
    expect(picture).to_be_visible()
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator(".stage article").first).to_contain_text("在线")
    page.click(".menu a[href='/events']")
    expect(page.locator(".stage article").first).to_contain_text("已上报", timeout=120_000)
    page.click(".menu a[href='/hub']")
    expect(page.locator(".stage")).to_contain_text(demo.site.node_url)

    look(url, PAGES, "panel")


def test_the_way_to_the_hub_is_seen_from_the_box(demo: Demo, page: Page, sign_in: SignIn, screenshots: Path) -> None:
    url, data = panel_with_cameras(demo)
    sign_in(url, data)
    page.click(".menu a[href='/link']")

    facts = page.get_by_test_id("link-facts")
    for words in ("已连接", "前", "剩余 89 天"):
        expect(facts).to_contain_text(words)
    for lane in ("events", "results", "evidence"):
        expect(page.get_by_test_id(f"lane-{lane}")).to_contain_text("已产生")
    events = page.get_by_test_id("lane-events")
    acknowledged = events.locator("dd").nth(2)
    before = int(acknowledged.inner_text().replace(",", ""))
    wait_until(
        lambda: int(acknowledged.inner_text().replace(",", "")) > before, within_s=120, what="the hub acknowledges more"
    )
    expect(page.locator(".stage")).to_contain_text("没有缺口")
    page.screenshot(path=screenshots / "panel-link-connected.png", animations="disabled")


def test_a_guard_watches_cameras_live_and_plays_what_was_recorded(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    url, data = panel_with_cameras(demo)
    sign_in(url, data)
    record_all_day(page, screenshots / "panel-recording-plan.png")

    page.click(".menu a[href='/live']")
    cameras = cameras_of(demo, profile_with_cameras(demo))
    expect(page.locator(".view[data-phase=playing]")).to_have_count(cameras, timeout=120_000)
    goes_on(page)
    page.screenshot(path=screenshots / "panel-live-wall.png")

    page.goto(f"{url}/recordings")
    plays(page)
    page.click(".speed")
    page.get_by_text("倒放 1 倍").click()
    expect(page.locator(".screen[data-phase=playing], .screen[data-phase=ended]")).to_be_visible(timeout=120_000)
    choose_played(page)
    for button, words in (("标注", "红色货车"), ("锁定", "事故证据")):
        page.locator(".tools").get_by_role("button", name=button, exact=True).click()
        page.fill(".el-message-box input", words)
        page.get_by_role("button", name="确定").click()
        expect(page.get_by_test_id("bookmark").filter(has_text=words)).to_have_count(1)
    page.screenshot(path=screenshots / "panel-recordings-played.png", full_page=True)
    page.get_by_test_id("search-recordings").click()
    found = page.get_by_test_id("found-recording")
    expect(found.first).to_contain_text("红色货车")
    page.get_by_test_id("search-words").fill("巡查")
    expect(page.locator(".el-dialog")).to_contain_text("没有符合条件的录像")
    page.get_by_test_id("search-words").fill("证据")
    page.get_by_test_id("search-lock").click()
    page.locator(".el-select-dropdown__item:visible", has_text="已锁定").click()
    expect(found.first).to_contain_text("事故证据")
    page.screenshot(path=screenshots / "panel-recordings-search.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=screenshots / "panel-recordings-search-390.png")
    page.set_viewport_size({"width": 1440, "height": 900})
    found.first.get_by_test_id("bookmark").filter(has_text="事故证据").get_by_role("button", name="解锁").click()
    expect(found).to_have_count(0)
    page.keyboard.press("Escape")
    page.screenshot(path=screenshots / "panel-recordings-marked.png", full_page=True)
    bookmarks = page.get_by_test_id("bookmark")
    expect(bookmarks).to_have_count(2)
    for left in (1, 0):
        bookmarks.last.get_by_role("button", name="删除").click()
        expect(bookmarks).to_have_count(left)


def test_a_guard_takes_a_snapshot_and_finds_it_among_the_pictures(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    url, data = panel_with_cameras(demo)
    sign_in(url, data)
    page.click(".menu a[href='/snapshots']")
    expect(page.get_by_test_id("take-snapshot")).to_be_disabled()
    page.get_by_test_id("snapshot-camera").click()
    page.locator(".el-select-dropdown__item:visible").nth(1).click()

    page.get_by_test_id("take-snapshot").click()

    picture = page.get_by_test_id("snapshot-picture")
    expect(picture).to_be_visible(timeout=120_000)
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    page.screenshot(path=screenshots / "panel-snapshot-taken.png")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("snapshot").first).to_be_visible()
    page.screenshot(path=screenshots / "panel-snapshots-gallery.png")


def test_on_a_phone_the_menu_is_drawn_and_gone_again(demo: Demo, page: Page, sign_in: SignIn) -> None:
    url, data = panel_with_cameras(demo)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(url, data)
    expect(page.locator(".menu")).to_be_hidden()

    page.click("button.fold")
    page.click(".menu a[href='/events']")

    expect(page).to_have_url(f"{url}/events")
    expect(page.locator(".menu")).to_be_hidden()
