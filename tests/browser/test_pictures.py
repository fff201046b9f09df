"""An operator shows pictures to the models of a box: one at a time, of a camera, and many at once."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from federation.testing.waiting import wait_until
from tests.appliance.panel.models.planted import JPEG, PlantedBox, planted_box, send
from tests.appliance.panel.test_api import PASSWORD as BOX_PASSWORD
from tests.browser.conftest import SIDEWAYS, Look, resize
from tests.browser.lone_box import Held, held
from tests.hub.conftest import OWN_PASSWORD
from tests.hub.pictures.picture_site import Site, picture_site

pytestmark = [pytest.mark.browser, pytest.mark.system]

JPEG_FILE: FilePayload = {"name": "路口.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
NOBODYS = re.compile("还没有图片任务|没有人工下达的任务")  # a plan may have had its tasks before
BROKEN_FILE: FilePayload = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"none"}


@pytest.fixture(scope="module")
def box() -> Iterator[PlantedBox]:
    """Run a box with one model and one camera; its folder is short, as sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as folder, held(planted_box(Path(folder))) as running:
        asyncio.run_coroutine_threadsafe(running.value.add_camera(), running.loop).result(30)
        yield running.value


@pytest.fixture
def operator(box: PlantedBox, page: Page) -> Page:
    """Sign in at the box's panel."""
    page.goto(box.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", BOX_PASSWORD)
    page.press("input[name=password]", "Enter")
    expect(page.locator(".stage")).to_be_visible()
    return page


def drawn(page: Page) -> bool:
    """Tell whether something is drawn over the picture that is shown."""
    return bool(
        page.locator(".stage canvas").evaluate(
            "it => it.getContext('2d').getImageData(0, 0, it.width, it.height).data.some((value) => value > 0)"
        )
    )


def written(page: Page) -> str:
    """Return the color behind the verdict that stands in the upper left of the picture, without how dense it is."""
    color: list[int] = page.locator(".stage canvas").evaluate(
        "it => [...it.getContext('2d').getImageData(2, 2, 1, 1).data.slice(0, 3)]"
    )
    return f"rgb({', '.join(map(str, color))})"


def test_the_picture_of_a_camera_and_an_uploaded_one_are_tried_and_what_is_seen_is_drawn(
    box: PlantedBox, operator: Page, screenshots: Path
) -> None:
    page = operator
    page.goto(f"{box.url}/try")
    page.locator(".camera").click()
    page.get_by_role("option", name="东门").click()

    expect(page.locator(".result aside")).to_contain_text("检出 1 个目标", timeout=120_000)
    expect(page.locator(".result aside .alarm")).to_have_text("测 立即报警")
    expect(page.locator(".stage .algorithm")).to_contain_text("测试 1.0.0")
    expect(page.locator(".stage .result img")).to_have_js_property("naturalWidth", 720)
    assert drawn(page)
    assert written(page) == "rgb(217, 58, 58)"  # the verdict, in the picture
    page.screenshot(path=screenshots / "panel-try-camera.png", animations="disabled")
    resize(page, "390")
    page.screenshot(path=screenshots / "panel-try-camera-390.png", animations="disabled")
    resize(page, "1920")

    with page.expect_response("**/api/v1/pictures/look**") as answer:
        page.get_by_test_id("take-again").click()
    assert answer.value.ok
    expect(page.locator(".result aside")).to_contain_text("检出 1 个目标", timeout=120_000)

    page.locator("input[type=file]").set_input_files(JPEG_FILE)
    expect(page.locator(".result aside")).to_contain_text("检出 1 个目标", timeout=120_000)
    assert drawn(page)
    expect(page.get_by_test_id("take-again")).to_have_count(0)


def test_an_operator_has_pictures_and_a_film_looked_at_and_sees_the_results(
    box: PlantedBox, operator: Page, look: Look, screenshots: Path
) -> None:
    page = operator
    page.click(".menu a[href='/picture-tasks']")
    expect(page.locator(".empty")).to_contain_text(NOBODYS)

    page.get_by_test_id("order-pictures").click()
    page.get_by_test_id("files").set_input_files([JPEG_FILE, BROKEN_FILE])
    page.screenshot(path=screenshots / "panel-picture-task-dialog.png", animations="disabled")
    page.get_by_test_id("submit-pictures").click()
    card = page.get_by_test_id("picture-job").first
    expect(card).to_contain_text("已完成", timeout=120_000)
    expect(card).to_contain_text("告警 1")
    expect(card).to_contain_text("无法分析 1")
    expect(card).to_contain_text("测试 1.0.0")
    card.get_by_test_id("show-results").click()
    page.get_by_test_id("picture-result").filter(has_text="路口.jpg").click()
    expect(page.locator(".result img")).to_have_js_property("naturalWidth", 720)
    expect(page.locator(".result")).to_contain_text("测 立即报警")
    assert drawn(page)
    page.get_by_test_id("picture-result").filter(has_text="broken.jpg").click()
    expect(page.locator(".result")).to_contain_text("不是可读取的图片；支持 JPEG、PNG 和 WebP")
    page.screenshot(path=screenshots / "panel-picture-result-broken.png", animations="disabled")
    page.get_by_test_id("picture-result").filter(has_text="路口.jpg").click()
    page.screenshot(path=screenshots / "panel-picture-results.png", animations="disabled")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=screenshots / "panel-picture-results-phone.png", animations="disabled")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_test_id("back").click()

    page.get_by_test_id("order-pictures").click()
    page.get_by_test_id("from-box").click()
    page.get_by_test_id("lying").click()
    page.get_by_role("option", name="street.mp4").click()
    page.get_by_test_id("submit-pictures").click()
    film = page.get_by_test_id("picture-job").filter(has_text="street.mp4").first
    expect(film).to_contain_text("3 / 3", timeout=120_000)
    film.get_by_test_id("again").click()
    expect(page.get_by_test_id("picture-job").filter(has_text="street.mp4")).to_have_count(2)
    film.get_by_test_id("remove").click()
    page.get_by_role("button", name="删除", exact=True).last.click()
    expect(page.get_by_test_id("picture-job").filter(has_text="street.mp4")).to_have_count(1)

    page.get_by_test_id("order-pictures").click()
    page.get_by_test_id("from-addresses").click()
    page.get_by_test_id("addresses").fill("http://169.254.169.254/a.jpg\nftp://b")
    expect(page.get_by_text("第 2 行不是 http(s) 地址。")).to_be_visible()
    page.get_by_test_id("addresses").fill("http://169.254.169.254/a.jpg")
    page.screenshot(path=screenshots / "panel-picture-addresses.png", animations="disabled")
    page.get_by_test_id("submit-pictures").click()
    expect(page.get_by_test_id("picture-job").first).to_contain_text("无法分析 1", timeout=120_000)

    page.click(".menu a[href='/models']")
    model = page.locator("article").first
    expect(model.locator("h3")).to_have_text("测试 1.0.0")
    expect(model.get_by_test_id("licence")).to_contain_text("厂商授权即将到期")
    expect(model).to_contain_text("CPU")
    refused = page.locator("article.failing")
    expect(refused.get_by_test_id("unusable")).to_have_text(
        [
            "内存不足：模型声明需 4096 MB，仅剩 900 MB",
            "模型 180 秒内没有应答，进程已被终止",
            "模型没有清单声明的输出 o，只有 other, scores",
        ]
    )
    expect(refused.get_by_test_id("unusable").first).to_have_attribute("title", re.compile("^memory_short: the model"))
    expect(refused.get_by_test_id("next-try")).to_contain_text(["2 分钟后自动重试", "1 分钟后自动重试", "不会自动重试"])
    look(box.url, ["/picture-tasks", "/try", "/models"], "panel-planted")


