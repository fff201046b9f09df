"""A real agent joins a real hub: by a stick, over a clock that is wrong, and stays in by renewing its certificate."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from federation.testing.ports import HOST, reserved
from federation.testing.waiting import until
from hil_tests.chaos.program import Program, kept_running

pytestmark = pytest.mark.system

FENGSUI = str(Path(sys.executable).with_name("fengsui"))
CLOCK = Path(__file__).parents[2] / "hil_tests" / "chaos" / "clock"
WITHIN_S = 60.0
YEARS_S = 20 * 365 * 86_400


class Hub:
    """A hub with its broker, and its console."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "hub.toml"
        self.console = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(folder / "hub" / "run" / "console.sock")),
            base_url="http://hub",
            timeout=60,
        )

    def configure(self, ports: list[int], *, certificate_days: float) -> None:
        http, nodes, mqtt, subscribers, own = ports
        self.config.write_text(
            f'data_folder = "{self.folder / "hub"}"\noffer_shipped = false\n[http]\nport = {http}\n'
            f"[nodes]\nport = {nodes}\ncertificate_days = {certificate_days:.6f}\n"
            f"[broker]\nport = {mqtt}\nsubscriber_port = {subscribers}\nhub_port = {own}\n"
            "[discovery]\nenabled = false\n",
            encoding="utf-8",
        )

    async def ready(self) -> bool:
        try:
            return (await self.console.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def nodes(self) -> list[dict[str, Any]]:
        return list((await self.console.get("/api/v1/nodes")).raise_for_status().json()["items"])

    async def state(self) -> str:
        return str([*[node["state"] for node in await self.nodes()], "unknown"][0])


@asynccontextmanager
async def running_hub(folder: Path, *, certificate_days: float) -> AsyncIterator[Hub]:
    with reserved(5) as ports:
        hub = Hub(folder)
        await asyncio.to_thread(hub.configure, ports, certificate_days=certificate_days)
        command = [FENGSUI, "hub", "{}", "--config", str(hub.config)]
        async with (
            kept_running([word.format("broker") for word in command], folder / "broker.log"),
            kept_running([word.format("run") for word in command], folder / "hub.log"),
        ):
            await until(hub.ready, within_s=WITHIN_S, what="the hub is ready")
            try:
                yield hub
            finally:
                await hub.console.aclose()


@asynccontextmanager
async def running_box(folder: Path, *, clock_s: int = 0) -> AsyncIterator[Program]:
    """Run an agent whose stick is the folder `stick`, and whose clock is wrong by `clock_s`."""
    (folder / "clock").write_text(f"{clock_s:+d}\n")
    config = folder / "box.toml"
    config.write_text(
        f'profile = "analysis"\ndata_folder = "{folder / "box"}"\nrun_folder = "{folder / "run"}"\n'
        f'bundle_folder = "{folder / "stick"}"\n[panel]\nhost = "{HOST}"\nport = 0\n'
        f'[lan]\nhost = "{HOST}"\nport = 0\ndiscovery = false\n',
        encoding="utf-8",
    )
    environment = {"PYTHONPATH": str(CLOCK), "FENGSUI_CHAOS_CLOCK": str(folder / "clock")}
    command = [FENGSUI, "appliance", "agent", "--config", str(config)]
    async with kept_running(command, folder / "agent.log", environment) as agent:
        yield agent


def make_bundle(hub: Hub, out: Path) -> subprocess.CompletedProcess[str]:
    command = [FENGSUI, "hub", "bundle", "--config", str(hub.config), "--name", "Gate 1", "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def identity(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "box" / "identity" / "hub.json").read_text()))


async def online(hub: Hub) -> bool:
    return await hub.state() == "online"


async def test_a_box_whose_clock_is_years_ahead_joins_by_a_stick_renews_its_certificate_and_is_cut_off_when_revoked(
    tmp_path: Path,
) -> None:
    life_s = 12
    (tmp_path / "stick").mkdir()
    async with running_hub(tmp_path, certificate_days=life_s / 86_400) as hub, running_box(tmp_path, clock_s=YEARS_S):
        made = await asyncio.to_thread(make_bundle, hub, tmp_path / "stick" / "gate.fengsui-bundle")
        assert (made.returncode, made.stderr) == (0, "")
        assert (tmp_path / "stick" / "gate.fengsui-bundle").stat().st_mode & 0o777 == 0o600
        await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online")
        first = await asyncio.to_thread(identity, tmp_path)

        async def renewed() -> bool:
            return bool((await asyncio.to_thread(identity, tmp_path))["certificate"] != first["certificate"])

        await until(renewed, within_s=WITHIN_S, what="the box has renewed its certificate")
        await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online with its new certificate")

        node_id = (await hub.nodes())[0]["id"]
        (await hub.console.post(f"/api/v1/nodes/{node_id}/revocation")).raise_for_status()

        def said() -> bool:
            return "revoked" in (tmp_path / "agent.log").read_text()

        await until(lambda: asyncio.to_thread(said), within_s=WITHIN_S, what="the box is told that it is revoked")
        assert await hub.state() == "revoked"


async def test_a_box_whose_clock_is_years_behind_joins_and_then_starts_cold_without_its_hub(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    async with running_hub(tmp_path, certificate_days=90) as hub:
        await asyncio.to_thread(make_bundle, hub, tmp_path / "stick" / "gate.fengsui-bundle")
        async with running_box(tmp_path, clock_s=-YEARS_S):
            await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online")
            point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1:9/gate"}
            (await hub.console.post("/api/v1/points", json=point)).raise_for_status()
            draft: dict[str, Any] = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.left_object"]}
            draft["region"] = [[0, 0], [1, 0], [1, 1]]
            (await hub.console.post("/api/v1/tasks", json=draft)).raise_for_status()
            await until(lambda: asyncio.to_thread(planned, tmp_path), within_s=WITHIN_S, what="the box has its task")

    async with running_box(tmp_path, clock_s=-YEARS_S):  # and nobody else
        await until((tmp_path / "run" / "panel.json").exists, within_s=WITHIN_S, what="the box runs alone")
        assert await asyncio.to_thread(planned, tmp_path) == 1


def planned(folder: Path) -> int:
    """Return how many tasks the plan of the box has."""
    with closing(sqlite3.connect(f"file:{folder / 'box' / 'appliance.db'}?mode=ro", uri=True, timeout=10)) as db:
        row = db.execute("SELECT body FROM documents WHERE name = 'plan'").fetchone()
    return len(json.loads(row[0])["tasks"]) if row else 0


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot read"), ("no bundle", "this is no enrolment bundle")],
)
def test_a_wrong_bundle_on_the_command_line_is_one_clear_line(tmp_path: Path, content: str | None, said: str) -> None:
    config, bundle = tmp_path / "box.toml", tmp_path / "b.fengsui-bundle"
    config.write_text('profile = "analysis"\ndata_folder = "d"\nrun_folder = "r"\n')
    if content is not None:
        bundle.write_text(content)
    command = [FENGSUI, "appliance", "enrol", "--config", str(config), "--bundle", str(bundle)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))  # noqa: TID251

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "d").exists()
