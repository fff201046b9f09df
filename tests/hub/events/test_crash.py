"""The hub is killed while appliances hand events over: nothing is lost, nothing is doubled."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from federation.identity.bundle import Bundle
from federation.identity.enrolment import Applicant, enrol
from federation.identity.key import NodeKey
from federation.identity.member import Member
from federation.testing.played_appliance import PlayedAppliance, made_event, played_appliance
from federation.testing.waiting import NeverHappened, until
from hub.config import HubConfig

FENGSUI = str(Path(sys.executable).with_name("fengsui"))
ROUNDS = 2
BATCHES_BEFORE_THE_KILL = 3
ROWS = 10

pytestmark = pytest.mark.system


@asynccontextmanager
async def hub_process(config: HubConfig, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the hub as a program of its own, ready to take events; it is killed without warning at the end."""
    told, toml = config.sockets / "hub.json", folder / "hub.toml"
    text = f'data_folder = "{config.data_folder}"\n[http]\nport = 0\n[discovery]\nenabled = false\n'
    await asyncio.to_thread(toml.write_text, text)
    await asyncio.to_thread(told.unlink, missing_ok=True)
    environment = {**os.environ, "FENGSUI_DATABASE_URL": config.database_url}  # noqa: TID251 - of the child
    process = await asyncio.create_subprocess_exec(
        FENGSUI, "hub", "run", "--config", str(toml), env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until(told.exists, within_s=90, what="the hub serves")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def console(config: HubConfig) -> httpx.AsyncClient:
    over_socket = httpx.AsyncHTTPTransport(uds=str(config.console_socket))
    return httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=60)


async def enrolled(config: HubConfig) -> Member:
    async with console(config) as client:
        draft = {"name": "analysis-1", "profile": "analysis"}
        made = (await client.post("/api/v1/enrolment-bundles", json=draft)).raise_for_status().json()
    key = await asyncio.to_thread(NodeKey.open, config.data_folder.parent / "box.key")
    bundle = Bundle.model_validate(made["bundle"])
    return await enrol(bundle, Applicant(serial="s1", profile="analysis"), key, now=datetime.now(UTC))


async def everything(config: HubConfig) -> list[str]:
    async with console(config) as client:
        answer = await client.get("/api/v1/events", params={"limit": 200})
        page = answer.raise_for_status().json()
        return [row["id"] for row in reversed(page["items"])]


async def greeted(node: PlayedAppliance, following: int) -> int:
    """Say hello until the hub answers, as the real outbox does, and return what is committed."""
    while True:
        node.acks.clear()
        try:
            async with asyncio.timeout(2):
                return (await node.hello(following=following)).upto
        except (TimeoutError, NeverHappened):
            continue


async def test_a_hub_that_is_killed_again_and_again_loses_and_doubles_nothing(
    broker: Any, config: HubConfig, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = []
    async with AsyncExitStack() as stack:
        node: PlayedAppliance | None = None
        for _ in range(ROUNDS):
            async with hub_process(config, tmp_path):
                if node is None:
                    node = await stack.enter_async_context(played_appliance(await enrolled(config)))
                rows += [made_event(node.node_id) for _ in range(ROWS * BATCHES_BEFORE_THE_KILL * 2)]
                upto = await greeted(node, following=len(rows) + 1)
                for _ in range(BATCHES_BEFORE_THE_KILL):
                    node.send(upto + 1, rows[upto : upto + ROWS])
                    upto += ROWS
                await node.answer()
            # killed: what of the rest was committed, and which answers were lost, only the hub's database knows
        assert node is not None
        async with hub_process(config, tmp_path):
            upto = await greeted(node, following=len(rows) + 1)
            # An answer that was lost: everything that is committed is sent once more.
            for first in range(1, upto, ROWS):
                node.send(first, rows[first - 1 : first - 1 + ROWS])
            while upto < len(rows):
                upto = (await node.hand_over(upto + 1, rows[upto : upto + ROWS])).upto

            assert await everything(config) == [row["id"] for row in rows]
