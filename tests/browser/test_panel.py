"""An installer's first minutes at the panel of one box."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hil_tests.demo.run import Demo
from tests.browser.conftest import Look, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.system]

PAGES = ("/", "/cameras", "/events", "/hub")


def panel_with_cameras(demo: Demo) -> tuple[str, Path]:
    """Return address and data folder of the box that pulls the first camera."""
    node_id = next(iter(demo.hub.every("/api/v1/points")))["node_id"]
    node = next(node for node in demo.hub.every("/api/v1/nodes") if node["id"] == node_id)
    return demo.site.panel_url(node["profile"]), demo.site.appliance_data(node["profile"])


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
    expect(page.locator(".stage article").first).to_contain_text("已上报", timeout=60_000)
    page.click(".menu a[href='/hub']")
    expect(page.locator(".stage")).to_contain_text(demo.site.node_url)

    look(url, PAGES, "panel")


def test_on_a_phone_the_menu_is_drawn_and_gone_again(demo: Demo, page: Page, sign_in: SignIn) -> None:
    url, data = panel_with_cameras(demo)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(url, data)
    expect(page.locator(".menu")).to_be_hidden()

    page.click("button.fold")
    page.click(".menu a[href='/events']")

    expect(page).to_have_url(f"{url}/events")
    expect(page.locator(".menu")).to_be_hidden()
