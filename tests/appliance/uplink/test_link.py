"""The link to the hub over a real broker: nothing is lost, nothing is doubled, whoever dies."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

from appliance.store import outbox
from appliance.store.database import Database
from appliance.store.retention import STEP
from federation.custody.receiver import Gap
from federation.messages import DesiredWork, Lane
from federation.testing.broker import Broker
from federation.testing.played_hub import PlayedHub, arrived, played_hub
from federation.testing.waiting import until
from tests.appliance.uplink.linking import Events, Linked, Node

EVENTS = Lane.EVENTS


@asynccontextmanager
async def _hub(broker: Broker, folder: Path) -> AsyncIterator[PlayedHub]:
    async with played_hub(broker.address("hub"), folder / "hub.db") as hub:
        yield hub


async def _is_acknowledged(database: Database, upto: int) -> None:
    async def acknowledged() -> bool:
        state = await database.read(lambda db: outbox.state_of(db, EVENTS))
        return state.acknowledged == upto

    await until(acknowledged, within_s=60, what=f"row {upto} is acknowledged")


async def test_events_arrive_once_and_in_order_and_the_box_knows_it(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    await recorder.record(250)
    async with _hub(broker, tmp_path) as hub, linked(database) as link:
        link.lanes[EVENTS].produced(await recorder.record(30))

        assert await arrived(hub, 280) == recorder.ids
        assert hub.sources == {"n1"}
        await _is_acknowledged(database, 280)


async def test_a_broker_that_is_killed_again_and_again_loses_and_doubles_nothing(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    async with _hub(broker, tmp_path) as hub, linked(database) as link:
        for _ in range(3):
            link.lanes[EVENTS].produced(await recorder.record(120))
            await asyncio.to_thread(broker.restart)
            link.lanes[EVENTS].produced(await recorder.record(40))

        assert await arrived(hub, 480, within_s=90) == recorder.ids


async def test_hub_and_broker_that_die_together_lose_and_double_nothing(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    async with linked(database) as link:
        for _ in range(2):
            async with _hub(broker, tmp_path) as hub:
                link.lanes[EVENTS].produced(await recorder.record(150))
                await arrived(hub, 1)
                await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
        async with _hub(broker, tmp_path) as hub:
            link.lanes[EVENTS].produced(await recorder.record(10))

            assert await arrived(hub, 310, within_s=90) == recorder.ids


async def test_an_appliance_that_starts_again_goes_on_where_it_was(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    async with _hub(broker, tmp_path) as hub:
        async with linked(database) as link:
            link.lanes[EVENTS].produced(await recorder.record(60))
            await arrived(hub, 1)
        await recorder.record(60)
        async with linked(database):
            assert await arrived(hub, 120) == recorder.ids


async def test_a_hub_that_comes_back_is_greeted_as_soon_as_it_speaks(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    async with _hub(broker, tmp_path) as hub, linked(database) as link:
        hub.mute = True
        link.lanes[EVENTS].produced(await recorder.record(5))
        lane = link.lanes[EVENTS]
        await until(lambda: lane.sender.silences >= 2, within_s=60, what="the hub was silent twice")
        hub.mute = False
        hub.run_id = "started anew"
        hub.speak("n1")

        assert await arrived(hub, 5, within_s=6) == recorder.ids  # the next hello by itself is 8 s away


async def test_a_hub_restored_from_a_backup_gets_again_what_it_forgot(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    async with linked(database) as link:
        async with _hub(broker, tmp_path) as hub:
            link.lanes[EVENTS].produced(await recorder.record(20))
            await arrived(hub, 20)
            hub.forget_after(8)
        await asyncio.to_thread(broker.restart)
        async with _hub(broker, tmp_path) as hub:
            assert await arrived(hub, 20) == recorder.ids


async def test_an_appliance_restored_from_a_backup_begins_a_new_epoch_and_loses_nothing_new(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    copy = tmp_path / "backup.db"
    async with _hub(broker, tmp_path) as hub:
        async with linked(database) as link:
            link.lanes[EVENTS].produced(await recorder.record(10))
            await arrived(hub, 10)
            await _is_acknowledged(database, 10)
            await asyncio.to_thread(_copy, tmp_path / "appliance.db", copy)
            link.lanes[EVENTS].produced(await recorder.record(30))
            await arrived(hub, 40)
        shutil.copy(copy, tmp_path / "restored.db")
        async with Database(tmp_path / "restored.db") as restored:
            recorder_of = type(recorder)
            later = recorder_of(restored, recorder._make)  # type: ignore[call-arg,attr-defined]
            await later.record(3)
            async with linked(restored):
                assert (await arrived(hub, 43))[40:] == later.ids


async def test_presence_is_told_and_taken_back_at_the_end(
    broker: Broker, tmp_path: Path, database: Database, linked: Linked
) -> None:
    async with _hub(broker, tmp_path) as hub:
        async with linked(database):
            await until(lambda: hub.presences, within_s=60, what="the node is online")
        await until(lambda: len(hub.presences) > 1, within_s=60, what="the node said goodbye")

        assert [presence.online for presence in hub.presences] == [True, False]


async def test_documents_come_in_and_reported_state_goes_out(
    broker: Broker, tmp_path: Path, database: Database, linked: Linked, node: Node
) -> None:
    async with _hub(broker, tmp_path) as hub:
        hub.want(DesiredWork(node_id="n1", hub_epoch=1, version=4, issued_at=datetime.now(UTC)))
        async with linked(database):
            await until(lambda: node.documents, within_s=60, what="the retained document arrived")
            await until(lambda: hub.reports, within_s=60, what="the state was reported")

        assert node.documents[0][0] == "work"


async def test_a_restored_appliance_that_has_given_numbers_twice_begins_a_new_epoch_and_loses_nothing_new(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    copy = tmp_path / "backup.db"
    await recorder.record(10)
    await asyncio.to_thread(_copy, tmp_path / "appliance.db", copy)
    async with _hub(broker, tmp_path) as hub:
        async with linked(database) as link:
            link.lanes[EVENTS].produced(await recorder.record(30))
            await arrived(hub, 40)
        async with Database(copy) as restored:
            later = type(recorder)(restored, recorder._make)  # type: ignore[call-arg,attr-defined]
            await later.record(50)  # the hub has other rows by the first thirty of these numbers
            async with linked(restored):
                found = await arrived(hub, 90 + 10)

        assert set(later.ids) <= set(found)
        assert [event_id for event_id in found if event_id in set(later.ids)] == later.ids


async def test_what_was_given_up_is_a_gap_that_says_why_and_the_rest_arrives(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    await recorder.record(5)
    await database.run(lambda db: outbox.give_up(db, EVENTS, count=7, reason="overflow", at_us=1))
    await recorder.record(STEP + 30)
    await database.run(lambda db: outbox.drop(db, EVENTS, count=2, reason="quota", at_us=1))

    async with _hub(broker, tmp_path) as hub, linked(database) as link:
        link.lanes[EVENTS].produced(5 + 7 + STEP + 30)

        assert await arrived(hub, 3 + STEP + 30) == recorder.ids[2:]
        assert hub.gaps == [Gap(first=1, last=2, reason="quota"), Gap(first=6, last=12, reason="overflow")]
        await _is_acknowledged(database, 5 + 7 + STEP + 30)


async def test_rows_that_are_gone_for_no_reason_are_a_gap_too(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked
) -> None:
    await recorder.record(20)
    await database.run(lambda db: db.execute("DELETE FROM outbox WHERE sequence <= 3 OR sequence IN (8, 9)"))

    async with _hub(broker, tmp_path) as hub, linked(database) as link:
        link.lanes[EVENTS].produced(20)

        assert await arrived(hub, 15) == [*recorder.ids[3:7], *recorder.ids[9:]]
        assert hub.gaps == [Gap(first=1, last=3), Gap(first=8, last=9)]


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as db, closing(sqlite3.connect(target)) as copy:
        db.backup(copy)
