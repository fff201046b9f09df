"""Nodes that are heard often, and nodes that fall silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from federation.identity.member import Member
from federation.testing.played_appliance import PlayedAppliance, played_appliance
from federation.testing.waiting import until
from tests.hub.conftest import Served

PLACE = {"probe_urls": ("http://10.9.9.9:8090",)}


@asynccontextmanager
async def beating(
    hub: Served, name: str, *, site: str = "east", lives: bool | None = None, **beat_fields: Any
) -> AsyncIterator[PlayedAppliance]:
    """A node that is heard five times a second, and says of every neighbour that it `lives`."""
    joined = await hub.enrol(name)
    await hub.console.patch(f"/api/v1/nodes/{name}", json={"site": site})
    async with played_appliance(joined, **PLACE) as node, asyncio.TaskGroup() as group:
        node.lives = lives

        async def beat() -> None:
            number = 0
            while True:
                number += 1
                node.beat(number, **beat_fields)
                await asyncio.sleep(0.2)

        async def listen() -> None:
            while True:
                await node.listen()

        at_work = [group.create_task(beat()), group.create_task(listen())]
        yield node
        for task in at_work:
            task.cancel()


async def fallen_silent(hub: Served, name: str = "silent", *, site: str = "east") -> Member:
    """Let a node join that says hello and then nothing more, no goodbye either."""
    joined = await hub.enrol(name)
    await hub.console.patch(f"/api/v1/nodes/{name}", json={"site": site})
    async with played_appliance(joined, **PLACE):
        await held(hub, name, "online")
    return joined


async def row_of(hub: Served, name: str) -> dict[str, Any]:
    return dict((await hub.console.get(f"/api/v1/nodes/{name}")).raise_for_status().json())


async def held(hub: Served, name: str, state: str, cause: str | None = None) -> dict[str, Any]:
    async def found() -> Any:
        row = await row_of(hub, name)
        return row if row["state"] == state and cause in {None, row["cause"]} else None

    return dict(await until(found, within_s=60, what=f"{name} is {state}: {cause}"))
