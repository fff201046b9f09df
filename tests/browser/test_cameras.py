"""An installer connects cameras to a box that has no hub."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from federation.testing.waiting import wait_until
from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.footage.disturbing import black
from hil_tests.rig.footage.writer import Encoding, write_video
from hil_tests.rig.onvif import ServedCamera, SimulatedCamera, View, answering_probes, served
from hil_tests.rig.rtsp.clip import read_clip
from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.clips import render
from tests.browser.conftest import Look, SignIn
from tests.browser.lone_box import Held, LoneBox, held, lone_box

pytestmark = [pytest.mark.browser, pytest.mark.system]


@asynccontextmanager
async def _street(folder: Path) -> AsyncIterator[VirtualCameras]:
    clip = read_clip(render(scripted_cameras(1)[0], Path.home() / ".cache" / "fengsui"))
    unlit = black(np.zeros((360, 640, 3), np.uint8))
    write_video(folder / "dark.mp4", [unlit] * 10, Encoding(width_px=640, height_px=360, fps=Fraction(5)))
    async with virtual_cameras({"east": clip, "dark": read_clip(folder / "dark.mp4")}, secure=True) as cameras:
        yield cameras


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held[VirtualCameras]]:
    """Run a camera of a street, and one that sees nothing."""
    with held(_street(tmp_path_factory.mktemp("clips"))) as street:
        yield street


@asynccontextmanager
async def _dome(street: VirtualCameras) -> AsyncIterator[ServedCamera]:
    account = street.credentials
    dome = SimulatedCamera(
        name="西门球机",
        serial="dome",
        stream_url=street.url("east"),
        picture=lambda _view: b"",
        username=account.username,
        password=account.password,
    )
    dome.presets = {"1": ("大门", View(pan=0.5)), "2": ("停车场", View(pan=-0.5, zoom=0.4))}
    async with served(dome) as device, answering_probes([device]):
        yield device


@pytest.fixture
def dome(cameras: Held[VirtualCameras]) -> Iterator[Held[ServedCamera]]:
    """Let a camera that turns answer searches by ONVIF; it shows the street."""
    with held(_dome(cameras.value)) as device:
        yield device


@pytest.fixture
def box() -> Iterator[LoneBox]:
    """Run one box; its folder is short, as sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as folder, lone_box(Path(folder)) as running:
        yield running


@contextmanager
def held_back(page: Page, url: str) -> Iterator[None]:
    """Do something that asks `url`, over a network that carries the answer only when all of it is done."""
    asked: list[Route] = []

    def keep(route: Route) -> None:
        asked.append(route)

    page.route(url, keep)
    with page.expect_request(url):
        yield
    with page.expect_response(url):
        for each in asked:
            each.continue_()
    page.unroute(url)


def fill(page: Page, **fields: str) -> None:
    """Fill fields of the camera's form."""
    for name, text in fields.items():
        page.get_by_test_id(f"camera-{name}").fill(text)


