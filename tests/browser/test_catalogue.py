"""The catalogue of city algorithms and the repository in the portal: a model comes, serves some of them, and goes."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from federation.crypto import SigningKey
from federation.packages.licences import VendorLicence, write_licence
from federation.testing.ports import reserved
from hub.app import RunningHub, open_hub
from tests.browser.conftest import Look, SignIn
from tests.browser.lone_box import held
from tests.browser.messages import telling
from tests.browser.requests import base, posted, signed
from tests.hub.conftest import REMEMBERED, hub_config, remember
from tests.hub.repository.detectors import COCO, detector, model, signed_detector

pytestmark = [pytest.mark.browser, pytest.mark.system]

PARKING, MANHOLE = "street_order/illegal_parking", "facility/manhole_fault"
NAME = {"zh": "通用目标检测", "en": "General detector"}
DESCRIPTION = {"zh": "识别常见的八十类目标", "en": "Finds eighty kinds of things"}
NOTES = [{"version": "2.0.0", "on": "2026-10-08", "text": {"zh": "夜间漏检减少", "en": "Sees more at night"}}]
SCENES = {
    "good": [{"text": {"zh": "白天路口", "en": "Crossings by day"}, "picture": "cover.png"}],
    "bad": [{"text": {"zh": "浓雾", "en": "Dense fog"}}],
}
TERMS = {"software": "proprietary", "weights": "proprietary", "activation": {"mode": "offline_file"}}
CONDITIONS = {"target_px": 24, "occlusion": {"zh": "遮挡不超过一半", "en": "At least half can be seen"}}
KINDS = {"sources": ["image_stream"], "targets": ["行人", "车辆"], "places": ["道路/市内道路"], "industries": ["城管"]}
DISCLAIMER = {"zh": "极端天气下可能漏检", "en": "Misses things in extreme weather"}
TRAINING = {"model_name": "general", "model_version": "v2", "dataset_version": "coco-2017"}


@dataclass(frozen=True, kw_only=True)
class Portal:
    """A hub without boxes: the address of its portal, its folder, and the file of a package to import."""

    url: str
    data: Path
    package: Path
    licensed: Path
    licence: Path


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """Run a hub; the package is made before a browser's driver occupies the thread."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name, reserved(len(REMEMBERED)) as ports:
        package = Path(name) / "general.algpkg"
        cover = bytes(cv2.imencode(".png", np.full((90, 160, 3), 200, np.uint8))[1])
        says = {"name": NAME, "description": DESCRIPTION, "notes": NOTES, "training": TRAINING, "scenes": SCENES}
        says |= {"conditions": CONDITIONS, "classification": KINDS, "disclaimer": DISCLAIMER}
        package.write_bytes(detector(Path(name), COCO, **says, cover="cover.png", files={"cover.png": cover}))
        licensed, licence, signers = Path(name) / "v.algpkg", Path(name) / "v.alglic", Path(name) / "signers"
        key, now = SigningKey.generate(), datetime.now(UTC)
        named = {"zh": "厂商算法", "en": "Vendor"}
        licensed.write_bytes(signed_detector(Path(name), key, id="vendor.smoke", name=named, licence=TERMS))
        signers.mkdir()
        (signers / "vendor.pem").write_text(key.public.to_pem(), encoding="ascii")
        allowed = VendorLicence(
            number="HK-2026-1",
            algorithm="vendor.smoke",
            holder="示范市",
            begins=now,
            ends=now + timedelta(days=9),
            tasks=20,
        )
        licence.write_text(write_licence(allowed, key), encoding="utf-8")
        config = hub_config(Path(name), signers_folder="signers")
        remember(config, ports)
        with held(open_hub(config)) as running:
            url: str = running.do(_url)
            yield Portal(url=url, data=config.data_folder, package=package, licensed=licensed, licence=licence)


def _url(running: RunningHub) -> str:
    return running.url


def imported(page: Page, package: Path) -> None:
    """Import a package by the button of the repository."""
    page.click(".menu a[href='/algorithms']")
    with telling(page, "已导入", within_ms=120_000):
        page.locator("input[type=file]").set_input_files(package)


def card(page: Page, code: str) -> Locator:
    """Return the card of a template, by its event code."""
    return page.get_by_test_id("template").filter(has_text=code)


def pictured(page: Page, path: Path) -> None:
    for width, height in ((1920, 1080), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=f"{path}-{width}.png", animations="disabled")
    page.set_viewport_size({"width": 1920, "height": 1080})


