"""How soon a change that the hub wants stands at the hub as followed by a box."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from federation.messages import Shard
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.hub_side import HubSide
from hil_tests.load.figures import quantiles

FOLLOWED_WITHIN_S = 30.0
WARM = 5


async def changes_ms(hub_side: HubSide, node_id: str, changes: int) -> dict[str, dict[str, float]]:
    """Change the policy of links one time after the other, each once the box follows the one before it.

    `asked` counts from the request, `committed` from its answer, when the change is stored and signed.
    """
    asked, committed = list[float](), list[float]()
    async with _console(hub_side) as hub:
        await _followed(hub, node_id, beyond=0)
        for number in range(changes + WARM):
            version = (await _policy(hub, node_id))["wanted_version"]
            policy = {"beat_every_s": 5 + number % 2}
            began = time.perf_counter()
            async with hub.put("/api/v1/link-policy", json=policy) as answer:
                answer.raise_for_status()
            told = time.perf_counter()
            followed = await _followed(hub, node_id, beyond=version)
            asked.append((followed - began) * 1000)
            committed.append((followed - told) * 1000)
    return {"asked_to_followed_ms": quantiles(asked[WARM:]), "committed_to_followed_ms": quantiles(committed[WARM:])}


@asynccontextmanager
async def _console(hub_side: HubSide) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(path=str(hub_side.console))
    timeout = aiohttp.ClientTimeout(total=FOLLOWED_WITHIN_S)
    async with aiohttp.ClientSession("http://hub", connector=connector, timeout=timeout) as session:
        yield session


async def _followed(hub: aiohttp.ClientSession, node_id: str, *, beyond: int) -> float:
    """Return when the hub's row of the box follows a version beyond this one; raise ChaosError after half a minute."""
    deadline = time.perf_counter() + FOLLOWED_WITHIN_S
    while (row := await _policy(hub, node_id))["applied_version"] <= beyond or not row["followed"]:
        if time.perf_counter() > deadline:
            raise ChaosError(f"{node_id} did not follow a change within {FOLLOWED_WITHIN_S:.0f} s")
        await asyncio.sleep(0)
    return time.perf_counter()


async def _policy(hub: aiohttp.ClientSession, node_id: str) -> dict[str, Any]:
    async with hub.get(f"/api/v1/nodes/{node_id}") as answer:
        answer.raise_for_status()
        shards = (await answer.json())["shards"]
    return next(dict(row) for row in shards if row["shard"] == Shard.POLICY)
