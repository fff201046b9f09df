"""The box's own record: one transaction for event, evidence and outbox row."""

import json
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.store import epochs, events, evidence, outbox
from appliance.store.database import Database
from federation.messages import Event, Lane, new_id
from tests.appliance.conftest import MakeEvent, Recorder

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW_US = 1_790_000_000_000_000
DIGEST = "sha256:" + "a" * 64


async def record(database: Database, event: Event, at: datetime = NOW) -> int | None:
    return await database.run(lambda db: events.record(db, event, at))


async def test_an_event_gets_the_next_number_and_its_repeat_none(database: Database, an_event: MakeEvent) -> None:
    event = an_event(digests=(DIGEST,))

    assert [await record(database, event), await record(database, event)] == [1, None]
    assert await record(database, an_event()) == 2

    lane = await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))
    assert (lane.base, lane.produced, lane.acknowledged) == (1, 2, 0)
    assert await database.read(evidence.backlog) == 1


async def test_what_fails_half_way_leaves_no_trace(database: Database, an_event: MakeEvent) -> None:
    def fail(db: sqlite3.Connection) -> None:
        events.record(db, an_event(digests=(DIGEST,)), NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(fail)

    assert await database.read(lambda db: events.newest(db, events.EventFilter(), before=None, limit=9)) == []
    assert await database.read(evidence.backlog) == 0
    assert await record(database, an_event()) == 1


async def test_rows_are_consecutive_and_fit_in_a_message(database: Database, recorder: Recorder) -> None:
    await recorder.record(700)

    rows = await database.read(lambda db: outbox.rows(db, Lane.EVENTS, 11, 500))

    assert [json.loads(row)["id"] for row in rows] == recorder.ids[10 : 10 + len(rows)]
    assert 1 < len(rows) < 500  # it is the size that ends a batch here
    assert await database.read(lambda db: outbox.rows(db, Lane.EVENTS, 701, 500)) == []


async def test_an_acknowledgement_of_another_epoch_changes_nothing(database: Database, recorder: Recorder) -> None:
    await recorder.record(3)
    epoch = (await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))).epoch

    await database.run(lambda db: outbox.acknowledge(db, Lane.EVENTS, "another", 3))
    assert (await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))).acknowledged == 0
    await database.run(lambda db: outbox.acknowledge(db, Lane.EVENTS, epoch, 2))
    assert (await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))).acknowledged == 2


async def test_a_new_epoch_renumbers_only_what_the_hub_has_not(database: Database, recorder: Recorder) -> None:
    await recorder.record(5)
    epoch = (await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))).epoch
    await database.run(lambda db: outbox.acknowledge(db, Lane.EVENTS, epoch, 3))

    await database.run(lambda db: epochs.begin(db, Lane.EVENTS, new_id(), 7))

    lane = await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))
    rows = await database.read(lambda db: outbox.rows(db, Lane.EVENTS, 1, 10))
    assert (lane.base, lane.produced, lane.acknowledged) == (1, 2, 0)
    assert [json.loads(row)["id"] for row in rows] == recorder.ids[3:]


async def test_lists_page_backwards_and_say_what_was_sent(database: Database, recorder: Recorder) -> None:
    await recorder.record(4)
    epoch = (await database.read(lambda db: outbox.state_of(db, Lane.EVENTS))).epoch
    await database.run(lambda db: outbox.acknowledge(db, Lane.EVENTS, epoch, 1))

    first = await database.read(lambda db: events.newest(db, events.EventFilter(), before=None, limit=3))
    rest = await database.read(lambda db: events.newest(db, events.EventFilter(), before=first[-1].number, limit=3))

    assert [item.body["id"] for item in (*first, *rest)] == recorder.ids[::-1]
    assert [item.sent for item in (*first, *rest)] == [False, False, False, True]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (events.EventFilter(type="intrusion/object"), 1),
        (events.EventFilter(type="none"), 0),
        (events.EventFilter(point_id="p2"), 1),
        (events.EventFilter(task_id="t1"), 2),
        (events.EventFilter(until=NOW - timedelta(days=9999)), 0),
        (events.EventFilter(since=NOW - timedelta(days=9999)), 2),
    ],
)
async def test_a_list_is_filtered(
    database: Database, an_event: MakeEvent, wanted: events.EventFilter, count: int
) -> None:
    await record(database, an_event())
    await record(database, an_event(type="smoke/smoke", point_id="p2"))

    found = await database.read(lambda db: events.newest(db, wanted, before=None, limit=9))

    assert len(found) == count


