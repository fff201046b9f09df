"""Nodes, hub and broker as they are: a real Mosquitto run by the hub's own command."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from federation import topics
from federation.bus import BrokerAddress, Connected, Disconnected, Session, Will
from federation.messages import CameraSpec, DesiredState, Presence, ReportedState
from federation.testing.waiting import until
from hub.config import HubConfig
from tests.hub.conftest import running_broker, serving

BY_HAND = frozenset({"scheduling"})  # these tests say themselves what is wanted


class FakeNode:
    """A node's end of the link; what arrives is kept in `desired`, `connects` and `lost`."""

    def __init__(self, joined: dict[str, Any]) -> None:
        self.id: str = joined["node_id"]
        self.joined = joined
        self.desired: list[DesiredState] = []
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
            elif item.payload:
                self.desired.append(DesiredState.model_validate_json(item.payload))


@asynccontextmanager
async def node_of(joined: dict[str, Any]) -> AsyncIterator[FakeNode]:
    node = FakeNode(joined)
    address = BrokerAddress(
        host=joined["mqtt_host"],
        port=joined["mqtt_port"],
        username=joined["mqtt_username"],
        password=joined["mqtt_password"],
    )
    will = Will(topic=topics.presence(node.id), payload=node.presence(online=False).to_bytes())
    session = Session(address, client_id=f"{node.id}-test", subscriptions=(topics.desired(node.id),), will=will)
    async with session, asyncio.TaskGroup() as group:
        node.session = session
        listening = group.create_task(node.listen())
        await until(lambda: node.connects, within_s=10, what=f"{node.id} is connected")
        yield node
        listening.cancel()


async def state_of(hub: Any, node_id: str) -> str:
    return str((await hub.console.get(f"/api/v1/nodes/{node_id}")).json()["state"])


async def is_in_state(hub: Any, node_id: str, state: str) -> None:
    async def holds() -> bool:
        return await state_of(hub, node_id) == state

    await until(holds, within_s=10, what=f"{node_id} is {state}")


def camera(point_id: str = "gate") -> CameraSpec:
    return CameraSpec(point_id=point_id, name="大门", url="rtsp://10.0.0.1/1")


async def want(hub: Any, node_id: str, *cameras: CameraSpec) -> int:
    return int(await hub.hub.foundation.desired.set(node_id, cameras=cameras, packages=(), tasks=()))


async def test_a_node_is_online_once_it_says_so_and_offline_by_its_will(linked_hub: Any) -> None:
    joined = await linked_hub.enrol()
    async with node_of(joined) as node:
        node.say()
        await is_in_state(linked_hub, node.id, "online")

        # A connection that ends without goodbye: the broker speaks the will.
        assert node.session is not None
        connection: Any = node.session._client.socket()
        connection.shutdown(2)

        await is_in_state(linked_hub, node.id, "offline")


async def test_a_will_of_an_earlier_connection_says_nothing(linked_hub: Any) -> None:
    async with node_of(await linked_hub.enrol()) as node:
        node.say(incarnation=2)
        await is_in_state(linked_hub, node.id, "online")

        node.say(online=False, incarnation=1)
        node.report(restarts=3)

        async def reported() -> bool:
            return bool((await linked_hub.console.get(f"/api/v1/nodes/{node.id}")).json()["restarts"] == 3)

        await until(reported, within_s=10, what="the report after the stale will has arrived")
        assert await state_of(linked_hub, node.id) == "online"


