"""An installer's minute: a new box shows its code, and an operator lets it in."""

import json
import re
import secrets
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from federation.identity.claim import ClaimTicket
from federation.testing.ports import HOST, reserved
from federation.testing.waiting import wait_until
from hil_tests.demo.hub_console import HubConsole
from hil_tests.demo.supervision import FENGSUI
from tests.browser.conftest import Look, SignIn, resize
from tests.browser.messages import telling
from tests.browser.test_exchange import address, running

pytestmark = [pytest.mark.browser, pytest.mark.system]


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


@dataclass(kw_only=True)
class NewBox:
    """The agent of a box, in a folder of its own."""

    folder: Path
    serial: str
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        words = [FENGSUI, "appliance", "agent", "--config", str(self.folder / "box.toml")]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    def lose_database(self) -> None:
        """Spoil the database as a disk does, in a moment in which three more rows may have been written."""
        database = self.folder / "data" / "appliance.db"
        with closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA wal_checkpoint(truncate)")
        database.write_bytes(b"\xff" * database.stat().st_size)
        database.with_name("appliance.db-wal").touch()
        lanes = self.folder / "data" / "lanes.json"
        known = json.loads(lanes.read_text(encoding="utf-8"))
        present = known["lanes"]["results"]["present"]
        present["reserved"] = present["produced"] + 3
        lanes.write_text(json.dumps(known), encoding="utf-8")

    def ticket(self) -> ClaimTicket:
        said = (self.folder / "run" / "claim.txt").read_text(encoding="utf-8")
        found = dict(re.findall(r"(serial|address|fingerprint|code) +(\S.*)", said))
        return ClaimTicket(
            serial=found["serial"],
            url=found["address"],
            fingerprint=found["fingerprint"].replace(" ", "").lower(),
            code=found["code"].replace("-", ""),
        )


@pytest.fixture
def new_box(tmp_path: Path) -> Iterator[NewBox]:
    """Run the agent of a box that nobody has claimed."""
    box = NewBox(folder=tmp_path, serial=f"fs-{secrets.token_hex(4)}")
    (tmp_path / "box.toml").write_text(
        f'profile = "capture"\nserial = "{box.serial}"\n'
        f'data_folder = "{tmp_path / "data"}"\nrun_folder = "{tmp_path / "run"}"\n'
        f'[panel]\nhost = "{HOST}"\nport = 0\n[lan]\nhost = "{HOST}"\nport = 0\ninterfaces = ["{HOST}"]\n',
        encoding="utf-8",
    )
    box.start()
    try:
        wait_until((tmp_path / "run" / "claim.txt").exists, within_s=180, what="the console shows the code")
        yield box
    finally:
        assert box.process is not None
        box.process.terminate()
        box.process.wait(60)


def test_a_new_box_is_let_in_by_the_code_that_its_panel_shows(
    hub: Hub, page: Page, sign_in: SignIn, look: Look, screenshots: Path, new_box: NewBox
) -> None:
    panel = re.search(r"http://[\d.]+:\d+", (new_box.folder / "run" / "panel.json").read_text())
    assert panel is not None
    sign_in(panel[0], new_box.folder / "data")
    page.click(".menu a[href='/hub']")
    expect(page.get_by_test_id("claim").locator("img")).not_to_have_js_property("naturalWidth", 0)
    shown = page.get_by_test_id("claim").locator(".code").inner_text()
    assert shown.replace("-", "") == new_box.ticket().code
    look(panel[0], ("/hub",), "panel-unclaimed")

    sign_in(hub.url, hub.data)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{hub.url}/access")
    row = page.locator(".stage .el-table__row", has_text=new_box.serial)
    expect(row).to_be_visible()
    page.screenshot(path=screenshots / "portal-access-waiting.png", animations="disabled")
    row.get_by_test_id("accept").click()
    page.get_by_test_id("claim-code").fill("2222-2222")
    page.get_by_test_id("claim-name").fill("西门抓图服务器")
    with telling(page, "接入码不正确"):
        page.get_by_test_id("claim").click()
    page.get_by_test_id("claim-code").fill(shown)
    page.screenshot(path=screenshots / "portal-access-claim.png", animations="disabled")
    with telling(page, "已接入"):
        page.get_by_test_id("claim").click()
    expect(row).to_have_count(0)
    page.get_by_role("tab", name="已接入设备").click()
    expect(page.locator(".stage .el-table__row", has_text="西门抓图服务器")).to_contain_text("有效")
    page.screenshot(path=screenshots / "portal-access-joined.png", animations="disabled")


def test_a_box_that_lost_its_database_is_told_of_and_is_shut_out_in_one_click(
    hub: Hub, page: Page, sign_in: SignIn, screenshots: Path, new_box: NewBox
) -> None:
    ticket = new_box.ticket()
    claim = {"url": ticket.url, "fingerprint": ticket.fingerprint, "code": ticket.code, "name": "北门抓图服务器"}
    with HubConsole(hub.data / "run" / "console.sock") as console:
        assert console.post("/api/v1/claims", {**claim, "site": "north"})["joined"]
        (found,) = [each for each in console.every("/api/v1/nodes") if each["serial"] == new_box.serial]
        node = f"/api/v1/nodes/{found['id']}"
        wait_until(lambda: console.get(node)["state"] == "online", within_s=120, what="the box is online")
        new_box.kill()
        new_box.lose_database()
        new_box.start()
        wait_until(lambda: console.get(node)["set_aside"], within_s=180, what="the hub hears of the damage")

        sign_in(hub.url, hub.data)
        page.goto(f"{hub.url}/nodes/{found['id']}")
        expect(page.get_by_test_id("link-health")).to_contain_text("在线")
        expect(page.get_by_test_id("set-aside")).to_contain_text("设备数据库曾损坏")
        expect(page.get_by_test_id("gaps").locator(".el-table__row").first).to_contain_text("设备数据库被更换或恢复")
        for size in ("1920", "390"):
            resize(page, size)
            page.screenshot(path=screenshots / f"portal-node-damaged-{size}.png", animations="disabled", full_page=True)

        resize(page, "1920")
        page.goto(f"{hub.url}/access")
        page.get_by_role("tab", name="已接入设备").click()
        row = page.locator(".stage .el-table__row", has_text="北门抓图服务器")
        row.get_by_test_id("revoke").click()
        page.screenshot(path=screenshots / "portal-access-revoke.png", animations="disabled")
        with telling(page, "已吊销"):
            page.get_by_role("button", name="确定").click()
        expect(row).to_contain_text("已吊销")
        expect(row.get_by_test_id("revoke")).to_have_count(0)
        noted = [entry for entry in console.every("/api/v1/audit") if entry["action"] == "node.revoke"]
    assert [(entry["actor"], entry["subject"]) for entry in noted] == [("admin", f"node:{found['id']}")]
    page.goto(f"{hub.url}/nodes/{found['id']}")
    expect(page.get_by_test_id("link-health")).to_contain_text("已吊销")


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
