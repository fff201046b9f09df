"""What tests do with cameras in a browser: find their box, have them recorded, see that pictures move."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from hil_tests.demo.run import Demo

TEN_SECONDS = re.compile(r"\d\d.* 秒|分钟")
# The stretch on the bar of a day around what was played last: what was recorded lies in it also around midnight.
AROUND_PX = """c => {
  const [, hour, minute] = /(\\d\\d):(\\d\\d):\\d\\d/.exec(document.querySelector('.screen .now').textContent)
  const [wide, at] = [c.clientWidth, c.clientWidth * (hour * 60 + Number(minute)) / 1440]
  return [Math.max(0, at - 20), Math.min(wide - 1, at + 10)]
}"""
POSITIONS = "[...document.querySelectorAll('video')].map(video => video.currentTime)"


def panel_with_cameras(demo: Demo) -> tuple[str, Path]:
    """Return address and data folder of the box that pulls the first camera."""
    profile = profile_with_cameras(demo)
    return demo.site.panel_url(profile), demo.site.appliance_data(profile)


def profile_with_cameras(demo: Demo) -> str:
    """Return the profile of the box that pulls the first camera."""
    node_id = next(iter(demo.hub.every("/api/v1/points")))["node_id"]
    node = next(node for node in demo.hub.every("/api/v1/nodes") if node["id"] == node_id)
    return str(node["profile"])


def cameras_of(demo: Demo, profile: str) -> int:
    """Return how many cameras the box of that profile has: tasks that find no room on one go to another."""
    node = next(node for node in demo.hub.every("/api/v1/nodes") if node["profile"] == profile)
    return len(demo.hub.get(f"/api/v1/nodes/{node['id']}")["cameras"])


def record_all_day(page: Page, screenshot: Path) -> None:
    """Have the first camera of a panel recorded, and wait until it is."""
    page.click(".menu a[href='/cameras']")
    page.locator("[data-test=recording-plan]").first.click()
    page.get_by_text("全天录像", exact=True).click()
    page.screenshot(path=screenshot)
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".stage article").first).to_contain_text("录像中", timeout=120_000)


def goes_on(page: Page) -> None:
    """Wait until every video has gone on by half a second."""
    before = page.evaluate(POSITIONS)
    page.wait_for_function(
        f"before => {{ const now = {POSITIONS}; return now.every((at, index) => at > before[index] + 0.5) }}",
        arg=before,
        timeout=60_000,
    )


def plays(page: Page) -> None:
    """Play the day that is shown, once it has enough to go on for a while, and see that it does."""
    expect(page.locator(".total")).to_have_text(TEN_SECONDS, timeout=120_000)
    page.click(".toggle")
    expect(page.locator(".screen[data-phase=playing]")).to_be_visible(timeout=120_000)
    goes_on(page)


def choose_played(page: Page) -> None:
    """Choose a stretch around what was played last on the bar of a day."""
    bar = page.locator("canvas")
    start_px, end_px = bar.evaluate(AROUND_PX)
    bar.hover(position={"x": start_px, "y": 30})
    page.mouse.down()
    bar.hover(position={"x": end_px, "y": 30})
    page.mouse.up()
