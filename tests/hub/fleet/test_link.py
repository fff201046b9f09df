"""Nodes, hub and broker as they are: a real Mosquitto run by the hub's own command."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from federation import topics
from federation.bus import BrokerAddress, Connected, Disconnected, Session, Will
from federation.identity.member import Member
from federation.messages import Presence, ReportedState
from federation.testing.waiting import until
from hub.config import HubConfig
from tests.hub.conftest import ON_SQLITE, serving


class FakeNode:
    """A node's end of the link; what becomes of it is kept in `connects` and `lost`."""

    def __init__(self, joined: Member) -> None:
        self.id = joined.identity.node_id
        self.connects = 0
        self.lost: list[str] = []
        self.session: Session | None = None

    def presence(self, *, online: bool = True, incarnation: int = 1) -> Presence:
        return Presence(
            node_id=self.id,
            incarnation=incarnation,
            online=online,
            profile="analysis",
            software="0.1",
            started_at=datetime.now(UTC),
        )

    def say(self, *, online: bool = True, incarnation: int = 1) -> None:
        assert self.session is not None
        told = self.presence(online=online, incarnation=incarnation)
        self.session.publish(topics.presence(self.id), told.to_bytes(), retain=True)

    def report(self, **more: Any) -> None:
        assert self.session is not None
        reported = ReportedState(node_id=self.id, reported_at=datetime.now(UTC), **more)
        self.session.publish(topics.reported(self.id), reported.to_bytes(), retain=True)

    async def listen(self) -> None:
        assert self.session is not None
        while True:
            item = await self.session.next()
            if isinstance(item, Connected):
                self.connects += 1
            elif isinstance(item, Disconnected):
                self.lost.append(item.reason)


@asynccontextmanager
async def node_of(joined: Member) -> AsyncIterator[FakeNode]:
    node = FakeNode(joined)
    tls = await asyncio.to_thread(joined.tls)
    address = BrokerAddress(endpoints=joined.identity.brokers, tls=tls)
    will = Will(topic=topics.presence(node.id), payload=node.presence(online=False).to_bytes())
    session = Session(address, client_id=node.id, subscriptions=(topics.all_desired(node.id),), will=will)
    async with session, asyncio.TaskGroup() as group:
        node.session = session
        listening = group.create_task(node.listen())
        await until(lambda: node.connects, within_s=60, what=f"{node.id} is connected")
        yield node
        listening.cancel()


async def state_of(hub: Any, node_id: str) -> str:
    return str((await hub.console.get(f"/api/v1/nodes/{node_id}")).json()["state"])


async def is_in_state(hub: Any, node_id: str, state: str) -> None:
    async def holds() -> bool:
        return await state_of(hub, node_id) == state

    await until(holds, within_s=90, what=f"{node_id} is {state}")


async def test_a_node_is_online_once_it_says_so_and_unknown_after_its_will(linked_hub: Any) -> None:
    joined = await linked_hub.enrol()
    async with node_of(joined) as node:
        node.say()
        await is_in_state(linked_hub, node.id, "online")

        # A connection that ends without goodbye: the broker speaks the will.
        assert node.session is not None
        connection: Any = node.session._wire._transport
        connection.abort()

        await is_in_state(linked_hub, node.id, "unknown")


@ON_SQLITE
async def test_a_will_of_an_earlier_connection_says_nothing(linked_hub: Any) -> None:
    async with node_of(await linked_hub.enrol()) as node:
        node.say(incarnation=2)
        await is_in_state(linked_hub, node.id, "online")

        node.say(online=False, incarnation=1)
        node.report(restarts=3)

        async def reported() -> bool:
            return bool((await linked_hub.console.get(f"/api/v1/nodes/{node.id}")).json()["restarts"] == 3)

        await until(reported, within_s=60, what="the report after the stale will has arrived")
        assert await state_of(linked_hub, node.id) == "online"


@ON_SQLITE
async def test_a_node_that_says_nothing_for_long_is_not_online(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    impatient = config.model_copy(update={"fleet": config.fleet.model_copy(update={"silence_s": 0.5})})
    async with serving(impatient) as hub:
        await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="linked")
        async with node_of(await hub.enrol()) as node:

            async def is_heard() -> bool:
                node.report()
                return await state_of(hub, node.id) == "online"

            await until(is_heard, within_s=90, what="a node that speaks is online")

            await is_in_state(hub, node.id, "unknown")


async def test_a_removed_node_is_cut_off_at_once_and_the_others_notice_nothing(linked_hub: Any) -> None:
    async with node_of(await linked_hub.enrol("stays")) as stays, node_of(await linked_hub.enrol("goes")) as goes:
        await linked_hub.console.delete("/api/v1/nodes/goes")

        await until(lambda: len(goes.lost) >= 2, within_s=60, what="the removed node is cut off and refused")
        async with node_of(await linked_hub.enrol("comes")):
            pass

        assert (stays.connects, stays.lost) == (1, [])


@ON_SQLITE
async def test_a_node_can_neither_speak_for_another_nor_hear_it(linked_hub: Any) -> None:
    mallory, victim = await linked_hub.enrol("mallory"), await linked_hub.enrol("victim")
    async with node_of(mallory) as node:
        assert node.session is not None
        false = FakeNode(victim).presence().to_bytes()
        node.session.publish(topics.presence("victim"), false, retain=True)
        node.session.publish(topics.presence("mallory"), false, retain=True)
        node.say()
        await is_in_state(linked_hub, "mallory", "online")

        assert await state_of(linked_hub, "victim") == "awaited"
        assert linked_hub.hub.foundation.link.reasons == {"other_node": 1}


@pytest.mark.parametrize("payload", [b"\xff\x00", b"{}", b'{"node_id": "analysis-1\\u0000"}', b"[" * 5000])
@ON_SQLITE
async def test_a_malformed_message_is_counted_and_harms_nobody(linked_hub: Any, payload: bytes) -> None:
    async with node_of(await linked_hub.enrol()) as node:
        assert node.session is not None
        node.session.publish(topics.reported(node.id), payload)
        node.say()

        await is_in_state(linked_hub, node.id, "online")
        link = linked_hub.hub.foundation.link
        assert (link.malformed, link.reasons) == (1, {"nul" if b"u0000" in payload else "unreadable": 1})
        figures = (await linked_hub.console.get("/metrics")).text
        assert "fengsui_hub_messages_refused_total{reason=" in figures


@ON_SQLITE
async def test_who_sends_more_than_a_message_may_have_is_cut_off_and_nobody_else(linked_hub: Any) -> None:
    async with node_of(await linked_hub.enrol("well")) as well, node_of(await linked_hub.enrol("large")) as large:
        assert large.session is not None
        link = linked_hub.hub.foundation.link
        large.session.publish(topics.reported("large"), bytes(linked_hub.config.broker.max_message_bytes + 1))

        await until(lambda: large.lost, within_s=60, what="the broker ends the session of who sends too much")
        well.say()
        await is_in_state(linked_hub, "well", "online")
        assert (well.connects, well.lost, link.connected, link.dropped) == (1, [], True, 0)
