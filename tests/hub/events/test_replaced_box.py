"""A box whose database was replaced, and a hub that was restored from a backup of before: what is lost is a gap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, update

from appliance.store import events, outbox
from appliance.store.database import Database
from appliance.store.lane_memory import LaneMemory
from appliance.store.lane_store import OutboxStore
from federation.bus import BrokerAddress
from federation.identity.member import Member
from federation.messages import Event, Lane, Presence
from federation.testing.played_appliance import made_event
from federation.testing.waiting import until
from federation.uplink.link import Link
from hub.custody.tables import custody_cursors
from hub.events.tables import events as hub_events
from tests.appliance.uplink.linking import Node


@asynccontextmanager
async def box(folder: Path, name: str) -> AsyncIterator[Database]:
    """The database of a box, and what the box remembers beside it."""
    async with Database(folder / name) as database:
        memory = LaneMemory(folder / "lanes.json", database)
        await memory.recall()
        yield database
        await memory.keep(closed=True)


async def record(database: Database, member: Member, count: int) -> list[str]:
    made = [Event.model_validate(made_event(member.identity.node_id)) for _ in range(count)]
    now = datetime.now(UTC)
    await database.run(lambda db: [events.record(db, event, now) for event in made])
    return [event.id for event in made]


async def hand_over(database: Database, member: Member) -> None:
    """Hand everything over, and come back when the hub has acknowledged it."""
    node_id = member.identity.node_id
    link = Link(
        broker=BrokerAddress(endpoints=member.identity.brokers, tls=member.tls()),
        store=OutboxStore(database, node_id),
        lanes=tuple(Lane),
        presence=Presence(
            node_id=node_id, incarnation=1, online=True, profile="analysis", software="0", started_at=datetime.now(UTC)
        ),
        node=Node(),
        called=lambda _call: None,
    )

    async def is_done() -> bool:
        state = await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))
        return link.lanes[Lane.EVENTS].sender.greeted and state.acknowledged == state.produced

    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run())
        await until(is_done, within_s=30, what="everything is acknowledged")
        running.cancel()


async def restore(hub: Any, kept: list[str]) -> None:
    """Become the hub of a backup that was made when it had the events `kept` alone."""

    def work(connection: Connection) -> None:
        connection.execute(delete(hub_events).where(hub_events.c.id.not_in(kept)))
        lane = custody_cursors.c.lane == Lane.EVENTS.value
        connection.execute(update(custody_cursors).where(lane).values(upto=len(kept), mark=""))

    await hub.hub.foundation.database.run(work)


async def gaps(hub: Any) -> list[tuple[Any, ...]]:
    found = (await hub.console.get("/api/v1/gaps")).raise_for_status().json()["items"]
    return sorted((gap["lane"], gap["first"], gap["last"], gap["reason"]) for gap in found)


async def test_what_a_replaced_database_took_with_it_is_a_gap_also_at_a_restored_hub(
    linked_hub: Any, tmp_path: Path
) -> None:
    member = await linked_hub.enrol()
    async with box(tmp_path, "first.db") as database:
        [kept, _] = await record(database, member, 2)
        await hand_over(database, member)
        await record(database, member, 3)  # which nobody hands over
    await restore(linked_hub, [kept])

    async with box(tmp_path, "second.db") as database:
        fresh = await record(database, member, 1)
        await hand_over(database, member)

    assert await gaps(linked_hub) == [("events", 2, 2, "expired"), ("events", 3, 5, "replaced")]
    listed = (await linked_hub.console.get("/api/v1/events")).json()["items"]
    assert {event["id"] for event in listed} == {kept, *fresh}