def test_a_detector_of_coco_classes_serves_part_of_the_catalogue_and_what_it_lacks_is_told(
    portal: Portal, page: Page, sign_in: SignIn, look: Look, screenshots: Path
) -> None:
    sign_in(portal.url, portal.data)
    imported(page, portal.package)

    # The repository shows it with its cover, and says what it is.
    mine = page.locator("article", has_text="通用目标检测")
    expect(mine.get_by_test_id("cover").locator("img")).not_to_have_js_property("naturalWidth", 0)
    mine.get_by_test_id("open-algorithm").click()
    detail = page.get_by_test_id("algorithm-detail")
    expect(detail.get_by_test_id("notes")).to_contain_text("夜间漏检减少")
    expect(detail.get_by_test_id("training")).to_contain_text("coco-2017")
    for said in ("抓图流", "行人、车辆", "城管", "道路/市内道路", "onnxruntime", "example.detector/seen", "≥ 24 px"):
        expect(detail).to_contain_text(said)
    for said in ("遮挡不超过一半", "白天路口", "浓雾", "极端天气下可能漏检"):
        expect(detail).to_contain_text(said)
    expect(detail.locator("figure img")).not_to_have_js_property("naturalWidth", 0)
    pictured(page, screenshots / "portal-algorithm-detail")
    detail.get_by_test_id("serves").click()

    # What works at once with it, and with what.
    expect(page.get_by_test_id("served")).to_contain_text("该模型可直接支持")
    expect(page.get_by_test_id("template")).to_have_count(10)
    expect(card(page, PARKING)).to_contain_text("可绑定")
    pictured(page, screenshots / "portal-catalogue-served")
    card(page, PARKING).get_by_test_id("open-binding").click()
    expect(page.get_by_test_id("model")).to_contain_text("可以绑定；模型不含：面包车")
    pictured(page, screenshots / "portal-catalogue-binding")
    page.get_by_test_id("bind").click()
    expect(card(page, PARKING)).to_contain_text("已绑定", timeout=120_000)
    expect(page.get_by_test_id("binding")).to_be_hidden()

    # What it has not the classes for is refused, and says which.
    page.get_by_test_id("by-model").hover()
    page.get_by_test_id("by-model").locator(".el-select__clear").click()
    expect(page.get_by_test_id("template")).to_have_count(71)
    expect(card(page, MANHOLE)).to_contain_text("未提供模型")
    card(page, MANHOLE).get_by_test_id("open-binding").click()
    expect(page.get_by_test_id("model")).to_contain_text("无法绑定")
    expect(page.get_by_test_id("model")).to_contain_text("井盖缺失")
    expect(page.get_by_test_id("bind")).to_be_disabled()
    pictured(page, screenshots / "portal-catalogue-refusal")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("binding")).to_be_hidden()

    # Its classes are events gathered by the name of the template.
    page.click(".menu a[href='/events']")
    page.get_by_test_id("type").click()
    expect(page.get_by_role("option", name="机动车乱停检测（全部）", exact=True)).to_be_visible()
    expect(page.get_by_role("option", name="机动车乱停·轿车")).to_be_visible()
    pictured(page, screenshots / "portal-event-types")
    with page.expect_request(lambda request: "type=street_order%2Fillegal_parking&" in request.url):
        page.get_by_role("option", name="机动车乱停检测（全部）", exact=True).click()

    # What was bound is taken away; without the detector nothing could be bound.
    page.click(".menu a[href='/catalogue']")
    card(page, PARKING).get_by_test_id("unbind").click()
    pictured(page, screenshots / "portal-catalogue-unbind")
    page.get_by_role("button", name="确定").click()
    expect(card(page, PARKING)).to_contain_text("可绑定")
    page.click(".menu a[href='/algorithms']")
    page.locator("article", has_text="通用目标检测").get_by_role("button", name="删除").click()
    expect(page.locator(".el-message-box", has_text="删除算法可能影响已编排的任务")).to_be_visible()
    page.get_by_role("button", name="确定").click()
    expect(page.locator("article", has_text="通用目标检测")).to_have_count(0)
    page.click(".menu a[href='/catalogue']")
    expect(card(page, PARKING)).to_contain_text("未提供模型")

    # An algorithm that needs its vendor's licence waits for the file, and its end is told ahead.
    imported(page, portal.licensed)
    wanting = page.locator("article", has_text="厂商算法")
    expect(wanting.get_by_test_id("authorisation")).to_have_text("未授权")
    page.get_by_test_id("open-licences").click()
    page.get_by_test_id("licence-file").set_input_files(portal.licence)
    expect(page.get_by_test_id("licence")).to_contain_text("任务数 0 / 20")
    pictured(page, screenshots / "portal-licences")
    page.keyboard.press("Escape")
    expect(wanting.get_by_test_id("authorisation")).to_have_text("授权即将到期")
    expect(page.get_by_test_id("licence-notice")).to_contain_text("现有任务继续运行")
    look(portal.url, ("/catalogue", "/algorithms"), "hub")


