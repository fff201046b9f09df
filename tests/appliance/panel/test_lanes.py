"""What the panel says of the way to the hub is what the outbox holds."""

from typing import Protocol

from appliance.panel.lanes import lane_way
from appliance.store import outbox
from appliance.store.database import Database
from federation.messages import Lane


class Events(Protocol):
    ids: list[str]

    async def record(self, count: int = 1) -> int: ...


async def test_a_lane_shows_what_waits_since_when_and_what_was_given_up(database: Database, recorder: Events) -> None:
    await recorder.record(5)
    await database.run(lambda db: outbox.acknowledge(db, Lane.EVENTS, outbox.state_of(db, Lane.EVENTS).epoch, 1))
    await database.run(lambda db: outbox.drop(db, Lane.EVENTS, count=2, reason="quota", at_us=1_000_000))

    way = await database.read(lambda db: lane_way(db, Lane.EVENTS, None))

    assert (way.produced, way.acknowledged, way.backlog, way.given_up) == (5, 1, 4, 2)
    assert [(gap.first, gap.last, gap.reason) for gap in way.gaps] == [(2, 3, "quota")]
    assert way.oldest_waiting_at is not None
    assert (way.credit, way.last_ack_age_s) == (0, None)


async def test_a_lane_without_rows_waits_for_nothing(database: Database) -> None:
    way = await database.read(lambda db: lane_way(db, Lane.RESULTS, None))

    assert (way.backlog, way.oldest_waiting_at, way.gaps) == (0, None, ())
