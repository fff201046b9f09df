"""A site of real boxes: the line to the hub carries a package about once, however many boxes need it.

pytest -m hil tests/system/test_neighbours.py
"""

import asyncio
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from federation.artifacts import CHUNK_BYTES
from federation.messages import new_id
from federation.testing.waiting import until
from hil_tests.chaos.box import Box, running_box
from hil_tests.chaos.field import invited, ready
from hil_tests.chaos.hub_side import running_hub_side
from hil_tests.network.relay import Relay
from hil_tests.network.relayed import relayed_ground
from tests.system.test_artifacts import console, limit, make_package, place

pytestmark = [pytest.mark.system, pytest.mark.hil]

BOXES = 4
CHUNKS = 12
LIMIT_KBPS = 32_000
SETTINGS = 'interfaces = ["127.0.0.1"]\n'


async def placed(client: httpx.AsyncClient) -> dict[str, Any]:
    """Want the package at ever more points until every box has a task; return the deliveries by node."""
    for number in range(400):
        items = (await client.get("/api/v1/deliveries", params={"limit": 200})).raise_for_status().json()["items"]
        nodes = (await client.get("/api/v1/nodes")).raise_for_status().json()["items"]
        if len([node for node in nodes if node["tasks_total"]]) == BOXES:
            return {item["node_id"]: item["report"] for item in items}
        point = {"id": f"p{number}", "name": "p", "stream_url": f"rtsp://127.0.0.1:9/{number}"}
        (await client.post("/api/v1/points", json=point)).raise_for_status()
        draft = {"name": "t", "point_ids": [point["id"]], "algorithm_ids": ["example.smoke"]}
        (await client.post("/api/v1/tasks", json=draft)).raise_for_status()
    raise AssertionError("not every box got a task")


async def test_the_line_to_a_site_carries_a_package_about_once(tmp_path: Path) -> None:
    package = tmp_path / "smoke.algpkg"
    await asyncio.to_thread(make_package, package, "1.0.0", secrets.token_bytes(CHUNKS * CHUNK_BYTES - 100_000))
    async with (
        relayed_ground() as ground,
        running_hub_side(tmp_path, ground.centre) as side,
        AsyncExitStack() as stack,
        console(side) as client,
    ):
        await ready(side)
        boxes: list[Box] = []
        for number in range(BOXES):
            bundle = await invited(side, f"box-{number}")
            box = running_box(
                tmp_path / f"b{number}",
                bundle,
                ground=ground,
                hub_side=side,
                task_id=new_id(),
                settings=SETTINGS,
            )
            boxes.append(await stack.enter_async_context(box))
        await limit(client, LIMIT_KBPS)
        await place(client, package)
        await placed(client)

        async def all_have_it() -> bool:
            items = (await client.get("/api/v1/deliveries", params={"limit": 200})).json()["items"]
            return [item["report"]["state"] for item in items].count("held") == BOXES

        await until(all_have_it, within_s=180, what="every box has the package")
        items = (await client.get("/api/v1/deliveries", params={"limit": 200})).json()["items"]
        lines = [box.party.wire for box in boxes]
        carried = [line.carried_bytes for line in lines if isinstance(line, Relay)]
        size = (await asyncio.to_thread(package.stat)).st_size
        shares = [(item["report"]["hub_bytes"], item["report"]["neighbour_bytes"]) for item in items]

    print(f"a package of {size} bytes: from hub and neighbours {shares}, lines {carried}, {sum(carried) / size:.2f} x")
    assert sum(carried) < 2 * size
