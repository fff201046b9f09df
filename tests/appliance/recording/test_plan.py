"""What is wanted when, and what is held in memory for an event."""

from datetime import UTC, datetime, time

import pytest

from appliance.recording.plan import Ring, Want, wanted
from federation.messages import Calendar, RecordingSpec, Window
from tests.appliance.coded import coded, later
from tests.appliance.footage import assembled

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
MORNING = Calendar(windows=(Window(days=(1,), start=time(8), end=time(12)),), timezone="UTC")
EVENING = Calendar(windows=(Window(days=(1,), start=time(18), end=time(20)),), timezone="UTC")


@pytest.mark.parametrize(
    ("spec", "triggered", "want"),
    [
        (RecordingSpec(), False, Want.NOTHING),
        (RecordingSpec(), True, Want.NOTHING),
        (RecordingSpec(calendar=Calendar()), False, Want.WRITE),
        (RecordingSpec(calendar=MORNING), False, Want.WRITE),
        (RecordingSpec(calendar=EVENING), False, Want.NOTHING),
        (RecordingSpec(calendar=EVENING, on_event=True), False, Want.HOLD),
        (RecordingSpec(calendar=EVENING, on_event=True), True, Want.WRITE),
        (RecordingSpec(on_event=True), False, Want.HOLD),
        (RecordingSpec(on_event=True), True, Want.WRITE),
    ],
)
def test_calendar_and_events_say_what_is_wanted(spec: RecordingSpec, *, triggered: bool, want: Want) -> None:
    assert wanted(spec, NINE, triggered=triggered) is want


@pytest.mark.parametrize(("before_s", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 3), (10, 8)])
def test_a_ring_holds_the_seconds_before_now_from_a_key_frame_on(before_s: int, seconds: int) -> None:
    ring = Ring(before_s=before_s, limit_bytes=1 << 30)
    fragments = assembled([*coded(), *later(coded(), by_s=4)])

    for fragment in fragments:
        ring.put(fragment)

    assert ring.size_bytes == sum(item.size_bytes for item in fragments[-seconds:])
    assert ring.drain() == fragments[-seconds:]
    assert ring.drain() == []


def test_a_ring_is_bounded_in_bytes_and_begins_with_a_key_frame() -> None:
    fragments = assembled(coded(seconds=24, gop=120))
    ring = Ring(before_s=60, limit_bytes=sum(item.size_bytes for item in fragments) - 1)

    for fragment in fragments:
        ring.put(fragment)

    held = ring.drain()
    assert held == fragments[3:]
    assert held[0].key


def test_a_ring_starts_anew_where_pictures_do_not_continue() -> None:
    ring = Ring(before_s=60, limit_bytes=1 << 30)
    fragments = assembled([*coded(), *later(coded(), by_s=4, session=2)])

    for fragment in fragments:
        ring.put(fragment)

    assert ring.drain() == fragments[4:]
