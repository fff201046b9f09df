"""A person's first minutes in the portal, from the first password to a verdict."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from federation.testing.waiting import wait_until
from hil_tests.demo.run import Demo
from tests.browser.conftest import Look, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.system]

PAGES = (
    "/",
    "/events",
    "/tasks",
    "/algorithms",
    "/points",
    "/nodes",
    "/access",
    "/chain",
    "/subscriptions",
    "/users",
    "/audit",
)

DRAWN = (
    "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0).length"
)


def count_of(page: Page, tab: str) -> int:
    """Return the number beside one of the tabs of the events page; -1 while it is not known."""
    text = page.get_by_test_id(f"count-{tab}").inner_text().replace(",", "")
    return int(text) if text else -1


def test_a_person_changes_the_first_password_and_judges_an_event_that_arrives(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    page.goto(demo.site.portal_url)
    expect(page.locator("input[name=username]")).to_be_visible()
    page.screenshot(path=screenshots / "portal-sign-in.png")
    sign_in(demo.site.portal_url, demo.site.hub_data)

    expect(page.locator(".home a.event").first).to_be_visible()
    expect(page.locator(".home .event img").first).to_be_visible()
    expect(page.locator(".home canvas").first).to_be_visible()

    page.click(".menu a[href='/events']")
    expect(page.get_by_test_id("arrived")).to_be_visible(timeout=90_000)  # one more came while we looked
    page.get_by_test_id("arrived").click()
    judged = count_of(page, "true")
    page.get_by_test_id("event").first.click()
    expect(page.get_by_test_id("event-detail")).to_be_visible()
    expect(page.get_by_test_id("event-detail").locator("img")).to_be_visible()
    assert page.get_by_test_id("event-detail").locator("canvas").evaluate(DRAWN) > 0  # the region and what was found
    page.screenshot(path=screenshots / "portal-event.png", animations="disabled")
    page.keyboard.press("1")

    wait_until(lambda: count_of(page, "true") == judged + 1, within_s=20, what="the count of true events to grow")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("event-detail")).to_be_hidden()


def test_a_list_follows_its_search_and_its_tab_keeps_it(demo: Demo, page: Page, sign_in: SignIn) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    page.click(".menu a[href='/tasks']")
    expect(page.locator(".stage .el-table__row")).to_have_count(9)
    page.locator(".stage .filters input").first.press_sequentially("占道")
    expect(page.locator(".stage .el-table__row")).to_have_count(3)
    page.click(".menu a[href='/points']")
    expect(page.locator(".tab.shown")).to_contain_text("视频点位")

    page.locator(".tab", has_text="分析任务").click()

    expect(page.locator(".stage .filters input").first).to_have_value("占道")


def test_every_page_fits_every_screen_in_both_languages(demo: Demo, page: Page, sign_in: SignIn, look: Look) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    node_id = next(iter(demo.hub.every("/api/v1/nodes")))["id"]

    look(demo.site.portal_url, (*PAGES, f"/nodes/{node_id}"), "portal")