def test_a_task_is_made_at_any_point_of_a_city_however_many_there_are(
    portal: Portal, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    rows = [f"p{number:03},路口{number:03},rtsp://127.0.0.1/{number}" for number in range(230)]
    sheet = "点位编号,点位名称,视频流地址\n" + "\n".join(rows)
    sign_in(portal.url, portal.data)
    page.click(".menu a[href='/points']")
    file = FilePayload(name="points.csv", mimeType="text/csv", buffer=sheet.encode())
    with telling(page, "230"):
        page.locator("input[type=file]").set_input_files(file)

    page.click(".menu a[href='/tasks']")
    page.get_by_role("button", name="新建任务").first.click()
    page.get_by_test_id("task-points").click()
    expect(page.get_by_test_id("more-points")).to_contain_text("共 230 个")
    page.get_by_role("option", name="路口001").click()
    page.get_by_test_id("task-points").locator("input").fill("p229")
    page.get_by_role("option", name="路口229").click()
    pictured(page, screenshots / "portal-task-points")
    page.keyboard.press("Escape")

    expect(page.get_by_test_id("task-points")).to_contain_text("路口001")
    expect(page.get_by_test_id("task-points")).to_contain_text("路口229")


def test_what_an_algorithm_is_called_and_shows_is_edited_in_its_details(
    portal: Portal, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(portal.url, portal.data)
    page.click(".menu a[href='/algorithms']")
    page.locator("article", has_text="fengsui.smoke").get_by_test_id("open-algorithm").click()
    detail, dialog = page.get_by_test_id("algorithm-detail"), page.get_by_test_id("editing")

    # Name, vendor and what it is for are said anew; a large picture becomes its cover.
    detail.get_by_test_id("open-editing").click()
    picture = bytes(cv2.imencode(".png", np.full((1200, 1600, 3), (60, 120, 40), np.uint8))[1])
    dialog.get_by_test_id("cover-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture})
    expect(dialog.get_by_test_id("cover").locator("img")).to_have_js_property("naturalWidth", 640)
    dialog.get_by_test_id("edit-name").fill("秸秆焚烧烟雾")
    dialog.get_by_test_id("edit-vendor").fill("示范市数据局")
    dialog.get_by_test_id("edit-industries").locator("input").fill("林业草原")
    page.get_by_role("option", name="林业草原").click()
    page.keyboard.press("Tab")
    pictured(page, screenshots / "portal-algorithm-editing")
    dialog.get_by_test_id("save-editing").click()
    expect(dialog).to_be_hidden()

    # Its details, the list, its filters and the form of a new task call it so.
    for said in ("秸秆焚烧烟雾", "示范市数据局", "林业草原", "信息已编辑"):
        expect(detail).to_contain_text(said)
    pictured(page, screenshots / "portal-algorithm-edited")
    page.keyboard.press("Escape")
    mine = page.locator("article", has_text="秸秆焚烧烟雾")
    expect(mine.get_by_test_id("cover").locator("img")).to_have_js_property("naturalWidth", 640)
    page.get_by_test_id("by-platform").click()
    page.get_by_role("option", name="CPU", exact=True).click()
    page.get_by_test_id("by-takes").click()
    page.get_by_role("option", name="抓图流").click()
    page.get_by_test_id("by-vendor").click()
    page.get_by_role("option", name="示范市数据局").click()
    expect(page.locator("article")).to_have_count(1)
    pictured(page, screenshots / "portal-algorithms-filtered")
    page.get_by_test_id("by-vendor").hover()
    page.get_by_test_id("by-vendor").locator(".el-select__clear").click()

    # All is taken back.
    mine.get_by_test_id("open-algorithm").click()
    detail.get_by_test_id("open-editing").click()
    dialog.get_by_test_id("take-back").click()
    page.get_by_role("button", name="确定").click()
    expect(detail.get_by_test_id("edited")).to_have_count(0)
    expect(page.locator("article", has_text="秸秆焚烧烟雾")).to_have_count(0)


def test_an_algorithm_is_put_into_groups_and_what_runs_keeps_it_on_the_shelf(
    portal: Portal, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(portal.url, portal.data)
    page.click(".menu a[href='/algorithms']")
    detail, groups = page.get_by_test_id("algorithm-detail"), page.get_by_test_id("groups")
    page.locator("article", has_text="fengsui.smoke").get_by_test_id("open-algorithm").click()

    # A new group is made where an algorithm is put into it; the list is found by it.
    detail.get_by_test_id("open-groups").click()
    groups.get_by_test_id("group-name").fill("消防救援")
    groups.get_by_test_id("add-group").click()
    expect(groups.get_by_test_id("group")).to_contain_text("消防救援")
    pictured(page, screenshots / "portal-algorithm-groups")
    groups.get_by_test_id("save-groups").click()
    expect(groups).to_be_hidden()  # until then Escape would close this one, and not the details under it
    expect(detail.get_by_test_id("groups-of")).to_contain_text("消防救援")
    page.keyboard.press("Escape")
    page.get_by_test_id("by-group").click()
    page.get_by_role("option", name="消防救援").click()
    expect(page.locator("article")).to_have_count(1)
    expect(page.get_by_test_id("group-tag")).to_have_text("消防救援")
    pictured(page, screenshots / "portal-algorithms-by-group")

    # A task at work keeps it on the shelf, and is named.
    page.get_by_test_id("by-group").hover()
    page.get_by_test_id("by-group").locator(".el-select__clear").click()
    used_by(page, "fengsui.smoke")
    page.locator("article", has_text="fengsui.smoke").get_by_test_id("open-algorithm").click()
    detail.get_by_test_id("shelve").click()
    expect(page.locator(".el-message-box")).to_contain_text("下架算法可能影响已编排的任务，是否确认下架")
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_test_id("users")).to_contain_text("堆场巡查 (堆场)")
    pictured(page, screenshots / "portal-algorithm-used")
    page.get_by_test_id("users").get_by_role("button", name="关闭", exact=True).click()
    expect(detail).to_contain_text("已上架")

    # Without the task it goes, and comes back.
    released(page)
    detail.get_by_test_id("shelve").click()
    page.get_by_role("button", name="确定").click()
    expect(detail).to_contain_text("已下架")
    detail.get_by_test_id("shelve").click()
    expect(detail).to_contain_text("已上架")
    page.keyboard.press("Escape")
    page.get_by_test_id("manage-groups").click()
    groups.get_by_role("button", name="删除").click()
    page.get_by_role("button", name="确定").click()
    expect(groups.get_by_test_id("group")).to_have_count(0)


def test_a_kind_of_event_is_mapped_to_the_code_by_which_others_know_it(
    portal: Portal, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(portal.url, portal.data)
    page.click(".menu a[href='/algorithms']")
    detail, dialog = page.get_by_test_id("algorithm-detail"), page.get_by_test_id("event-codes")
    page.locator("article", has_text="fengsui.camera_view").get_by_test_id("open-algorithm").click()

    detail.get_by_test_id("open-event-codes").click()
    first = dialog.get_by_test_id("code-line").first
    first.get_by_test_id("mapped-code").locator("input").fill("02-17")
    page.get_by_role("option", name="02-17").click()
    first.get_by_test_id("mapped-name").fill("监控设施异常")
    pictured(page, screenshots / "portal-event-codes")
    dialog.get_by_test_id("save-event-codes").click()

    expect(dialog).to_be_hidden()
    expect(detail.get_by_test_id("mapped")).to_have_text("02-17")
    pictured(page, screenshots / "portal-event-codes-mapped")
    page.keyboard.press("Escape")
    page.click(".menu a[href='/events']")
    page.get_by_test_id("by-mapped-code").click()
    with page.expect_request(lambda request: "mapped_code=02-17" in request.url):
        page.get_by_role("option", name="02-17 监控设施异常").click()

    # A bureau's feed takes what goes by this code.
    page.click(".menu a[href='/subscriptions']")
    page.get_by_role("button", name="新建订阅").first.click()
    form = page.locator(".el-dialog", has_text="单位标识")
    form.locator("input").first.fill("住房和城乡建设局")
    form.locator("input").nth(1).fill("housing")
    form.get_by_test_id("feed-types").locator("input").fill("02-17")
    page.screenshot(path=screenshots / "portal-feed-types.png", animations="disabled")
    page.get_by_role("option", name="02-17 监控设施异常").last.click()
    form.get_by_role("button", name="确定").click()
    expect(page.locator(".el-table__row")).to_contain_text("02-17 监控设施异常")
    page.keyboard.press("Escape")
    pictured(page, screenshots / "portal-feed-by-mapped-code")


def test_a_bare_model_is_recognised_named_and_packed_in_the_portal(
    portal: Portal, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    sign_in(portal.url, portal.data)
    page.click(".menu a[href='/algorithms']")
    page.get_by_test_id("open-packing").click()
    dialog = page.get_by_test_id("packing")
    picture = bytes(cv2.imencode(".png", np.full((90, 160, 3), 90, np.uint8))[1])
    shown = FilePayload(name="site.png", mimeType="image/png", buffer=picture)

    # What is no model is refused, and why is said; the dialog stays as it was filled.
    pick = dialog.get_by_test_id("model-file")
    pick.set_input_files({"name": "Helmet v2.onnx", "mimeType": "application/octet-stream", "buffer": b"no model"})
    dialog.get_by_test_id("sample-files").set_input_files([shown])
    dialog.get_by_test_id("recognise").click()
    expect(dialog.get_by_test_id("packing-refused")).to_contain_text("文件不是可用的 ONNX 模型", timeout=120_000)
    pictured(page, screenshots / "portal-packing-refused")

    # A model is recognised with the classes that are named; a person says what it is called.
    pick.set_input_files({"name": "Helmet v2.onnx", "mimeType": "application/octet-stream", "buffer": model()})
    dialog.get_by_test_id("labels").fill("helmet\nperson\nvest")
    dialog.get_by_test_id("recognise").click()
    recognised = dialog.get_by_test_id("recognised")
    expect(recognised).to_contain_text("32 × 32", timeout=120_000)
    for said in ("rows", "目标检测", "3 类：helmet、person、vest"):
        expect(recognised).to_contain_text(said)
    expect(dialog.get_by_test_id("pack-id")).to_have_value("local.helmet_v2")
    dialog.get_by_test_id("pack-name").fill("工地安全帽检测")
    dialog.get_by_test_id("pack-note").fill("首个版本")
    dialog.get_by_test_id("pack-event").first.fill("工地人员")
    pictured(page, screenshots / "portal-packing-named")
    with telling(page, "已封装 工地安全帽检测 1.0.0", within_ms=120_000):
        dialog.get_by_test_id("pack").click()

    # It is an algorithm like any other, with its note; then it goes, as one of those that were chosen.
    mine = page.locator("article", has_text="local.helmet_v2")
    expect(mine).to_contain_text("本地导入 · 目标检测 · 抓图流 · CPU · 入库")
    mine.get_by_test_id("open-algorithm").click()
    detail = page.get_by_test_id("algorithm-detail")
    expect(detail.get_by_test_id("notes")).to_contain_text("首个版本")
    expect(detail).to_contain_text("工地人员")
    pictured(page, screenshots / "portal-packing-packed")
    page.keyboard.press("Escape")
    mine.get_by_test_id("pick").click()
    pictured(page, screenshots / "portal-algorithms-picked")
    page.get_by_test_id("remove-picked").click()
    page.get_by_role("button", name="确定").click()
    expect(mine).to_have_count(0)
    expect(page.get_by_test_id("picked")).to_have_count(0)


def used_by(page: Page, algorithm_id: str) -> None:
    """Have a point with a task of the algorithm."""
    posted(page, "/api/v1/points", {"id": "yard", "name": "堆场", "stream_url": "rtsp://127.0.0.1/yard"})
    posted(page, "/api/v1/tasks", {"name": "堆场巡查", "point_ids": ["yard"], "algorithm_ids": [algorithm_id]})


def released(page: Page) -> None:
    """Take the task and its point away."""
    found = page.request.get(f"{base(page)}/api/v1/tasks?text=堆场巡查").json()["items"]
    posted(page, "/api/v1/tasks/delete", {"ids": [task["id"] for task in found]})
    page.request.delete(f"{base(page)}/api/v1/points/yard", headers=signed(page))
