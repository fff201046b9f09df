"""A real hub with its broker, and a real agent that joins it by a stick."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx

from federation.testing.ports import HOST, reserved
from federation.testing.waiting import until
from hil_tests.chaos.program import Program, kept_running

FENGSUI = str(Path(sys.executable).with_name("fengsui"))
CLOCK = Path(__file__).parents[2] / "hil_tests" / "chaos" / "clock"
WITHIN_S = 60.0


class Hub:
    """A hub with its broker, and its console."""

    program: Program

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
            kept_running([word.format("run") for word in command], folder / "hub.log") as hub.program,
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


def planned(folder: Path) -> int:
    """Return how many tasks the plan of the box has."""
    with closing(sqlite3.connect(f"file:{folder / 'box' / 'appliance.db'}?mode=ro", uri=True, timeout=10)) as db:
        row = db.execute("SELECT body FROM documents WHERE name = 'plan'").fetchone()
    return len(json.loads(row[0])["tasks"]) if row else 0
