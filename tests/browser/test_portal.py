"""A person's first minutes in the portal, from the first password to a verdict."""

import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from federation.testing.waiting import wait_until
from hil_tests.demo.cameras import Rig
from hil_tests.demo.run import DETECTOR, Demo
from hil_tests.rig.onvif import ServedCamera, SimulatedCamera, View, served
from tests.browser.conftest import SIDEWAYS, Look, SignIn
from tests.browser.lone_box import held
from tests.browser.requests import base, put
from tests.browser.watching import choose_played, goes_on, plays, profile_with_cameras

pytestmark = [
    pytest.mark.browser,
    pytest.mark.system,
    # httpcore leaves the socket of a refused Unix connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PAGES = (
    "/",
    "/events",
    "/tasks",
    "/picture-tasks",
    "/algorithms",
    "/catalogue",
    "/points",
    "/nodes",
    "/access",
    "/chain",
    "/subscriptions",
    "/users",
    "/audit",
)

# Takes a picture of the camera that turns, by the API.
SNAPSHOT = """async draft => {
  const { csrf_token } = await (await fetch('/api/v1/session')).json(), body = JSON.stringify(draft)
  const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf_token }
  const answer = await fetch('/api/v1/points/dome/snapshot.jpg', { method: 'POST', headers, body })
  const { status } = answer
  if (!answer.ok) return { status, code: (await answer.json()).code }
  return { status, width: (await createImageBitmap(await answer.blob())).width }
}"""
OPEN, LISTENING = "01", "0A"  # states of a socket in /proc/net/tcp
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

    map_every_code(page, "05-12", "示范事件")
    page.click(".menu a[href='/events']")
    expect(page.get_by_test_id("arrived")).to_be_visible(timeout=120_000)  # one more came while we looked
    page.get_by_test_id("arrived").click()
    expect(page.get_by_test_id("mapped-code").first).to_have_text("05-12 示范事件")
    page.screenshot(path=screenshots / "portal-events-mapped.png", animations="disabled")
    wait_until(lambda: count_of(page, "true") >= 0, within_s=60, what="the count of true events")
    judged = count_of(page, "true")
    page.get_by_test_id("event").first.click()
    expect(page.get_by_test_id("event-detail")).to_be_visible()
    expect(page.get_by_test_id("event-detail").locator("img")).to_be_visible()
    assert page.get_by_test_id("event-detail").locator("canvas").evaluate(DRAWN) > 0  # the region and what was found
    expect(page.get_by_test_id("event-detail")).to_contain_text("05-12 示范事件")
    page.screenshot(path=screenshots / "portal-event.png", animations="disabled")
    page.keyboard.press("1")

    wait_until(lambda: count_of(page, "true") == judged + 1, within_s=60, what="the count of true events to grow")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("event-detail")).to_be_hidden()


def map_every_code(page: Page, code: str, name: str) -> None:
    """Map every kind of event of every algorithm to one code."""
    for item in page.request.get(f"{base(page)}/api/v1/algorithms").json()["items"]:
        mappings = [{"code": kind["code"], "mapped_code": code, "name": name} for kind in item["events"]]
        put(page, f"/api/v1/algorithms/{item['id']}/event-codes", {"mappings": mappings})


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


def test_cameras_of_a_box_that_the_hub_cannot_reach_are_watched_on_a_wall_that_is_remembered(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)

    page.click(".menu a[href='/live']")
    expect(page.locator(".view[data-phase=playing]")).to_have_count(3, timeout=120_000)
    goes_on(page)
    page.screenshot(path=screenshots / "portal-live-wall.png")
    assert ports_called_by(demo.supervisor.pids()["hub"]) <= set(demo.site.broker_ports)  # no way leads to a box
    page.get_by_text("9 画面", exact=True).click()
    page.reload()
    expect(page.locator(".window")).to_have_count(9)
    expect(page.locator(".view[data-phase=playing]")).to_have_count(3, timeout=120_000)


