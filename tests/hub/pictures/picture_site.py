"""A hub, and a real box that it cannot reach but through the tunnel that the box opens; a model is planted there."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from appliance.local.sockets import DOOR_SOCKET
from appliance.uplink.tunnel import Tunnel, tunnel_session
from federation.testing.played_appliance import played_appliance
from federation.testing.ports import reserved
from federation.testing.waiting import until
from tests.appliance.panel.models.planted import NAME, PlantedBox, planted_box
from tests.hub.conftest import REMEMBERED, Served, hub_config, remember, running_broker, serving
from tests.hub.video.test_tunnel import answer_calls, live_on


@dataclass(frozen=True, kw_only=True)
class Site:
    """A hub, the box behind its tunnel, and two people."""

    hub: Served
    box: PlantedBox
    node_id: str
    viewer: httpx.AsyncClient
    operator: httpx.AsyncClient

    @property
    def base(self) -> str:
        """The address of what the box does, at the hub."""
        return f"/api/v1/nodes/{self.node_id}"

    async def ordered(self, **order: Any) -> str:
        """Order a task; return its address at the hub."""
        made = await self.operator.post(f"{self.base}/picture-jobs", json={**NAME, **order})
        assert made.status_code == 201, made.text
        return f"{self.base}/picture-jobs/{made.json()['id']}"

    async def ended(self, path: str) -> dict[str, Any]:
        """Return a task when it has ended, as a viewer sees it."""

        async def end() -> dict[str, Any] | None:
            told: dict[str, Any] = (await self.viewer.get(path)).json()
            return told if told["state"] not in {"waiting", "running"} else None

        job = await until(end, within_s=60, what="the end of a picture task")
        assert isinstance(job, dict)
        return job


@asynccontextmanager
async def picture_site() -> AsyncIterator[Site]:
    """Run all of it in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name, reserved(len(REMEMBERED)) as ports:
        folder = Path(name)
        config, alive = hub_config(folder), asyncio.Event()
        await asyncio.to_thread(remember, config, ports)
        alive.set()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(running_broker(config, folder))
            hub = await stack.enter_async_context(serving(config))
            box = await stack.enter_async_context(planted_box(folder / "box"))
            await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="the hub's link")
            member = await hub.enrol()
            tls = await asyncio.to_thread(member.tls)
            node = await stack.enter_async_context(played_appliance(member))
            session = await stack.enter_async_context(tunnel_session(tls))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            tunnel = Tunnel(hub_url=hub.node_url, session=session, door=box.config.run_folder / DOOR_SOCKET)
            tasks = [
                group.create_task(work) for work in (tunnel.run(), answer_calls(node, tunnel), live_on(node, alive))
            ]
            roster = hub.hub.foundation.roster
            await until(
                lambda: (found := roster.get(node.node_id)) and found.online, within_s=60, what="the box online"
            )
            viewer = await stack.enter_async_context(hub.signed_in("viewer", username="wang"))
            operator = await stack.enter_async_context(hub.signed_in("operator", username="li"))
            yield Site(hub=hub, box=box, node_id=node.node_id, viewer=viewer, operator=operator)
            for task in tasks:
                task.cancel()
