"""A box whose cameras are played by the test: real agent, real vision process, real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.analysis import app as vision
from appliance.config import Config
from appliance.local import StreamsReport
from appliance.local.agent_client import agent_client
from appliance.local.sockets import VISION_SOCKET
from appliance.streams.access_unit import AccessUnit
from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from federation.messages import CameraReport
from federation.testing.waiting import until
from tests.appliance.coded import coded
from tests.appliance.panel.test_api import CAMERA, PASSWORD, POINT, agent, config_in, signed_in


@dataclass(kw_only=True)
class Box:
    """A box with the camera `POINT`, into whose feed a test puts pictures."""

    config: Config
    feeds: Feeds
    panel: httpx.AsyncClient

    def send(self, number: int = 0, point_id: str = POINT, **changes: Any) -> AccessUnit:
        """Let a key frame arrive now: the one of that number of the coded pictures."""
        units = [unit for unit in coded(seconds=3.0, **changes) if unit.key]
        unit = replace(units[number], point_id=point_id, arrived_s=time.monotonic(), arrived_at=datetime.now(UTC))
        self.feeds.of(point_id).send(unit)
        return unit

    async def watched(self, point_id: str = POINT) -> None:
        """Wait until somebody needs the camera's stream."""
        await until(self.feeds.of(point_id).wanted.is_set, within_s=60, what="a subscription")

    async def says(self, report: CameraReport) -> None:
        """Let the streams process tell how a camera is."""
        async with agent_client(self.config.run_folder) as streams:
            await streams.report(StreamsReport(pid=1, cameras=(report,)))

    async def settled(self, snapshot_id: str) -> dict[str, Any]:
        """Wait until a snapshot is done or has failed; return it."""

        async def is_settled() -> bool:
            return bool((await self.row(snapshot_id))["state"] != "waiting")

        await until(is_settled, within_s=90, what="a settled snapshot")
        return await self.row(snapshot_id)

    async def row(self, snapshot_id: str) -> dict[str, Any]:
        """Return a snapshot as it is now."""
        return dict((await self.panel.get(f"/api/v1/snapshots/{snapshot_id}")).json())


@asynccontextmanager
async def running_vision(config: Config) -> AsyncIterator[None]:
    """Run the vision process, as a task."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(vision.run(run_folder=config.run_folder))
        try:
            await until((config.run_folder / VISION_SOCKET).exists, within_s=60, what="vision answers")
            yield
        finally:
            running.cancel()


@asynccontextmanager
async def signed_in_anywhen(config: Config, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client with a session, whether the first password was changed already or not."""
    if config.first_password_file.exists():
        async with signed_in(config, url) as client:
            yield client
        return
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/api/v1/session", json={"username": "admin", "password": PASSWORD})
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


@asynccontextmanager
async def running_box(config: Config) -> AsyncIterator[Box]:
    """Run a box, with the camera `POINT` unless it knows it already."""
    await asyncio.to_thread(config.run_folder.mkdir, parents=True, exist_ok=True)
    feeds = Feeds()
    async with (
        serving(Consumers(feeds), config.run_folder),
        agent(config) as url,
        running_vision(config),
        signed_in_anywhen(config, url) as panel,
    ):
        panel.timeout = httpx.Timeout(60)
        await panel.post("/api/v1/cameras", json={**CAMERA, "pull": "asked"})  # nothing else needs its stream
        box = Box(config=config, feeds=feeds, panel=panel)

        async def is_ready() -> bool:
            return (await panel.get("/api/v1/snapshots")).status_code == 200

        await until(is_ready, within_s=60, what="snapshots can be taken")
        yield box


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with running_box(config_in(tmp_path)) as running:
        yield running