def test_an_installer_tries_adds_changes_and_imports_cameras(
    box: LoneBox,
    cameras: Held[VirtualCameras],
    page: Page,
    sign_in: SignIn,
    look: Look,
    screenshots: Path,
    tmp_path: Path,
) -> None:
    street = cameras.value
    sign_in(box.url, box.data)
    page.click(".menu a[href='/cameras']")
    expect(page.locator(".stage")).to_contain_text("还没有摄像机")
    page.screenshot(path=screenshots / "panel-cameras-none.png", animations="disabled")

    page.get_by_test_id("add-camera").click()
    fill(page, name="东门枪机", id="east-gate", url=street.url("east"), user="camera", password="wrong")
    page.get_by_test_id("try").click()
    expect(page.get_by_test_id("tried")).to_contain_text("用户名或密码错误")
    page.screenshot(path=screenshots / "panel-camera-refused.png", animations="disabled")
    with held_back(page, "**/api/v1/cameras/try"):
        page.get_by_test_id("try").click()
        fill(page, url=street.url("dark"), password=street.credentials.password)
    expect(page.get_by_test_id("try")).to_be_enabled()
    expect(page.get_by_test_id("tried")).to_have_count(0)  # what was told is of the address of before
    page.get_by_test_id("try").click()
    expect(page.get_by_test_id("tried")).to_contain_text("画面黑屏", timeout=120_000)
    page.screenshot(path=screenshots / "panel-camera-black.png", animations="disabled")
    fill(page, url=street.secure_url("east"), password=street.credentials.password)
    page.get_by_test_id("try").click()
    expect(page.get_by_test_id("tried")).to_contain_text("不受信任")
    page.get_by_role("button", name="信任此证书").click()
    expect(page.get_by_test_id("tried")).to_contain_text("连接正常", timeout=120_000)
    expect(page.get_by_test_id("tried").locator("img")).not_to_have_js_property("naturalWidth", 0)
    page.screenshot(path=screenshots / "panel-camera-tried.png", animations="disabled")
    page.get_by_test_id("save").click()
    row = page.locator(".stage article").first
    expect(row).to_contain_text("在线", timeout=120_000)
    expect(row.locator("img")).not_to_have_js_property("naturalWidth", 0)
    expect(row).to_contain_text("H264")

    table = tmp_path / "cameras.csv"
    table.write_text("编号,名称,视频流地址\nok,好,rtsp://127.0.0.1:1/x\nBad Id,,gopher://x\n", encoding="utf-8")
    page.get_by_test_id("import-cameras").click()
    page.get_by_test_id("table").set_input_files(table)
    expect(page.get_by_test_id("faults").locator("tbody tr")).to_have_count(3)
    page.screenshot(path=screenshots / "panel-camera-import.png", animations="disabled")
    table.write_text("编号,名称,视频流地址\nlost,后门,rtsp://127.0.0.1:1/x\n", encoding="utf-8")
    page.get_by_test_id("table").set_input_files(table)
    expect(page.locator(".stage article")).to_have_count(2)
    expect(page.locator(".stage article").last).to_contain_text("端口未开放", timeout=120_000)

    look(box.url, ["/cameras"], "panel-lone")


def test_an_installer_draws_a_region_a_mask_and_a_line_on_a_cameras_picture(
    box: LoneBox, cameras: Held[VirtualCameras], page: Page, sign_in: SignIn, look: Look
) -> None:
    street = cameras.value
    sign_in(box.url, box.data)
    page.goto(f"{box.url}/cameras")
    page.get_by_test_id("add-camera").click()
    account = street.credentials
    fill(page, name="东门枪机", id="east", url=street.url("east"), user=account.username, password=account.password)
    page.get_by_test_id("save").click()
    expect(page.locator(".stage article").first).to_contain_text("在线", timeout=120_000)

    board = page.get_by_test_id("shapes")
    with held_back(page, "**/api/v1/cameras/*/scenes"):
        page.click(".menu a[href='/scenes']")
        expect(page.locator(".draw .el-skeleton")).to_be_visible()
        expect(board).to_have_count(0)  # nothing can be drawn that the answer would wipe away
    expect(board.locator("img")).not_to_have_js_property("naturalWidth", 0)
    for tool, places in {
        "regions": [(0.2, 0.5), (0.5, 0.45), (0.55, 0.85), (0.15, 0.9)],
        "masks": [(0.7, 0.05), (0.95, 0.05), (0.95, 0.3)],
        "lines": [(0.1, 0.4), (0.6, 0.35)],
    }.items():
        page.locator(f"[data-test=draw-{tool}]").click()
        area = board.bounding_box()
        assert area is not None
        for x, y in places:
            page.mouse.click(area["x"] + x * area["width"], area["y"] + y * area["height"])
    expect(board.locator("circle")).to_have_count(9)
    page.get_by_test_id("scene-save").click()
    expect(page.get_by_test_id("scene-save")).to_be_disabled()
    page.reload()
    expect(board.locator("polygon")).to_have_count(2)
    expect(board.locator("polyline")).to_have_count(3)

    look(box.url, ["/scenes"], "panel-lone")


