"""The record stays within its bounds, and what the hub has not got goes last."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.store import epochs, events, evidence, outbox, results
from appliance.store.database import Database
from appliance.store.lanes import LaneRule
from appliance.store.retention import (
    PATIENCE_S,
    RECORD_ROOM_BYTES,
    STEP,
    WAITING_FACTOR,
    Bounds,
    Given,
    Moment,
    Swept,
    sweep,
)
from federation.messages import Event, Lane
from tests.appliance.conftest import MakeEvent, Recorder

PICTURE_BYTES = 1000  # as the conftest makes them
WIDE = 10**9
HOUR_US = 3_600_000_000
MEGABYTE = 2**20
NOW_US = 1_790_000_000_000_000


def bounds(
    *, events: int = 999, pictures_bytes: int = WIDE, free_bytes: int = 0, quota: int = WIDE, **replay: int
) -> Bounds:
    ring: dict[str, int] = {"replay_rows": 0, "replay_us": 72 * HOUR_US, **replay}
    return Bounds(
        events=events,
        pictures_bytes=pictures_bytes,
        free_bytes=free_bytes,
        lanes=tuple(LaneRule(lane=lane, quota_rows=quota, **ring) for lane in Lane),
    )


async def record(database: Database, event: Event, at: datetime) -> None:
    await database.run(lambda db: events.record(db, event, at))


async def swept(database: Database, bounds: Bounds, **moment_is: Any) -> Swept:
    usual: dict[str, Any] = {
        "now_us": NOW_US,
        "disk_bytes": WIDE,
        "free_bytes": WIDE,
        "enrolled": True,
        "short_s": PATIENCE_S,
        "full_s": PATIENCE_S,
    }
    moment = Moment(**{**usual, **moment_is})
    return await database.run(lambda db: sweep(db, bounds, moment))


async def sweeps(database: Database, bounds: Bounds, **moment: Any) -> list[Swept]:
    """Sweep until nothing more goes."""
    steps: list[Swept] = []
    while step := await swept(database, bounds, **moment):
        steps.append(step)
    return steps


async def acknowledge(database: Database, upto: int, lane: Lane = Lane.EVENTS) -> None:
    epoch = (await database.read(lambda db: outbox.state_of(db, lane))).epoch
    await database.run(lambda db: outbox.acknowledge(db, lane, epoch, upto))


async def held(database: Database) -> list[str]:
    found = await database.read(lambda db: events.newest(db, events.EventFilter(), before=None, limit=999))
    return [item.body["id"] for item in reversed(found)]


async def lane(database: Database, name: Lane = Lane.EVENTS) -> outbox.LaneState:
    return await database.read(lambda db: outbox.state_of(db, name))


async def grave(database: Database, sequence: int, name: Lane = Lane.EVENTS) -> outbox.Grave | None:
    return await database.read(lambda db: outbox.grave_at(db, name, sequence))


async def reusable_bytes(database: Database) -> int:
    pages = await database.read(lambda db: db.execute("PRAGMA freelist_count").fetchone()[0])
    return int(pages) * 4096


async def told(database: Database) -> list[str]:
    """Return what the lane of events says from its first number on: ids, and a cross for each number given up."""
    found: list[str] = []
    while len(found) < (await lane(database)).produced:
        first = len(found) + 1
        rows = await database.read(lambda db, first=first: outbox.rows(db, Lane.EVENTS, first, 99))  # type: ignore[misc]
        found += [json.loads(row)["id"] for row in rows]
        if not rows:
            stone = await grave(database, first)
            assert stone is not None
            found += ["†"] * (stone.last - first + 1)
    return found


@pytest.mark.parametrize(("count", "removed"), [(10, 0), (11, 11)])
async def test_nothing_goes_while_the_bound_is_kept(
    database: Database, recorder: Recorder, count: int, removed: int
) -> None:
    await recorder.record(count)
    await acknowledge(database, count)

    steps = await sweeps(database, bounds(events=10))

    assert sum(step.events for step in steps) == removed


async def test_a_step_takes_the_oldest_and_is_bounded(database: Database, recorder: Recorder) -> None:
    await recorder.record(STEP + 50)
    await acknowledge(database, STEP + 50)
    await swept(database, bounds())  # the replay ring keeps nothing here

    step = await swept(database, bounds(events=1))

    assert step.events == STEP
    assert await held(database) == recorder.ids[STEP:]


async def test_what_the_hub_has_not_acknowledged_is_not_removed_within_its_quota(
    database: Database, recorder: Recorder
) -> None:
    await recorder.record(20)
    await acknowledge(database, 5)

    steps = await sweeps(database, bounds(events=1))

    assert sum(step.events for step in steps) == 5
    assert await held(database) == recorder.ids[5:]


async def test_a_box_without_a_hub_keeps_a_ring_of_its_newest(database: Database, recorder: Recorder) -> None:
    await recorder.record(STEP + 3)

    await sweeps(database, bounds(events=3), enrolled=False)

    assert await held(database) == recorder.ids[STEP:]


async def test_acknowledged_rows_stay_in_the_replay_ring_for_their_time(database: Database, recorder: Recorder) -> None:
    ring = bounds(events=1, replay_rows=100)
    await recorder.record(20)
    await acknowledge(database, 20)

    assert await swept(database, ring) == Swept()
    assert await swept(database, ring, now_us=NOW_US + 72 * HOUR_US - 1) == Swept()
    late = await sweeps(database, ring, now_us=NOW_US + 72 * HOUR_US)

    assert [step.rows for step in late] == [20, 0]
    assert sum(step.events for step in late) == 20
    assert (await lane(database)).base == 21


async def test_rows_do_not_leave_the_replay_ring_by_a_clock_that_may_be_wrong(
    database: Database, recorder: Recorder
) -> None:
    ring = bounds(replay_rows=100)
    await recorder.record(20)
    await acknowledge(database, 20)
    await swept(database, ring)

    late = await swept(database, ring, now_us=NOW_US + 1000 * HOUR_US, clock_right=False)

    assert late == Swept()
    assert (await sweeps(database, ring, now_us=NOW_US + 1000 * HOUR_US))[0].rows == 20


async def test_the_replay_ring_of_each_lane_is_bounded_in_rows(database: Database, recorder: Recorder) -> None:
    await recorder.record(20)
    for _ in range(9):
        await database.run(lambda db: results.record(db, results.BOX, "a.b"))
    await acknowledge(database, 15)
    await acknowledge(database, 9, Lane.RESULTS)

    await sweeps(database, bounds(replay_rows=4))

    assert ((await lane(database)).base, (await lane(database, Lane.RESULTS)).base) == (12, 6)


async def test_unsent_pictures_go_only_beyond_twice_the_bound_and_a_tombstone_counts_them(
    database: Database, an_event: MakeEvent
) -> None:
    digests = [f"sha256:{number:064x}" for number in range(5)]
    for digest in digests:
        await record(database, an_event(digests=(digest,)), datetime.now(UTC))
    at_the_edge = bounds(pictures_bytes=5 * PICTURE_BYTES // WAITING_FACTOR)

    assert await swept(database, at_the_edge) == Swept()
    beyond = await swept(database, bounds(pictures_bytes=at_the_edge.pictures_bytes - 1))

    assert set(beyond.pictures) == set(digests)
    assert beyond.given_up == (Given(lane=Lane.EVIDENCE, count=5, reason="quota"),)
    assert len(await held(database)) == 5
    assert await database.read(evidence.backlog) == 0
    assert await grave(database, 3, Lane.EVIDENCE) == outbox.Grave(first=1, last=5, reason="quota", at_us=NOW_US)


@pytest.mark.parametrize(("quota", "removed"), [(15, 0), (14, 1)])
async def test_events_that_the_hub_has_not_got_go_beyond_their_quota_and_leave_a_tombstone(
    database: Database, recorder: Recorder, quota: int, removed: int
) -> None:
    await recorder.record(20)
    await acknowledge(database, 5)

    steps = await sweeps(database, bounds(quota=quota))

    given = [each for step in steps for each in step.given_up]
    assert sum(each.count for each in given) == removed
    assert (await lane(database)).given_up == removed
    assert await held(database) == recorder.ids[:5] + recorder.ids[5 + removed :]
    assert (await grave(database, 6)) == (
        None if not removed else outbox.Grave(first=6, last=6, reason="quota", at_us=NOW_US)
    )


async def test_what_a_lane_gives_up_bit_by_bit_is_one_tombstone(database: Database, recorder: Recorder) -> None:
    await recorder.record(2 * STEP + 30)

    await sweeps(database, bounds(quota=30))

    assert await grave(database, 1) == outbox.Grave(first=1, last=2 * STEP, reason="quota", at_us=NOW_US)
    assert len(await database.read(lambda db: outbox.rows(db, Lane.EVENTS, 2 * STEP + 1, 99))) == 30


async def test_on_a_full_disk_pictures_go_first_and_unsent_events_last(
    database: Database, recorder: Recorder, an_event: MakeEvent
) -> None:
    for number in range(4):
        await record(database, an_event(digests=(f"sha256:{number:064x}",)), datetime.now(UTC))
    await database.run(lambda db: evidence.handed_over(db, f"sha256:{0:064x}"))
    await acknowledge(database, 2)
    await database.run(lambda db: results.record(db, results.BOX, "a.b"))

    keeping = bounds(replay_rows=99, free_bytes=MEGABYTE)
    assert await swept(database, keeping, free_bytes=MEGABYTE) == Swept()
    steps = await sweeps(database, keeping, free_bytes=0)

    said = [each for step in steps for each in step.given_up]
    assert [len(step.pictures) for step in steps[:2]] == [1, 3]
    assert [step.rows for step in steps if step.rows] == [2]
    assert await told(database) == ["†"] * 4
    assert [(each.lane, each.count, each.reason) for each in said] == [
        (Lane.EVIDENCE, 3, "disk_full"),
        (Lane.RESULTS, 1, "disk_full"),
        (Lane.EVENTS, 2, "disk_full"),
    ]
    assert await held(database) == []


@pytest.mark.parametrize(("lacks", "goes"), [(0, False), (1, True)])
async def test_events_give_way_only_when_the_record_itself_has_no_room(
    database: Database, recorder: Recorder, *, lacks: int, goes: bool
) -> None:
    await recorder.record(3)
    await acknowledge(database, 1)
    free = RECORD_ROOM_BYTES - await reusable_bytes(database) - lacks

    step = await swept(database, bounds(replay_rows=99, free_bytes=WIDE), disk_bytes=20 * WIDE, free_bytes=free)

    assert bool(step) is goes


@pytest.mark.parametrize(("full_s", "goes"), [(PATIENCE_S - 0.1, False), (PATIENCE_S, True)])
async def test_events_do_not_give_way_to_a_disk_that_is_full_for_a_moment(
    database: Database, recorder: Recorder, *, full_s: float, goes: bool
) -> None:
    await recorder.record(3)

    step = await swept(database, bounds(free_bytes=MEGABYTE), free_bytes=0, full_s=full_s)

    assert bool(step) is goes


@pytest.mark.parametrize(("short_s", "gone"), [(PATIENCE_S - 0.1, ["sent"]), (PATIENCE_S, ["sent", "waiting"])])
async def test_pictures_that_the_hub_has_not_got_do_not_give_way_to_a_disk_that_is_full_for_a_moment(
    database: Database, an_event: MakeEvent, *, short_s: float, gone: list[str]
) -> None:
    digests = {state: f"sha256:{number:064x}" for number, state in enumerate(("sent", "waiting"))}
    for digest in digests.values():
        await record(database, an_event(digests=(digest,)), datetime.now(UTC))
    await database.run(lambda db: evidence.handed_over(db, digests["sent"]))

    steps = await sweeps(database, bounds(free_bytes=MEGABYTE), free_bytes=0, short_s=short_s, full_s=0.0)

    assert [digest for step in steps for digest in step.pictures] == [digests[state] for state in gone]


async def test_a_restored_hub_learns_that_the_disk_was_full_when_the_replay_ring_gave_way(
    database: Database, recorder: Recorder
) -> None:
    await recorder.record(STEP + 5)
    await acknowledge(database, STEP + 5)

    step = await swept(database, bounds(replay_rows=999, free_bytes=MEGABYTE), free_bytes=0)

    assert (step.rows, step.events, step.given_up) == (STEP, STEP, ())
    assert await grave(database, 1) == outbox.Grave(first=1, last=STEP, reason="cleared", at_us=NOW_US)
    assert (await lane(database)).given_up == 0
    assert await database.read(lambda db: outbox.newest_graves(db, Lane.EVENTS, 9)) == []
    assert await told(database) == ["†"] * STEP + recorder.ids[STEP:]


async def test_on_a_full_disk_no_more_goes_than_makes_room(database: Database, recorder: Recorder) -> None:
    await recorder.record(2000)

    steps = await sweeps(database, bounds(free_bytes=MEGABYTE // 2), free_bytes=0)

    assert 0 < sum(given.count for step in steps for given in step.given_up) < 2000
    assert await reusable_bytes(database) >= MEGABYTE // 2


@pytest.mark.parametrize(("lacks", "goes"), [(0, False), (1, True)])
async def test_a_small_disk_keeps_a_twentieth_free(
    database: Database, recorder: Recorder, *, lacks: int, goes: bool
) -> None:
    await recorder.record(1)
    free = MEGABYTE - await reusable_bytes(database) - lacks

    step = await swept(database, bounds(free_bytes=WIDE), disk_bytes=20 * MEGABYTE, free_bytes=free)

    assert bool(step) is goes


@pytest.mark.parametrize("upto", [0, 3, 6, 9])
async def test_what_is_produced_is_rows_and_tombstones_also_in_a_new_epoch(
    database: Database, recorder: Recorder, upto: int
) -> None:
    await recorder.record(4)
    await database.run(lambda db: outbox.give_up(db, Lane.EVENTS, count=3, reason="overflow", at_us=NOW_US))
    await recorder.record(2)
    await acknowledge(database, upto)

    await database.run(lambda db: epochs.begin(db, Lane.EVENTS, "another", 10))

    state = await lane(database)
    assert (state.epoch, state.base, state.produced, state.acknowledged) == ("another", 1, 9 - upto, 0)
    assert await told(database) == [*recorder.ids[:4], "†", "†", "†", *recorder.ids[4:]][upto:]
