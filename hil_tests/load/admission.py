"""How simulated appliances join: by bundles, as real ones do, each with a key and a certificate of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx

from federation.identity.bundle import Bundle
from federation.identity.enrolment import Applicant, enrol
from federation.identity.key import NodeKey
from hil_tests.chaos.box import PROFILE
from hil_tests.chaos.hub_side import HubSide
from hil_tests.load.simulated import Member

ADMITS_ALL = "[fleet]\nenrolments_per_minute = 1e6\n"
AT_ONCE = 8


async def admitted(hub_side: HubSide, count: int, keys: Path) -> list[Member]:
    """Let so many appliances join; their keys lie in the folder `keys`."""
    await asyncio.to_thread(keys.mkdir)
    turns = asyncio.Semaphore(AT_ONCE)
    over_socket = httpx.AsyncHTTPTransport(uds=str(hub_side.console))
    async with httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=60) as client:

        async def one(number: int) -> Member:
            async with turns:
                return await _joined(hub_side, client, f"s-{number}", keys)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number)) for number in range(1, count + 1)]
    return [task.result() for task in tasks]


async def _joined(hub_side: HubSide, client: httpx.AsyncClient, name: str, keys: Path) -> Member:
    made = await client.post("/api/v1/enrolment-bundles", json={"name": name, "profile": PROFILE})
    bundle = Bundle.model_validate(made.raise_for_status().json()["bundle"])
    key = await asyncio.to_thread(NodeKey.open, keys / f"{name}.pem")
    applicant = Applicant(serial=name, profile=PROFILE, software="load")
    joined = await enrol(bundle, applicant, key, now=datetime.now(UTC))
    broker, *_ = hub_side.broker.at
    return Member(identity=joined.identity, key_file=str(key.path), broker_host=broker.host, broker_port=broker.port)
