"""A link to a hub over a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from appliance.store.database import Database
from appliance.store.lane_store import OutboxStore
from federation.messages import Lane, Presence
from federation.testing.broker import Broker
from federation.uplink.link import Link
from tests.appliance.uplink.linking import Linked, Node


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def linked(broker: Broker, node: Node) -> Linked:
    @asynccontextmanager
    async def link_of(database: Database) -> AsyncIterator[Link]:
        presence = Presence(
            node_id="n1",
            incarnation=1,
            online=True,
            profile="analysis",
            software="0",
            started_at=datetime.now(UTC),
        )
        link = Link(
            broker=broker.address("n1"),
            store=OutboxStore(database, "n1"),
            lanes=tuple(Lane),
            presence=presence,
            node=node,
            called=node.calls.append,
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(link.run(), name="link")
            try:
                yield link
            finally:
                running.cancel()

    return link_of
