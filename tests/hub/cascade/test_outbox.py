"""The outbox for an upper hub: written with the events, in order, without what the upper hub has seen."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select

from federation.messages import Batch, Event, Hop, Lane, PastEpoch
from federation.testing.played_appliance import made_event
from hub.cascade import outbox
from hub.cascade.follower import CascadeFollower
from hub.cascade.store import CascadeStore
from hub.cascade.tables import cascade_pictures, cascade_upper
from hub.config import HubConfig
from hub.custody.intake import LaneKey, Row
from hub.database import Database
from hub.database.bulk import insert_rows
from hub.database.upgrade import upgrade
from hub.events.recorded import Recorded
from hub.events.rows import NEW_COLUMNS, values_of
from hub.events.tables import events

HERE = Hop(hub_id="here", name="区平台")
DIGEST = "sha256:" + "a" * 64


on_both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite, unless a test asks for PostgreSQL too."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    return str(request.getfixturevalue("postgres").create_database(f"t{abs(hash(str(tmp_path))):x}"))


@pytest.fixture
async def database(config: HubConfig) -> AsyncIterator[Database]:
    """A database with an upper hub that wants everything."""
    opened = await asyncio.to_thread(Database, config.database)
    await upgrade(opened)

    def work(connection: Connection) -> None:
        outbox.prepare(connection)
        values = {
            "hub_id": "above",
            "hub_name": "市平台",
            "joined_at_us": 0,
            "types": [],
            "point_ids": [],
            "incarnation": 0,
        }
        connection.execute(insert(cascade_upper).values(id=1, **values))

    await opened.run(work)
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database) -> CascadeStore:
    return CascadeStore(database, node_id="district-1", here=HERE)


def seen(**more: Any) -> Event:
    return Event.model_validate(made_event("gate-1", **more))


def from_below(*path: str, **more: Any) -> Event:
    """An event that came by these hubs."""
    origin = {"node_id": "box", "epoch": "e0", "sequence": 7, "point_name": "北门", "bureau": "交警"}
    hops = [{"hub_id": hub_id, "name": hub_id} for hub_id in path]
    return Event.model_validate({**made_event("town-1", **more), "origin": origin, "path": hops})


async def record(database: Database, *recorded: Event, mapped: Mapping[str, str] = MappingProxyType({})) -> None:
    """Store events and what hangs on them in one transaction, as the hub does, some with mapped codes."""

    def work(connection: Connection) -> None:
        for number, event in enumerate(recorded, 11):
            row = Row(
                key=LaneKey(node_id=event.source, epoch="e1", lane=Lane.EVENTS),
                sequence=number,
                text=event.model_dump_json(),
            )
            values = values_of(row, event, point_name="东门", bureau="城管", superseded=False, received_at_us=0)
            insert_rows(connection, events, NEW_COLUMNS, [values])
        CascadeFollower().add(
            connection, [Recorded(event=event, mapped_code=mapped.get(event.type)) for event in recorded]
        )

    await database.run(work)


async def rows(store: CascadeStore, lane: Lane = Lane.EVENTS, first: int = 1) -> list[dict[str, Any]]:
    said = await store.next_batch(lane, first, 100)
    return [] if said is None else [json.loads(row) for row in Batch.from_bytes(said.payload).rows]


@on_both_databases
async def test_an_event_goes_up_with_its_origin_under_the_name_of_this_hub(
    database: Database, store: CascadeStore
) -> None:
    event = seen()

    await record(database, event)

    (row,) = await rows(store)
    assert (row["id"], row["source"]) == (event.id, "district-1")
    assert row["origin"] == {
        "node_id": "gate-1",
        "epoch": "e1",
        "sequence": 11,
        "point_name": "东门",
        "bureau": "城管",
    }
    assert row["path"] == [{"hub_id": "here", "name": "区平台"}]
    assert row["data"] == json.loads(event.model_dump_json())["data"]


async def test_what_came_from_below_keeps_its_origin_and_this_hub_joins_the_path(
    database: Database, store: CascadeStore
) -> None:
    await record(database, from_below("village", "town"))

    (row,) = await rows(store)

    assert (row["origin"]["node_id"], row["origin"]["sequence"]) == ("box", 7)
    assert [hop["hub_id"] for hop in row["path"]] == ["village", "town", "here"]


@on_both_databases
async def test_nothing_goes_up_that_the_upper_hub_has_seen_or_that_passed_too_many(
    database: Database, store: CascadeStore
) -> None:
    long = [f"hub-{number}" for number in range(8)]
    fine = from_below(*long[:7])

    await record(database, from_below("above", "town"), from_below(*long), fine)

    assert [row["id"] for row in await rows(store)] == [fine.id]


@pytest.mark.parametrize("wanted", [{"types": ["fire/smoke"]}, {"types": ["05-12"]}, {"point_ids": ["east"]}])
async def test_only_chosen_types_or_points_go_up(
    database: Database, store: CascadeStore, wanted: dict[str, list[str]]
) -> None:
    await database.run(lambda connection: connection.execute(cascade_upper.update().values(**wanted)))
    chosen = seen(type="fire/smoke", point_id="east")

    await record(database, seen(), chosen, mapped={"fire/smoke": "05-12"})

    assert [row["id"] for row in await rows(store)] == [chosen.id]


async def test_without_an_upper_hub_nothing_is_written(database: Database, store: CascadeStore) -> None:
    await database.run(lambda connection: connection.execute(delete(cascade_upper)))

    await record(database, seen(digest=DIGEST))

    assert (await store.state(Lane.EVENTS)).produced == 0
    assert await database.run(lambda connection: connection.execute(select(cascade_pictures)).all()) == []


async def test_an_event_that_is_gone_is_a_tombstone_and_stops_nobody(database: Database, store: CascadeStore) -> None:
    recorded = [seen() for _ in range(4)]
    await record(database, *recorded)
    gone = events.c.id.in_([recorded[0].id, recorded[1].id, recorded[3].id])
    await database.run(lambda connection: connection.execute(delete(events).where(gone)))

    first, second = await store.next_batch(Lane.EVENTS, 1, 100), await store.next_batch(Lane.EVENTS, 3, 100)

    assert first is not None
    assert second is not None
    assert (json.loads(first.payload)["tombstone"]["reason"], first.last) == ("expired", 2)
    assert [json.loads(row)["id"] for row in Batch.from_bytes(second.payload).rows] == [recorded[2].id]
    assert second.last == 3


@on_both_databases
async def test_a_new_epoch_renumbers_what_is_not_acknowledged(database: Database, store: CascadeStore) -> None:
    recorded = [seen() for _ in range(5)]
    await record(database, *recorded)
    state = await store.state(Lane.EVENTS)
    await store.acknowledge(Lane.EVENTS, state.epoch, 2, went_back_to=None)
    await store.acknowledge(Lane.EVENTS, "another", 5, went_back_to=None)

    await store.begin_epoch(Lane.EVENTS, 7)

    after = await store.state(Lane.EVENTS)
    assert after.epoch != state.epoch
    assert after.past == (PastEpoch(epoch=state.epoch, produced=7, acknowledged=7),)
    assert (after.base, after.produced, after.acknowledged) == (1, 3, 0)
    assert [row["id"] for row in await rows(store)] == [event.id for event in recorded[2:]]


@on_both_databases
async def test_an_upper_hub_from_a_backup_is_given_pictures_again(database: Database, store: CascadeStore) -> None:
    await record(database, seen(digest=DIGEST))

    def hand_over(connection: Connection) -> None:
        connection.execute(cascade_pictures.update().values(sent=1))
        outbox.append(connection, Lane.EVIDENCE, [DIGEST])

    await database.run(hand_over)
    state = await store.state(Lane.EVIDENCE)
    assert (await rows(store, Lane.EVIDENCE))[0]["digest"] == DIGEST

    await store.acknowledge(Lane.EVIDENCE, state.epoch, 0, went_back_to=0)

    sent = await database.run(lambda connection: connection.scalar(select(cascade_pictures.c.sent)))
    assert sent == 0


async def test_a_picture_is_forgotten_with_the_row_that_says_it_is_there(
    database: Database, store: CascadeStore
) -> None:
    other = "sha256:" + "b" * 64
    await record(database, seen(digest=DIGEST), seen(digest=other))

    def hand_over(connection: Connection) -> None:
        connection.execute(cascade_pictures.update().where(cascade_pictures.c.digest == DIGEST).values(sent=1))
        outbox.append(connection, Lane.EVIDENCE, [DIGEST])

    await database.run(hand_over)
    await database.run(lambda connection: outbox.forget(connection, Lane.EVIDENCE, 1))

    kept = await database.run(lambda connection: list(connection.scalars(select(cascade_pictures.c.digest))))
    assert kept == [other]


async def test_rows_are_marked_by_what_they_name(database: Database, store: CascadeStore) -> None:
    await record(database, seen(), seen())

    said = await store.next_batch(Lane.EVENTS, 1, 2)

    assert said is not None
    mark = Batch.from_bytes(said.payload).mark
    assert [await store.matches(Lane.EVENTS, number, mark) for number in (1, 2, 3)] == [False, True, False]


async def test_a_row_that_is_gone_is_filled_and_becomes_a_tombstone(database: Database, store: CascadeStore) -> None:
    await record(database, seen(), seen())
    await database.run(lambda connection: outbox.forget(connection, Lane.EVENTS, 1))
    assert await store.next_batch(Lane.EVENTS, 1, 10) is None

    await store.bury_missing(Lane.EVENTS, 1)

    said = await store.next_batch(Lane.EVENTS, 1, 10)
    assert said is not None
    assert json.loads(said.payload)["tombstone"]["last"] == 1


async def test_batches_end_before_they_are_too_large_for_a_message(database: Database, store: CascadeStore) -> None:
    detection = made_event("n")["data"]["detections"][0]
    await record(database, *(seen(detections=(detection,) * 20) for _ in range(100)))

    said = await store.next_batch(Lane.EVENTS, 1, 100)

    assert said is not None
    assert 10 < said.last < 100
    assert len(said.payload) < 80_000
