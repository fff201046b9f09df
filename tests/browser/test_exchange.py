"""Two people carry files between a box's panel and the portal until both sides exchange parcels."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from federation.testing.waiting import wait_until
from hil_tests.demo.supervision import FENGSUI
from tests.browser.conftest import Look, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.system]

START_S = 180.0


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A hub and a box with a two-way border between them, which carries nothing by itself."""

    folder: Path
    portal: str
    panel: str

    def carry(self) -> None:
        """Bring what waits over the border."""
        for source, target in (("box-out", "hub-in"), ("hub-out", "box-in")):
            for path in (self.folder / source).rglob("*.fsx"):
                path.replace(self.folder / target / path.name)


@contextmanager
def running(folder: Path, name: str, *command: str) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([FENGSUI, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def address(note: Path) -> str:
    """Return where a server says that it answers, once it does."""
    wait_until(note.exists, within_s=START_S, what=f"{note.name} is written")
    return str(wait_until(lambda: json.loads(note.read_text() or "{}").get("url"), within_s=START_S, what="an address"))


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name:
        folder = Path(name)
        for border in ("box-out", "box-in", "hub-out", "hub-in"):
            (folder / border).mkdir()
        quick = "look_every_s = 0.1\nsettle_s = 0.2\n"
        (folder / "hub.toml").write_text(
            f'data_folder = "hub"\noffer_shipped = false\n[http]\nport = 0\n[exchange]\n'
            f'in_folder = "hub-in"\nout_folder = "hub-out"\n'
            f"answer_s = 0.2\n{quick}"
        )
        (folder / "box.toml").write_text(
            f'profile = "analysis"\ndata_folder = "box"\nrun_folder = "run"\nserial = "fs-0012"\n[panel]\nport = 0\n'
            f'[exchange]\nout_folder = "box-out"\nin_folder = "box-in"\nevery_s = 0.3\nstate_s = 1\n{quick}'
        )
        with (
            running(folder, "hub", "hub", "run", "--config", str(folder / "hub.toml")),
            running(folder, "box", "appliance", "agent", "--config", str(folder / "box.toml")),
        ):
            portal, panel = address(folder / "hub" / "run" / "hub.json"), address(folder / "run" / "panel.json")
            yield Sides(folder=folder, portal=portal, panel=panel)


def test_a_request_and_an_answer_are_carried_and_parcels_cross_the_border(
    sides: Sides, page: Page, sign_in: SignIn, look: Look, screenshots: Path, tmp_path: Path
) -> None:
    sign_in(sides.panel, sides.folder / "box")
    page.goto(f"{sides.panel}/exchange")
    box_print = page.get_by_test_id("fingerprint").inner_text()
    with page.expect_download() as begun:
        page.get_by_test_id("request").click()
    request = kept(begun.value, tmp_path)
    page.screenshot(path=screenshots / "panel-exchange-before.png")

    sign_in(sides.portal, sides.folder / "hub")
    page.goto(f"{sides.portal}/exchange")
    page.set_input_files("input[accept='.fsx-request']", request)
    expect(page.locator(".el-dialog")).to_contain_text(box_print)
    page.get_by_test_id("name").fill("北门卡口")
    page.screenshot(path=screenshots / "portal-exchange-admit.png", animations="disabled")
    page.get_by_test_id("accept").click()
    with page.expect_download() as begun:
        page.get_by_test_id("answer").click()
    answer = kept(begun.value, tmp_path)

    page.goto(f"{sides.panel}/exchange")
    page.set_input_files("input[accept='.fsx-answer']", answer)
    page.screenshot(path=screenshots / "panel-exchange-join.png", animations="disabled")
    page.get_by_test_id("join").click()
    expect(page.locator(".stage")).to_contain_text("烽燧")
    (sides.folder / "hub-in" / "readme.txt").write_text("left by somebody")
    look(sides.panel, ["/exchange"], "panel")

    page.goto(f"{sides.portal}/exchange")
    expect_carried(sides, page, "号 · ")
    expect_carried(sides, page, "不是交换包 1")
    look(sides.portal, ["/exchange"], "portal")


def kept(download: Download, folder: Path) -> Path:
    target = folder / download.suggested_filename
    download.save_as(target)
    return target


def expect_carried(sides: Sides, page: Page, text: str) -> None:
    """Carry what waits until the page says `text`."""

    def says() -> bool:
        sides.carry()
        return text in page.locator(".stage").inner_text()

    wait_until(says, within_s=START_S, what=f"the page says {text}")