async def test_what_returned_is_there_after_the_file_is_opened_again(tmp_path: Path, an_event: MakeEvent) -> None:
    path = tmp_path / "box" / "appliance.db"
    event = an_event(digests=(DIGEST,))
    async with Database(path) as database:
        await record(database, event)
    async with Database(path) as database:
        found = await database.read(lambda db: events.find(db, event.id))

    assert found is not None
    assert found.pictures == ((DIGEST, "waiting"),)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_pictures_wait_their_turn_and_the_newest_goes_first(database: Database, an_event: MakeEvent) -> None:
    digests = [f"sha256:{number:064x}" for number in range(3)]
    for age, digest in enumerate(digests):
        await record(database, an_event(digests=(digest,)), NOW - timedelta(seconds=age))

    await database.run(lambda db: evidence.postpone(db, digests[0], NOW + timedelta(seconds=30)))
    await database.run(lambda db: evidence.handed_over(db, digests[1]))

    assert await database.read(lambda db: evidence.due(db, now=NOW, limit=9)) == [digests[2]]
    later = NOW + timedelta(seconds=30)
    assert await database.read(lambda db: evidence.due(db, now=later, limit=9)) == [digests[0], digests[2]]
    assert await database.read(evidence.backlog) == 2


async def test_a_hub_that_stands_further_back_gets_the_pictures_behind_that_place_again(
    database: Database, an_event: MakeEvent
) -> None:
    digests = [f"sha256:{number:064x}" for number in range(4)]
    for digest in digests:
        await record(database, an_event(digests=(digest,)))
        await database.run(lambda db, digest=digest: evidence.handed_over(db, digest))  # type: ignore[misc]
    assert await database.read(evidence.backlog) == 0

    await database.run(lambda db: evidence.send_again_behind(db, 1, NOW_US))

    assert sorted(await database.read(lambda db: evidence.due(db, now=NOW, limit=9))) == digests[1:]
    rows = await database.read(lambda db: outbox.rows(db, Lane.EVIDENCE, 2, 9))
    assert [json.loads(row)["digest"] for row in rows] == digests[1:]


async def test_a_hub_that_stands_further_back_learns_which_pictures_are_no_longer_here(
    database: Database, an_event: MakeEvent
) -> None:
    digests = [f"sha256:{number:064x}" for number in range(6)]
    for digest in digests:
        await record(database, an_event(digests=(digest,)))
        await database.run(lambda db, digest=digest: evidence.handed_over(db, digest))  # type: ignore[misc]
    epoch = (await database.read(lambda db: outbox.state_of(db, Lane.EVIDENCE))).epoch
    await database.run(lambda db: outbox.acknowledge(db, Lane.EVIDENCE, epoch, 5))
    await database.run(
        lambda db: db.execute("UPDATE pictures SET state = 'dropped' WHERE digest != ?", (digests[2],)).rowcount
    )
    await database.run(lambda db: db.execute("DELETE FROM evidence WHERE digest = ?", (digests[4],)).rowcount)
    await database.run(lambda db: db.execute("DELETE FROM pictures WHERE digest = ?", (digests[4],)).rowcount)

    await database.run(lambda db: evidence.send_again_behind(db, 1, NOW_US))

    graves = [
        await database.read(lambda db, at=at: outbox.grave_at(db, Lane.EVIDENCE, at))  # type: ignore[misc]
        for at in range(1, 7)
    ]
    assert [grave and grave.reason for grave in graves] == [None, "cleared", None, "cleared", "expired", None]
    assert await database.read(lambda db: evidence.due(db, now=NOW, limit=9)) == [digests[2]]


async def test_a_picture_that_is_lost_is_a_tombstone_of_its_lane(database: Database, an_event: MakeEvent) -> None:
    await record(database, an_event(digests=(DIGEST,)))

    await database.run(lambda db: evidence.lost(db, DIGEST, NOW))

    lane = await database.read(lambda db: outbox.state_of(db, Lane.EVIDENCE))
    grave = await database.read(lambda db: outbox.grave_at(db, Lane.EVIDENCE, 1))
    assert (lane.produced, lane.given_up, lane.waiting) == (1, 1, 0)
    assert grave is not None
    assert (grave.first, grave.last, grave.reason) == (1, 1, "damaged")