def test_a_camera_is_recorded_as_the_portal_says_and_its_recording_is_played_and_taken_away(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path, tmp_path: Path
) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    page.click(".menu a[href='/points']")
    page.get_by_test_id("point-recording").first.click()
    page.get_by_text("全天录像", exact=True).click()
    page.get_by_test_id("backfill").click()
    page.screenshot(path=screenshots / "portal-recording-plan.png")
    page.get_by_test_id("backfill").click()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_test_id("point-recording").first).to_contain_text("录像中", timeout=120_000)

    page.goto(f"{demo.site.portal_url}/recordings")
    expect(page.locator(".screen img")).not_to_have_js_property("naturalWidth", 0)  # the cover, by way of the hub
    plays(page)
    choose_played(page)
    page.screenshot(path=screenshots / "portal-recordings-played.png")
    page.locator(".tools").get_by_role("button", name="标注").click()
    page.fill(".el-message-box input", "红色货车")
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_test_id("bookmark")).to_contain_text("红色货车")
    page.get_by_test_id("search-recordings").click()
    page.get_by_test_id("search-words").fill("货车")
    expect(page.get_by_test_id("found-recording").first).to_contain_text("红色货车")
    page.screenshot(path=screenshots / "portal-recordings-search.png")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载").click()
    download.value.save_as(tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_view_whose_box_goes_away_says_so_and_comes_back(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    page.click(".menu a[href='/live']")
    expect(page.locator(".view[data-phase=playing][data-state=live]")).to_have_count(3, timeout=120_000)
    agent = demo.supervisor.pids()[f"{profile_with_cameras(demo)}-agent"]

    os.kill(agent, signal.SIGKILL)

    expect(page.locator(".view .notice").first).to_have_text("未取流，或所属设备离线", timeout=120_000)
    page.screenshot(path=screenshots / "portal-live-away.png")
    expect(page.locator(".view[data-state=live] .notice")).to_have_count(0, timeout=120_000)
    expect(page.locator(".view[data-phase=playing][data-state=live]")).to_have_count(3, timeout=120_000)
    goes_on(page)


def ports_called_by(pid: int) -> set[int]:
    """Return the TCP ports of others to which a process has connected; paho wakes itself by a connection to itself."""
    own = set(map(_target, Path(f"/proc/{pid}/fd").iterdir()))
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    sockets = [(_port(line[1]), _port(line[2]), line[3]) for line in lines if f"socket:[{line[9]}]" in own]
    served = {local for local, _, state in sockets if state == LISTENING}
    ours = {local for local, _, _ in sockets}
    return {far for local, far, state in sockets if state == OPEN and local not in served and far not in ours}


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # it was closed meanwhile
        return ""


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def test_a_plan_of_snapshots_made_in_the_portal_brings_pictures_of_its_points(
    demo: Demo, page: Page, sign_in: SignIn, look: Look, screenshots: Path
) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    page.click(".menu a[href='/captures']")
    expect(page.locator(".stage")).to_contain_text("还没有抓图")
    page.screenshot(path=screenshots / "portal-captures-none.png", animations="disabled")
    page.get_by_role("tab", name="抓图计划").click()
    page.get_by_test_id("add-plan").first.click()
    page.get_by_test_id("plan-name").fill("街口巡查")
    page.locator(".el-dialog .unit .el-select__wrapper").first.click()
    page.get_by_role("option", name="秒").click()
    page.locator(".el-dialog .el-input-number input").first.fill("10")
    page.get_by_role("button", name="全选").click()
    (detector,) = demo.hub.every("/api/v1/algorithms", text=DETECTOR)
    page.get_by_test_id("plan-algorithm").click()
    page.get_by_role("option", name=f"{detector['name_zh']} {detector['version']}").click()
    page.screenshot(path=screenshots / "portal-captures-plan.png", animations="disabled")
    page.get_by_test_id("save-plan").click()
    expect(page.get_by_test_id("plan")).to_contain_text("街口巡查")

    page.get_by_role("tab", name="图片").click()
    arrived = page.get_by_test_id("capture").filter(has=page.locator("img")).first
    expect(arrived).to_be_visible(timeout=120_000)
    arrived.click()
    expect(page.get_by_test_id("capture-picture")).to_be_visible()
    page.screenshot(path=screenshots / "portal-capture.png", animations="disabled")
    page.keyboard.press("Escape")
    taker = next(iter(demo.hub.every("/api/v1/captures")))["node_id"]
    (node,) = [each["name"] for each in demo.hub.every("/api/v1/nodes") if each["id"] == taker]
    _find_what_the_algorithm_saw(page, node, detector["name_zh"], screenshots)
    look(demo.site.portal_url, ("/captures",), "portal")
    (plan,) = demo.hub.every("/api/v1/captures/plans")
    assert plan["points_away"] == 0
    assert plan["done_last_hour"] > 0


def _find_what_the_algorithm_saw(page: Page, node: str, algorithm: str, screenshots: Path) -> None:
    """Find the picture task of the plan at the box that took its pictures, and something that was seen in one."""
    page.click(".menu a[href='/picture-tasks']")
    page.get_by_test_id("picture-box").click()
    page.get_by_role("option", name=node).click()
    page.get_by_test_id("by-plans").click(timeout=180_000)
    task = page.get_by_test_id("picture-job").filter(has_text="抓图计划的图片").last
    expect(task).to_contain_text("已完成", timeout=180_000)
    expect(task).to_contain_text(algorithm)
    page.screenshot(path=screenshots / "portal-plan-tasks.png", animations="disabled")
    task.get_by_test_id("show-results").click()
    seen = page.locator(".result h3", has_text=re.compile("检出 [1-9]"))

    def shown() -> bool:
        for each in page.get_by_test_id("picture-result").all():
            each.click()
            expect(page.locator(".result img")).to_have_js_property("complete", value=True)
            if seen.is_visible():
                return True
        return False

    wait_until(shown, within_s=120, what="a picture of the plan in which the algorithm saw something")
    page.screenshot(path=screenshots / "portal-plan-findings.png", animations="disabled")


@asynccontextmanager
async def _dome(rig: Rig) -> AsyncIterator[ServedCamera]:
    """Serve a camera that turns; its stream is that of the first camera of the demo."""
    stream = f"rtsp://127.0.0.1:{rig.port}/{rig.cameras[0].path.lstrip('/')}"
    dome = SimulatedCamera(
        name="球机",
        serial="dome",
        stream_url=stream,
        picture=lambda _view: b"",
        username=rig.username,
        password=rig.password,
    )
    dome.presets = {"1": ("大门", View(pan=0.5)), "2": ("停车场", View(pan=-0.5, zoom=0.4))}
    async with served(dome) as device:
        yield device


@contextmanager
def _point_of(device: ServedCamera, demo: Demo) -> Iterator[None]:
    """Let the demo have a point of the camera; other tests count those that it has by itself."""
    command = {"stream_url": device.camera.stream_url, "onvif_url": device.url}
    access = {"username": demo.rig.username, "password": demo.rig.password}
    demo.hub.post("/api/v1/points", {"id": "dome", "name": "西门球机", "bureau": "公安局", **command, **access})
    try:
        yield
    finally:
        demo.hub.delete("/api/v1/points/dome")


def test_a_camera_is_turned_on_the_wall_and_its_presets_are_offered_to_plans(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    with held(_dome(demo.rig)) as dome, _point_of(dome.value, demo):
        sign_in(demo.site.portal_url, demo.site.hub_data)
        page.goto(f"{demo.site.portal_url}/live?point=dome")
        page.get_by_text("1 画面", exact=True).click()
        page.locator("aside button", has_text="西门球机").click()
        page.locator(".window", has_text="西门球机").click()
        pad = page.get_by_test_id("turn-pad")
        expect(pad.get_by_test_id("preset")).to_have_text(["大门", "停车场"])
        pad.get_by_test_id("turn-right").hover()
        page.mouse.down()
        wait_until(lambda: dome.do(lambda device: device.camera.view().pan > 0.1), within_s=90, what="it turns")
        page.screenshot(path=screenshots / "portal-live-turn.png", animations="disabled")
        page.mouse.up()
        wait_until(lambda: dome.do(lambda device: not device.camera.moving), within_s=90, what="it stops")
        pad.get_by_text("停车场").click()
        wait_until(lambda: dome.do(lambda device: device.camera.view().zoom == 0.4), within_s=90, what="it is there")
        page.set_viewport_size({"width": 390, "height": 844})
        page.screenshot(path=screenshots / "portal-live-turn-390.png", animations="disabled")
        assert page.evaluate(SIDEWAYS) <= 0

        page.set_viewport_size({"width": 1920, "height": 1080})
        page.goto(f"{demo.site.portal_url}/captures")
        page.get_by_role("tab", name="抓图计划").click()
        page.get_by_test_id("add-plan").first.click()
        page.get_by_role("button", name="全选").click()
        page.get_by_test_id("plan-presets").click()
        expect(page.get_by_role("option", name="停车场")).to_be_visible()
        page.get_by_role("option", name="大门").click()
        page.get_by_role("option", name="停车场").click()
        for width, height in ((1920, 1080), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=screenshots / f"portal-plan-presets-{width}.png", animations="disabled")

        page.set_viewport_size({"width": 1920, "height": 1080})
        page.goto(f"{demo.site.portal_url}/tasks")
        page.get_by_role("button", name="新建任务").click()
        page.get_by_test_id("task-points").click()
        page.get_by_role("option", name="西门球机").click()
        page.keyboard.press("Escape")
        page.get_by_test_id("task-view").click()
        page.get_by_role("option", name="大门").click()
        page.get_by_test_id("task-go").click()
        wait_until(lambda: dome.do(lambda device: device.camera.view().pan == 0.5), within_s=90, what="it is there")
        board = page.get_by_test_id("shapes")
        area = board.bounding_box()
        assert area is not None
        for x, y in ((0.2, 0.5), (0.5, 0.45), (0.55, 0.85)):
            page.mouse.click(area["x"] + x * area["width"], area["y"] + y * area["height"])
        expect(board.locator("polygon")).to_have_count(1)
        expect(board.locator("img")).to_have_attribute("src", re.compile("still.jpg"), timeout=120_000)
        expect(board.locator("img")).not_to_have_js_property("naturalWidth", 0)
        for width, height in ((1920, 1080), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=screenshots / f"portal-task-preset-{width}.png", animations="disabled")

        right = {"x": 0.5, "y": 0, "width": 0.5, "height": 1}
        whole, half, unknown = (
            page.evaluate(SNAPSHOT, {"aim": {"kind": "preset", "preset": preset}, "region": region, "within_s": 60})
            for preset, region in (("2", None), ("2", right), ("99", None))
        )
        assert (whole["status"], half["status"]) == (200, 200)
        assert half["width"] * 2 == whole["width"] > 0
        assert (unknown["status"], unknown["code"]) == (422, "unknown_preset")
    noted = [entry for entry in demo.hub.every("/api/v1/audit") if entry["action"] == "point.turn"]
    assert [entry["detail"] for entry in noted] == [{"preset": "1"}, {"preset": "2"}, {}]


def test_nodes_are_listed_and_one_is_shown_with_all_that_is_known_of_it(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    profile = profile_with_cameras(demo)
    (node,) = [each for each in demo.hub.every("/api/v1/nodes") if each["profile"] == profile]
    sign_in(demo.site.portal_url, demo.site.hub_data)
    page.click(".menu a[href='/nodes']")
    card = page.locator(f".fs-card[href='/nodes/{node['id']}']")
    for words in ("在线", node["software"], "待上报事件"):
        expect(card).to_contain_text(words)

    card.click()

    health = page.get_by_test_id("link-health")
    for words in ("在线", "设备正常应答", "设备收到应答", "秒前", "任务计划版本", "已执行", "127.0.0.1"):
        expect(health).to_contain_text(words)
    for words in (node["serial"], node["software"], "证书有效期至", "证书签发", key_of(node)):
        expect(page.locator(".stage")).to_contain_text(words)
    for lane in ("智能事件", "操作与结果", "事件图片"):
        expect(page.get_by_test_id("lanes").locator(".el-table__row", has_text=lane)).to_have_count(1)
    acknowledged = page.get_by_test_id("lanes").locator(".el-table__row", has_text="智能事件").locator("td").nth(2)
    wait_until(lambda: int(acknowledged.inner_text()) > 0, within_s=120, what="the hub has acknowledged events")
    page.screenshot(path=screenshots / "portal-node-online.png", animations="disabled", full_page=True)


def key_of(node: dict[str, Any]) -> str:
    """Return the beginning of a key's fingerprint as pages show it."""
    return str(node["key_fingerprint"][:4]).upper()


def test_events_are_traced_from_the_boxes_to_the_hub_by_curves_that_go_on(
    demo: Demo, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    page.click(".menu a[href='/chain']")

    for stage in ("made", "waiting", "stored", "published"):
        expect(page.locator(f".stages .{stage} b")).to_have_text(re.compile(r"\d"))
    curves = page.locator(".chart canvas")
    expect(curves).to_have_count(2)
    wait_until(lambda: curves.first.evaluate(DRAWN) > 0, within_s=60, what="a curve is drawn")
    before = curves.first.evaluate("c => c.toDataURL()")
    wait_until(lambda: curves.first.evaluate("c => c.toDataURL()") != before, within_s=60, what="the curve goes on")
    nodes = demo.hub.every("/api/v1/nodes")
    expect(page.locator(".stage .el-table__row")).to_have_count(len(list(nodes)))
    counts = page.locator(".stage .el-table__row", has_text="在线").locator("td:nth-child(4)")
    wait_until(
        lambda: sum(int(text.replace(",", "")) for text in counts.all_inner_texts()) > 0,
        within_s=60,
        what="the hub has acknowledged events",
    )
    page.screenshot(path=screenshots / "portal-chain-live.png", animations="disabled", full_page=True)


def test_every_page_fits_every_screen_in_both_languages(demo: Demo, page: Page, sign_in: SignIn, look: Look) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)
    node_id = next(iter(demo.hub.every("/api/v1/nodes")))["id"]

    look(demo.site.portal_url, (*PAGES, f"/nodes/{node_id}"), "portal")


def test_the_pages_of_video_fit_every_screen_in_both_languages(
    demo: Demo, page: Page, sign_in: SignIn, look: Look
) -> None:
    sign_in(demo.site.portal_url, demo.site.hub_data)

    look(demo.site.portal_url, ("/live", "/recordings"), "portal")