def test_a_camera_that_turns_is_found_added_and_turned(
    box: LoneBox,
    dome: Held[ServedCamera],
    cameras: Held[VirtualCameras],
    page: Page,
    sign_in: SignIn,
    look: Look,
    screenshots: Path,
) -> None:
    sign_in(box.url, box.data)
    page.click(".menu a[href='/cameras']")
    page.get_by_test_id("search-devices").click()
    found = page.get_by_test_id("found-devices").get_by_text(dome.value.url)
    expect(found).to_be_visible()
    found.click()
    page.get_by_test_id("device-user").fill(cameras.value.credentials.username)
    page.get_by_test_id("device-password").fill(cameras.value.credentials.password)
    page.get_by_test_id("describe").click()
    expect(page.get_by_test_id("profiles")).to_contain_text("支持云台")
    page.screenshot(path=screenshots / "panel-devices-found.png", animations="disabled")
    page.get_by_test_id("take").click()
    expect(page.get_by_test_id("tried")).to_contain_text("连接正常", timeout=120_000)
    page.screenshot(path=screenshots / "panel-device-tried.png", animations="disabled")
    page.get_by_test_id("camera-id").fill("dome")
    page.get_by_test_id("save").click()
    expect(page.locator(".stage article").filter(has_text="西门球机")).to_contain_text("在线", timeout=120_000)

    page.click(".menu a[href='/live']")
    page.locator("aside button", has_text="西门球机").click()
    page.locator(".window", has_text="西门球机").click()
    pad = page.get_by_test_id("turn-pad")
    expect(pad.get_by_test_id("preset")).to_have_text(["大门", "停车场"])
    pad.get_by_test_id("turn-right").hover()
    page.mouse.down()
    wait_until(lambda: dome.do(lambda device: device.camera.view().pan > 0.1), within_s=60, what="it turns")
    page.screenshot(path=screenshots / "panel-live-turn.png", animations="disabled")
    page.mouse.up()
    wait_until(lambda: dome.do(lambda device: not device.camera.moving), within_s=60, what="it stops")
    pad.get_by_text("停车场").click()
    wait_until(lambda: dome.do(lambda device: device.camera.view().zoom == 0.4), within_s=60, what="it is there")

    page.click(".menu a[href='/scenes']")
    choose_view(page, "大门")
    page.get_by_test_id("scene-go").click()
    expect(page.get_by_test_id("scene-where")).to_have_text("当前停在：大门", timeout=120_000)
    draw_region(page)
    page.get_by_test_id("scene-save").click()
    expect(page.get_by_test_id("scene-save")).to_be_disabled()
    choose_view(page, "停车场")
    expect(page.get_by_test_id("shapes").locator("polygon")).to_have_count(0)
    page.get_by_test_id("scene-copy").click()
    page.get_by_role("menuitem", name="大门").click()
    expect(page.get_by_test_id("shapes").locator("polygon")).to_have_count(1)
    page.screenshot(path=screenshots / "panel-scene-preset.png", animations="disabled")

    look(box.url, ["/live", "/scenes"], "panel-turn")


def choose_view(page: Page, name: str) -> None:
    """Choose for which preset to draw."""
    page.get_by_test_id("scene-view").click()
    page.get_by_role("option", name=name).click()


def draw_region(page: Page) -> None:
    area = page.get_by_test_id("shapes").bounding_box()
    assert area is not None
    for x, y in ((0.2, 0.5), (0.5, 0.45), (0.55, 0.85)):
        page.mouse.click(area["x"] + x * area["width"], area["y"] + y * area["height"])
