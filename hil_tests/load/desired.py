"""How soon a change that the hub wants stands at the hub as followed by a box."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from federation.messages import Shard
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.hub_side import HubSide
from hil_tests.load.figures import quantiles

FOLLOWED_WITHIN_S = 90.0
WARM = 5
POLL_S = 0.1


async def changes_ms(hub_side: HubSide, node_id: str, changes: int) -> dict[str, dict[str, float]]:
    """Change the policy of links one time after the other, each once a page of the portal sees the one before followed.

    `asked` counts from the request, `committed` from its answer, when the change is stored and signed.
    """
    asked, committed = list[float](), list[float]()
    async with _console(hub_side) as hub, hub.ws_connect("/api/v1/live", max_msg_size=0) as page:
        version = await _version(hub, node_id)
        for number in range(changes + WARM):
            policy = {"beat_every_s": 5 + number % 2}
            began = time.perf_counter()
            async with hub.put("/api/v1/link-policy", json=policy) as answer:
                answer.raise_for_status()
            told = time.perf_counter()
            version = await _followed(page, node_id, beyond=version)
            followed = time.perf_counter()
            asked.append((followed - began) * 1000)
            committed.append((followed - told) * 1000)
    return {"asked_to_followed_ms": quantiles(asked[WARM:]), "committed_to_followed_ms": quantiles(committed[WARM:])}


@asynccontextmanager
async def _console(hub_side: HubSide) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(path=str(hub_side.console))
    timeout = aiohttp.ClientTimeout(total=FOLLOWED_WITHIN_S)
    async with aiohttp.ClientSession("http://hub", connector=connector, timeout=timeout) as session:
        yield session


async def _followed(page: aiohttp.ClientWebSocketResponse, node_id: str, *, beyond: int) -> int:
    """Return the version that the box follows, once it is beyond this one; raise ChaosError after half a minute."""
    try:
        async with asyncio.timeout(FOLLOWED_WITHIN_S):
            while True:
                notice = await page.receive_json()
                if notice["kind"] == "node.changed" and notice["data"]["id"] == node_id:
                    row = _policy(notice["data"])
                    if row["applied_version"] > beyond and row["followed"]:
                        return int(row["applied_version"])
    except TimeoutError as error:
        raise ChaosError(f"{node_id} did not follow a change within {FOLLOWED_WITHIN_S:.0f} s") from error


async def _version(hub: aiohttp.ClientSession, node_id: str) -> int:
    """Return the version that the box follows, once it follows the newest."""
    deadline = time.monotonic() + FOLLOWED_WITHIN_S
    while True:
        async with hub.get(f"/api/v1/nodes/{node_id}") as answer:
            row = _policy(await answer.json())
        if row["followed"] and row["applied_version"] > 0:
            return int(row["applied_version"])
        if time.monotonic() > deadline:
            raise ChaosError(f"{node_id} did not follow its first policy within {FOLLOWED_WITHIN_S:.0f} s")
        await asyncio.sleep(POLL_S)


def _policy(node: Mapping[str, Any]) -> dict[str, Any]:
    return next(dict(row) for row in node["shards"] if row["shard"] == Shard.POLICY)
