"""An administrator lets a hub join another by a bundle, and sees both sides."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from federation.testing.ports import reserved
from federation.testing.waiting import wait_until
from hil_tests.demo.supervision import FENGSUI
from tests.browser.conftest import Look, SignIn
from tests.browser.test_exchange import address, running

pytestmark = [pytest.mark.browser, pytest.mark.system]

START_S = 180.0


@pytest.fixture
def hubs() -> Iterator[Path]:
    """Two hubs with their brokers, in the folders `city` and `east`."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name, reserved(8) as ports, ExitStack() as stack:
        folder = Path(name)
        for number, (kind, title) in enumerate((("city", "市平台"), ("east", "城东区平台"))):
            nodes, mqtt, subscribers, own = ports[number * 4 : number * 4 + 4]
            config = folder / f"{kind}.toml"
            config.write_text(
                f'name = "{title}"\ndata_folder = "{kind}"\n[http]\nport = 0\n[nodes]\nport = {nodes}\n[broker]\n'
                f"port = {mqtt}\nsubscriber_port = {subscribers}\nhub_port = {own}\n[discovery]\nenabled = false\n",
                encoding="utf-8",
            )
            for program in ("broker", "run"):
                stack.enter_context(running(folder, f"{kind}-{program}", "hub", program, "--config", str(config)))
        yield folder


def test_a_hub_joins_another_by_a_bundle_and_each_shows_the_other(
    hubs: Path, page: Page, sign_in: SignIn, look: Look
) -> None:
    city, east = (address(hubs / name / "run" / "hub.json") for name in ("city", "east"))
    sign_in(east, hubs / "east")
    page.goto(f"{east}/cascade")
    expect(page.get_by_test_id("above")).to_contain_text("尚未接入上级平台")

    page.set_input_files("input[accept='.fengsui-bundle']", bundle(hubs))

    above = page.get_by_test_id("above")
    expect(above).to_contain_text("市平台")
    expect(above).to_contain_text("已连接", timeout=START_S * 1000)
    look(east, ["/cascade"], "portal-below")
    sign_in(city, hubs / "city")
    page.goto(f"{city}/cascade")
    expect(page.get_by_test_id("below")).to_contain_text("在线", timeout=START_S * 1000)
    look(city, ["/cascade", "/nodes"], "portal-above")


def bundle(hubs: Path) -> Path:
    """Return the bundle that the upper hub's operator makes."""
    out = hubs / "east.fengsui-bundle"
    words = ["--config", str(hubs / "city.toml"), "--name", "城东区", "--profile", "hub", "--out", str(out)]

    def made() -> bool:
        done = subprocess.run([FENGSUI, "hub", "bundle", *words], capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    wait_until(made, within_s=START_S, what="a bundle is made")
    return out
