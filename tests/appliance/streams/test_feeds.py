"""Consumers of one camera: what passes, what is dropped, what a level changes."""

import asyncio
from datetime import UTC, datetime

import pytest

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit, CodecParameters
from appliance.streams.feeds import Closed, Feeds, Subscription

PARAMETERS = CodecParameters(codec="h264")


def unit(sequence: int, *, key: bool = False, size_bytes: int = 10) -> AccessUnit:
    return AccessUnit(
        point_id="p1",
        parameters=PARAMETERS,
        session=1,
        sequence=sequence,
        key=key,
        pts=sequence * 3600,
        payload=bytes(size_bytes),
        arrived_s=float(sequence),
        arrived_at=datetime.now(UTC),
    )


def send(feeds: Feeds, text: str, *, first: int = 0) -> None:
    """Send a unit per letter: K is a key unit, d is none."""
    for sequence, letter in enumerate(text, start=first):
        feeds.of("p1").send(unit(sequence, key=letter == "K"))


def taken(subscription: Subscription) -> list[int]:
    return [item.sequence for item in subscription.take_all()]


def test_a_consumer_begins_at_a_key_unit_and_then_gets_every_unit() -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.DEMUX)

    send(feeds, "ddKddKd")

    assert taken(subscription) == [2, 3, 4, 5, 6]
    assert subscription.dropped == 0


def test_a_consumer_of_key_units_gets_nothing_else() -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.KEYFRAME)

    send(feeds, "dKddKd")

    assert taken(subscription) == [1, 4]
    assert subscription.dropped == 0


def test_a_full_queue_drops_up_to_the_next_key_unit_and_counts() -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.DEMUX, limit_units=2)

    send(feeds, "Kddd")
    before = taken(subscription)
    send(feeds, "ddKd", first=4)

    assert before == [0, 1]
    assert taken(subscription) == [6, 7]
    assert subscription.dropped == 4


@pytest.mark.parametrize(("limit_bytes", "passed"), [(19, [0]), (20, [0, 1]), (21, [0, 1])])
def test_a_queue_is_bounded_in_bytes_too(limit_bytes: int, passed: list[int]) -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.DEMUX, limit_bytes=limit_bytes)

    send(feeds, "Kdd")

    assert taken(subscription) == passed


def test_a_slow_consumer_costs_another_nothing() -> None:
    feeds = Feeds()
    feeds.subscribe("p1", DecodeLevel.DEMUX, limit_units=1)
    quick = feeds.subscribe("p1", DecodeLevel.DEMUX)

    send(feeds, "KdddK")

    assert taken(quick) == [0, 1, 2, 3, 4]


def test_all_units_are_wanted_only_while_somebody_is_above_key_units() -> None:
    feeds = Feeds()
    feed = feeds.of("p1")
    subscription = feeds.subscribe("p1", DecodeLevel.KEYFRAME)
    wanted = [feed.wants_all]

    for level in (DecodeLevel.DEMUX, DecodeLevel.FULL, DecodeLevel.KEYFRAME, DecodeLevel.FULL):
        subscription.level = level
        wanted.append(feed.wants_all)
    subscription.close()

    assert [*wanted, feed.wants_all] == [False, True, True, False, True, False]


def test_a_raised_level_counts_from_the_next_key_unit_on() -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.KEYFRAME)

    send(feeds, "Kd")
    subscription.level = DecodeLevel.FULL
    send(feeds, "ddKd", first=2)

    assert taken(subscription) == [0, 4, 5]


def test_the_newest_key_unit_comes_at_once_to_who_asks_for_it() -> None:
    feeds = Feeds()
    send(feeds, "Kdd")

    asking = feeds.subscribe("p1", DecodeLevel.DEMUX, newest=True)
    waiting = feeds.subscribe("p1", DecodeLevel.DEMUX)
    send(feeds, "dKd", first=3)

    assert taken(asking) == [0, 4, 5]
    assert taken(waiting) == [4, 5]


def test_who_asks_for_the_newest_gets_all_since_its_key_unit_where_somebody_takes_all() -> None:
    feeds = Feeds()
    other = feeds.subscribe("p1", DecodeLevel.DEMUX)
    send(feeds, "KdKd")

    asking = feeds.subscribe("p1", DecodeLevel.DEMUX, newest=True)
    key_frames = feeds.subscribe("p1", DecodeLevel.KEYFRAME, newest=True)
    send(feeds, "dK", first=4)

    assert taken(asking) == [2, 3, 4, 5]
    assert taken(key_frames) == [2, 5]
    other.close()
    asking.close()
    send(feeds, "dd", first=6)
    late = feeds.subscribe("p1", DecodeLevel.DEMUX, newest=True)
    assert taken(late) == [5]  # what followed was not kept


def test_after_a_lost_unit_a_new_consumer_gets_the_key_unit_and_waits_for_the_next() -> None:
    feeds = Feeds()
    feeds.subscribe("p1", DecodeLevel.DEMUX)
    send(feeds, "Kd")
    send(feeds, "d", first=3)

    late = feeds.subscribe("p1", DecodeLevel.DEMUX, newest=True)
    send(feeds, "dK", first=4)

    assert taken(late) == [0, 5]


def test_a_camera_that_is_pulled_no_more_leaves_its_subscriptions() -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.DEMUX)

    send(feeds, "K")
    feeds.forget("p1")
    send(feeds, "Kd", first=10)

    assert taken(subscription) == [0, 10, 11]


async def test_who_waits_is_woken_by_a_unit_and_by_the_end() -> None:
    feeds = Feeds()
    subscription = feeds.subscribe("p1", DecodeLevel.DEMUX)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        following = group.create_task(_sequences(subscription))
        await asyncio.sleep(0)
        send(feeds, "Kd")
        subscription.close()

    assert following.result() == [0, 1]
    with pytest.raises(Closed):
        await subscription.get()


async def _sequences(subscription: Subscription) -> list[int]:
    return [item.sequence async for item in subscription]