@pytest.fixture(scope="module")
def camera(box: PlantedBox) -> Iterator[Held[Feeds]]:
    """Let the camera of the box send pictures to those who want them."""

    @asynccontextmanager
    async def sending() -> AsyncIterator[Feeds]:
        feeds = Feeds()
        async with serving(Consumers(feeds), box.config.run_folder):
            yield feeds

    with held(sending()) as running:
        yield running


def test_a_plan_is_made_whose_pictures_an_algorithm_looks_at_and_its_tasks_stand_apart(
    box: PlantedBox, camera: Held[Feeds], operator: Page, screenshots: Path
) -> None:
    page = operator
    page.click(".menu a[href='/snapshots']")
    page.get_by_role("tab", name="抓图计划").click()
    page.get_by_test_id("add-plan").first.click()
    page.get_by_test_id("plan-name").fill("街口巡查")
    page.locator(".el-dialog .unit .el-select__wrapper").first.click()
    page.get_by_role("option", name="秒").click()
    page.locator(".el-dialog .el-input-number input").first.fill("10")
    page.get_by_role("button", name="全选").click()
    page.get_by_test_id("plan-algorithm").click()
    page.screenshot(path=screenshots / "panel-plan-algorithms.png", animations="disabled")
    page.get_by_role("option", name="测试 1.0.0").click()
    for size in ("390", "1920"):
        resize(page, size)
        page.screenshot(path=screenshots / f"panel-plan-dialog-{size}.png", animations="disabled")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_test_id("save-plan").click()
    expect(page.get_by_test_id("plan")).to_contain_text("街口巡查")

    page.click(".menu a[href='/picture-tasks']")
    of_plans = page.get_by_test_id("by-plans")

    def handed_over() -> bool:
        camera.do(send)
        return of_plans.is_visible()

    wait_until(handed_over, within_s=120, what="a picture task of the plan")
    mine = page.get_by_test_id("picture-job").filter(has_text="抓图计划的图片")
    expect(mine).to_have_count(0)
    of_plans.click()
    expect(mine.first).to_contain_text("已完成", timeout=120_000)
    expect(mine.first).to_contain_text("测试 1.0.0")
    for size in ("390", "1920"):
        resize(page, size)
        page.screenshot(path=screenshots / f"panel-plan-tasks-{size}.png", animations="disabled")
    page.click(".menu a[href='/snapshots']")
    page.get_by_role("tab", name="抓图计划").click()
    page.get_by_role("button", name="编辑").or_(page.get_by_role("button", name="修改")).first.click()
    expect(page.get_by_test_id("plan-algorithm")).to_contain_text("测试 1.0.0")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Run a hub with such a box behind a tunnel, and one that is away."""
    with held(picture_site()) as running:
        asyncio.run_coroutine_threadsafe(running.value.hub.enrol("box-away"), running.loop).result(30)
        yield running.value


def test_pictures_are_looked_at_by_a_box_that_the_portal_cannot_reach_and_what_is_seen_is_drawn(
    site: Site, page: Page, look: Look, screenshots: Path
) -> None:
    page.goto(site.hub.url)
    page.fill("input[name=username]", "li")
    page.fill("input[name=password]", OWN_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.click(".menu a[href='/picture-tasks']")
    expect(page.locator(".empty")).to_contain_text("还没有图片任务")
    page.screenshot(path=screenshots / "portal-picture-tasks-none.png", animations="disabled")

    page.get_by_test_id("order-pictures").click()
    page.get_by_test_id("files").set_input_files([JPEG_FILE, BROKEN_FILE])
    page.screenshot(path=screenshots / "portal-picture-task-dialog.png", animations="disabled")
    page.get_by_test_id("submit-pictures").click()
    card = page.get_by_test_id("picture-job").first
    expect(card).to_contain_text("已完成", timeout=120_000)
    expect(card).to_contain_text("告警 1")
    expect(card).to_contain_text("无法分析 1")
    look(site.hub.url, ["/picture-tasks"], "portal-planted")
    page.evaluate("localStorage.setItem('fengsui.language', '\"zh-CN\"')")
    page.goto(f"{site.hub.url}/picture-tasks")
    card.get_by_test_id("show-results").click()
    page.get_by_test_id("picture-result").filter(has_text="路口.jpg").click()
    expect(page.locator(".result img")).to_have_js_property("naturalWidth", 720)
    assert drawn(page)
    page.screenshot(path=screenshots / "portal-picture-results-390.png", animations="disabled")
    assert page.evaluate(SIDEWAYS) <= 0
    page.set_viewport_size({"width": 1440, "height": 900})
    page.screenshot(path=screenshots / "portal-picture-results.png", animations="disabled")

    page.get_by_test_id("back").click()
    card.get_by_test_id("remove").click()
    page.get_by_role("button", name="删除", exact=True).last.click()
    expect(page.locator(".empty")).to_contain_text("还没有图片任务")

    page.get_by_test_id("picture-box").click()
    page.get_by_role("option", name="box-away").click()
    expect(page.locator(".empty")).to_contain_text("设备当前无法连接")
    page.screenshot(path=screenshots / "portal-picture-tasks-away.png", animations="disabled")
