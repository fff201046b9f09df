"""The record stays within its bounds, and what the hub has not got goes last."""

from datetime import UTC, datetime

import pytest

from appliance.store import events, evidence, outbox
from appliance.store.database import Database
from appliance.store.retention import STEP, WAITING_FACTOR, Bounds, Swept, sweep
from federation.messages import Event, Lane
from tests.appliance.conftest import MakeEvent, Recorder

PICTURE_BYTES = 1000  # as the conftest makes them
WIDE = 10**9


def bounds(*, events: int = 999, pictures_bytes: int = WIDE, unsent_events: int = WIDE) -> Bounds:
    return Bounds(events=events, pictures_bytes=pictures_bytes, unsent_events=unsent_events)


async def record(database: Database, event: Event, at: datetime) -> None:
    await database.run(lambda db: events.record(db, event, at))


async def swept(database: Database, bounds: Bounds, *, enrolled: bool = True) -> Swept:
    return await database.run(lambda db: sweep(db, bounds, enrolled=enrolled))


async def acknowledge(database: Database, upto: int) -> None:
    epoch = (await database.read(lambda db: outbox.lane(db, Lane.EVENTS))).epoch
    await database.run(lambda db: outbox.acknowledge(db, Lane.EVENTS, epoch, upto))


async def held(database: Database) -> list[str]:
    found = await database.read(lambda db: events.newest(db, events.EventFilter(), before=None, limit=999))
    return [item.body["id"] for item in reversed(found)]


@pytest.mark.parametrize(("count", "removed"), [(10, 0), (11, 11)])
async def test_nothing_goes_while_the_bound_is_kept(
    database: Database, recorder: Recorder, count: int, removed: int
) -> None:
    await recorder.record(count)
    await acknowledge(database, count)

    assert (await swept(database, bounds(events=10))).events == removed


async def test_a_step_takes_the_oldest_and_is_bounded(database: Database, recorder: Recorder) -> None:
    await recorder.record(STEP + 50)
    await acknowledge(database, STEP + 50)

    step = await swept(database, bounds(events=1))

    assert step.events == STEP
    assert await held(database) == recorder.ids[STEP:]


async def test_what_the_hub_has_not_acknowledged_is_never_removed(database: Database, recorder: Recorder) -> None:
    await recorder.record(20)
    await acknowledge(database, 5)

    assert (await swept(database, bounds(events=1))).events == 5
    assert (await swept(database, bounds(events=1))) == Swept()
    assert await held(database) == recorder.ids[5:]


async def test_a_box_without_a_hub_keeps_a_ring_of_its_newest(database: Database, recorder: Recorder) -> None:
    await recorder.record(STEP + 3)

    await swept(database, bounds(events=3), enrolled=False)

    assert await held(database) == recorder.ids[STEP:]


async def test_unsent_pictures_go_only_beyond_twice_the_bound_and_their_events_stay(
    database: Database, an_event: MakeEvent
) -> None:
    digests = [f"sha256:{number:064x}" for number in range(5)]
    for digest in digests:
        await record(database, an_event(digests=(digest,)), datetime.now(UTC))
    at_the_edge = bounds(pictures_bytes=5 * PICTURE_BYTES // WAITING_FACTOR)

    assert await swept(database, at_the_edge) == Swept()
    beyond = await swept(database, bounds(pictures_bytes=at_the_edge.pictures_bytes - 1))

    assert set(beyond.pictures) == set(digests)
    assert beyond.unsent_pictures == 5
    assert len(await held(database)) == 5
    assert await database.read(evidence.backlog) == 0


@pytest.mark.parametrize(("held", "removed"), [(20, 0), (21, 21)])
async def test_events_that_the_hub_has_not_got_go_at_their_own_bound_and_the_lane_says_so(
    database: Database, recorder: Recorder, held: int, removed: int
) -> None:
    await recorder.record(held)
    await acknowledge(database, 5)
    await swept(database, bounds(events=1))  # the five that the hub has

    dropped = await swept(database, bounds(events=1, unsent_events=15))

    lane = await database.read(lambda db: outbox.lane(db, Lane.EVENTS))
    assert dropped.unsent_events == max(0, removed - 5)
    assert lane.dropped == removed
    assert lane.base == (6 if not removed else held + 1)