async def test_a_node_that_says_nothing_for_long_is_offline(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    impatient = config.model_copy(update={"fleet": config.fleet.model_copy(update={"silence_s": 0.5})})
    async with serving(impatient) as hub:
        await until(lambda: hub.hub.foundation.link.connected, within_s=15, what="linked")
        async with node_of(await hub.enrol()) as node:
            node.report()
            await is_in_state(hub, node.id, "online")

            await is_in_state(hub, node.id, "offline")


async def test_what_is_wanted_reaches_the_node_and_only_a_change_makes_a_version(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config, idle=BY_HAND) as hub, node_of(await hub.enrol()) as node:
        await until(lambda: hub.hub.foundation.link.connected, within_s=15, what="linked")
        versions = [await want(hub, node.id, camera()) for _ in range(2)]
        versions.append(await want(hub, node.id, camera("yard")))
        await until(lambda: len(node.desired) >= 2, within_s=10, what="both documents arrive")

        assert versions == [1, 1, 2]
        assert [document.version for document in node.desired] == [1, 2]
        assert node.desired[-1].cameras[0].point_id == "yard"


async def test_after_the_broker_lost_everything_the_hub_tells_it_all_again(tmp_path: Path, config: HubConfig) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        async with running_broker(config, tmp_path) as first:
            await until(lambda: hub.hub.foundation.link.connected, within_s=15, what="linked")
            joined = await hub.enrol()
            await want(hub, joined["node_id"], camera())
            first.kill()
        async with running_broker(config, tmp_path):
            await until(lambda: hub.hub.foundation.link.connected, within_s=15, what="linked again")
            async with node_of(joined) as node:
                await until(lambda: node.desired, within_s=10, what="the wanted document is there again")

                assert (node.desired[-1].version, len(node.desired[-1].cameras)) == (1, 1)


async def test_what_is_wanted_outlives_a_restart_of_the_hub_and_keeps_its_version(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        joined = await hub.enrol()
        await want(hub, joined["node_id"], camera())
        epoch = hub.hub.foundation.desired._epoch
    async with serving(config, idle=BY_HAND) as hub:
        assert await want(hub, joined["node_id"], camera()) == 1
        assert hub.hub.foundation.desired._epoch == epoch
        async with node_of(joined) as node:
            await until(lambda: node.desired, within_s=15, what="the document of before the restart arrives")


@pytest.mark.parametrize("ahead", [{"version": 5}, {"epoch": 3}, {"issued_at": datetime(2026, 1, 1, tzinfo=UTC)}])
async def test_a_hub_restored_from_a_backup_begins_an_epoch_that_its_nodes_obey(
    broker: "subprocess.Popen[bytes]", config: HubConfig, ahead: dict[str, Any]
) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        await until(lambda: hub.hub.foundation.link.connected, within_s=15, what="linked")
        async with node_of(await hub.enrol()) as node:
            await want(hub, node.id, camera())
            await until(lambda: node.desired, within_s=15, what="the first document")
            first = node.desired[-1]

            # What it has applied came after the backup was made: the hub knows nothing of it.
            node.report(
                desired_epoch=first.hub_epoch + ahead.get("epoch", 0),
                desired_version=ahead.get("version", first.version),
                desired_issued_at=ahead.get("issued_at", first.issued_at),
            )

            await until(lambda: node.desired[-1].hub_epoch > first.hub_epoch, within_s=15, what="a new epoch")
            newest = node.desired[-1]
            assert newest.order > (first.hub_epoch + ahead.get("epoch", 0), ahead.get("version", first.version))
            assert newest.cameras == first.cameras
    async with serving(config, idle=BY_HAND) as hub:
        assert hub.hub.foundation.desired._epoch == newest.hub_epoch


@pytest.mark.parametrize("epoch", [0, 20_000])
async def test_a_node_that_has_applied_less_or_talks_nonsense_begins_no_epoch(linked_hub: Any, epoch: int) -> None:
    async with node_of(await linked_hub.enrol()) as node:
        await want(linked_hub, node.id, camera())
        await until(lambda: node.desired, within_s=15, what="the first document")
        first = node.desired[-1]

        node.report(desired_epoch=epoch and first.hub_epoch + epoch, desired_version=9, restarts=3)

        async def reported() -> bool:
            return bool((await linked_hub.console.get(f"/api/v1/nodes/{node.id}")).json()["restarts"] == 3)

        await until(reported, within_s=10, what="the report has arrived")
        assert linked_hub.hub.foundation.desired._epoch == first.hub_epoch


async def test_a_removed_node_is_cut_off_at_once_and_the_others_notice_nothing(linked_hub: Any) -> None:
    async with node_of(await linked_hub.enrol("stays")) as stays, node_of(await linked_hub.enrol("goes")) as goes:
        await linked_hub.console.delete("/api/v1/nodes/goes")

        await until(lambda: len(goes.lost) >= 2, within_s=10, what="the removed node is cut off and refused")
        async with node_of(await linked_hub.enrol("comes")):
            pass

        assert (stays.connects, stays.lost) == (1, [])


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
        assert linked_hub.hub.foundation.link.malformed == 1


@pytest.mark.parametrize("payload", [b"\xff\x00", b"{}", b'{"node_id": "analysis-1\\u0000"}', b"[" * 5000])
async def test_a_malformed_message_is_counted_and_harms_nobody(linked_hub: Any, payload: bytes) -> None:
    async with node_of(await linked_hub.enrol()) as node:
        assert node.session is not None
        node.session.publish(topics.reported(node.id), payload)
        node.say()

        await is_in_state(linked_hub, node.id, "online")
        assert linked_hub.hub.foundation.link.malformed == 1
