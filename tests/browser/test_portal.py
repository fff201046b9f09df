"""A person's first minutes in the portal, from the first password to a verdict."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from federation.testing.waiting import wait_until
from hil_tests.demo.run import Demo

pytestmark = [pytest.mark.browser, pytest.mark.system]

PASSWORD = "a-tower-on-every-hill-7"
PAGES = ("events", "tasks", "algorithms", "points", "nodes", "subscriptions", "users", "audit")


def count_of(page: Page, tab: str) -> int:
    """Return the number beside one of the tabs of the events page; -1 while it is not known."""
    text = page.get_by_test_id(f"count-{tab}").inner_text().replace(",", "")
    return int(text) if text else -1


def test_a_person_changes_the_first_password_and_judges_an_event_that_arrives(
    demo: Demo, page: Page, screenshots: Path
) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.context.set_default_timeout(30_000)
    first_password = demo.site.first_password()

    page.goto(demo.site.portal_url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", first_password)
    page.screenshot(path=screenshots / "portal-sign-in.png")
    page.press("input[name=password]", "Enter")
    page.fill("input[name=old]", first_password)
    page.fill("input[name=new]", PASSWORD)
    page.fill("input[name=again]", PASSWORD)
    page.press("input[name=again]", "Enter")

    expect(page.locator(".home a.event").first).to_be_visible()
    expect(page.locator(".home .event img").first).to_be_visible()
    expect(page.locator(".home canvas").first).to_be_visible()
    page.wait_for_load_state("load")
    page.screenshot(path=screenshots / "portal-home.png")

    page.click(".menu a[href='/events']")
    expect(page.get_by_test_id("arrived")).to_be_visible(timeout=90_000)  # one more came while we looked
    page.get_by_test_id("arrived").click()
    judged = count_of(page, "true")
    page.get_by_test_id("event").first.click()
    expect(page.get_by_test_id("event-detail")).to_be_visible()
    page.screenshot(path=screenshots / "portal-event.png")
    page.keyboard.press("1")

    wait_until(lambda: count_of(page, "true") == judged + 1, within_s=20, what="the count of true events to grow")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("event-detail")).to_be_hidden()

    for name in PAGES:
        page.click(f".menu a[href='/{name}']")
        expect(page.locator(".stage h1").first).to_be_visible()
        expect(page.locator(".stage .el-skeleton")).to_have_count(0)
        page.screenshot(path=screenshots / f"portal-{name}.png")
    page.click(".menu a[href='/nodes']")
    page.locator(".fs-card").first.click()
    expect(page.locator(".stage dl").first).to_be_visible()
    page.screenshot(path=screenshots / "portal-node.png")
    page.click(".switch")
    page.click(".menu a[href='/']")
    expect(page.get_by_text("Live events")).to_be_visible()
    page.screenshot(path=screenshots / "portal-home-en.png")
    assert faults == []
