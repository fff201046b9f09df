"""An installer's minute: a new box shows its code, and an operator lets it in."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from federation.identity.claim import ClaimTicket
from federation.testing.ports import HOST, reserved
from federation.testing.waiting import wait_until
from hil_tests.demo.supervision import FENGSUI
from tests.browser.conftest import Look, SignIn
from tests.browser.test_exchange import address, running

pytestmark = [pytest.mark.browser, pytest.mark.system]

SERIAL = "fs-new-box"


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A hub that has no box yet: where its portal answers, and where its data lies."""

    url: str
    data: Path


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """Run a hub with its broker; it listens for boxes on loopback."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name, reserved(4) as (nodes, mqtt, subscribers, own):
        folder = Path(name)
        config = folder / "hub.toml"
        config.write_text(
            f'data_folder = "hub"\noffer_shipped = false\n[http]\nport = 0\n[nodes]\nport = {nodes}\n[broker]\n'
            f"port = {mqtt}\nsubscriber_port = {subscribers}\nhub_port = {own}\n"
            f'[discovery]\ninterfaces = ["{HOST}"]\n',
            encoding="utf-8",
        )
        with (
            running(folder, "broker", "hub", "broker", "--config", str(config)),
            running(folder, "hub", "hub", "run", "--config", str(config)),
        ):
            yield Hub(url=address(folder / "hub" / "run" / "hub.json"), data=folder / "hub")


@pytest.fixture
def new_box(tmp_path: Path) -> Iterator[Path]:
    """Run the agent of a box that nobody has claimed; give its folder."""
    config = tmp_path / "box.toml"
    config.write_text(
        f'profile = "capture"\nserial = "{SERIAL}"\n'
        f'data_folder = "{tmp_path / "data"}"\nrun_folder = "{tmp_path / "run"}"\n'
        f'[panel]\nhost = "{HOST}"\nport = 0\n[lan]\nhost = "{HOST}"\nport = 0\ninterfaces = ["{HOST}"]\n',
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [FENGSUI, "appliance", "agent", "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        wait_until((tmp_path / "run" / "claim.txt").exists, within_s=180, what="the console shows the code")
        yield tmp_path
    finally:
        process.terminate()
        process.wait(60)


def ticket_of(box: Path) -> ClaimTicket:
    found = dict(re.findall(r"(serial|address|fingerprint|code) +(\S.*)", (box / "run" / "claim.txt").read_text()))
    return ClaimTicket(
        serial=found["serial"],
        url=found["address"],
        fingerprint=found["fingerprint"].replace(" ", "").lower(),
        code=found["code"].replace("-", ""),
    )


def test_a_new_box_is_let_in_by_the_code_that_its_panel_shows(
    hub: Hub, page: Page, sign_in: SignIn, look: Look, screenshots: Path, new_box: Path
) -> None:
    panel = re.search(r"http://[\d.]+:\d+", (new_box / "run" / "panel.json").read_text())
    assert panel is not None
    sign_in(panel[0], new_box / "data")
    page.click(".menu a[href='/hub']")
    expect(page.get_by_test_id("claim").locator("img")).not_to_have_js_property("naturalWidth", 0)
    shown = page.get_by_test_id("claim").locator(".code").inner_text()
    assert shown.replace("-", "") == ticket_of(new_box).code
    look(panel[0], ("/hub",), "panel-unclaimed")

    sign_in(hub.url, hub.data)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{hub.url}/access")
    row = page.locator(".stage .el-table__row", has_text=SERIAL)
    expect(row).to_be_visible()
    page.screenshot(path=screenshots / "portal-access-waiting.png", animations="disabled")
    row.get_by_test_id("accept").click()
    page.get_by_test_id("claim-code").fill("2222-2222")
    page.get_by_test_id("claim-name").fill("西门抓图服务器")
    page.get_by_test_id("claim").click()
    expect(page.locator(".el-message").last).to_contain_text("接入码不正确")
    page.get_by_test_id("claim-code").fill(shown)
    page.screenshot(path=screenshots / "portal-access-claim.png", animations="disabled")
    page.get_by_test_id("claim").click()
    expect(page.locator(".el-message").last).to_contain_text("已接入")
    expect(row).to_have_count(0)
    page.get_by_role("tab", name="已接入设备").click()
    expect(page.locator(".stage .el-table__row", has_text="西门抓图服务器")).to_contain_text("有效")
    page.screenshot(path=screenshots / "portal-access-joined.png", animations="disabled")


def test_a_scanned_code_fills_the_form_and_a_bundle_is_saved_as_a_file(
    hub: Hub, page: Page, sign_in: SignIn, screenshots: Path
) -> None:
    ticket = ClaimTicket(serial="sn", url="https://10.9.8.7:8091", fingerprint="ab" * 32, code="ABCD2345")
    sign_in(hub.url, hub.data)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{hub.url}/access")
    page.get_by_test_id("accept-other").first.click()
    page.get_by_test_id("scan").fill(ticket.to_text())
    expect(page.get_by_test_id("claim-url")).to_have_value(ticket.url)
    expect(page.get_by_test_id("claim-code")).to_have_value(ticket.code)
    page.screenshot(path=screenshots / "portal-access-claim-390.png", animations="disabled")
    page.keyboard.press("Escape")

    page.get_by_test_id("make-bundle").click()
    page.get_by_test_id("bundle-name").fill("南门")
    with page.expect_download() as download:
        page.get_by_test_id("bundle-make").click()

    assert download.value.suggested_filename == "南门.fengsui-bundle"
    assert '"fengsui-bundle/1"' in download.value.path().read_text()
    page.screenshot(path=screenshots / "portal-access-bundle-390.png", animations="disabled")
