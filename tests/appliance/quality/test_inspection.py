"""Which camera is looked at when."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from appliance.local import FrameHeader
from appliance.quality import Inspection
from appliance.quality.inspection import EVERY_S, MOST_AT_ONCE, SLOT_S
from federation.messages import CameraSpec

PICTURE = np.full((36, 64, 3), 90, np.uint8)


def header(point: str, sequence: int = 1, session: int = 1) -> FrameHeader:
    return FrameHeader(
        point_id=point,
        codec="h264",
        key=True,
        sequence=sequence,
        rtp_time=0,
        session=session,
        received_at=datetime.now(UTC),
    )


def of_cameras(count: int) -> Inspection:
    inspection = Inspection()
    inspection.adopt(camera(f"p{number:03}") for number in range(count))
    return inspection


def camera(point: str, **changes: Any) -> CameraSpec:
    return CameraSpec(point_id=point, name=point, url="rtsp://127.0.0.1/1", **changes)


def test_a_camera_that_was_looked_at_is_due_again_after_a_while() -> None:
    inspection = of_cameras(1)

    inspection.show(header("p000"), PICTURE, 0.0)

    assert list(inspection.news()) == ["p000"]
    assert not inspection.is_due("p000", EVERY_S - 0.1)
    assert inspection.awaited(EVERY_S) == {"p000"}


def test_only_so_many_are_awaited_at_once_and_all_have_their_turn() -> None:
    inspection = of_cameras(3 * MOST_AT_ONCE)
    seen: set[str] = set()

    for turn in range(3):
        awaited = inspection.awaited(turn)
        assert len(awaited) == MOST_AT_ONCE
        for point in awaited:
            inspection.show(header(point), PICTURE, turn)
        seen |= awaited

    assert len(seen) == 3 * MOST_AT_ONCE


def test_a_camera_that_sends_nothing_lets_the_others_have_their_turn() -> None:
    inspection = of_cameras(MOST_AT_ONCE + 1)
    first = inspection.awaited(0.0)

    inspection.awaited(SLOT_S + 0.1)

    assert inspection.awaited(SLOT_S + 0.2) == {f"p{MOST_AT_ONCE:03}"}
    assert f"p{MOST_AT_ONCE:03}" not in first


def test_the_same_access_unit_is_not_looked_at_twice() -> None:
    inspection = of_cameras(1)
    inspection.show(header("p000", sequence=7), PICTURE, 0.0)
    inspection.told(inspection.news())

    inspection.show(header("p000", sequence=7), PICTURE, EVERY_S)

    assert inspection.news() == {}
    assert inspection.is_due("p000", EVERY_S)


def test_what_was_told_is_news_no_more_but_what_came_meanwhile_is() -> None:
    inspection = of_cameras(2)
    inspection.show(header("p000"), PICTURE, 0.0)
    inspection.show(header("p001"), PICTURE, 0.0)
    told = inspection.news()
    inspection.show(header("p001", sequence=2), PICTURE, EVERY_S)

    inspection.told(told)

    assert list(inspection.news()) == ["p001"]


def test_a_camera_that_is_pulled_when_asked_is_not_pulled_for_this() -> None:
    inspection = Inspection()

    inspection.adopt([camera("p000", pull="asked"), camera("p001")])

    assert inspection.awaited(0.0) == {"p001"}


def test_cameras_that_are_gone_are_forgotten() -> None:
    inspection = of_cameras(2)

    inspection.adopt([camera("p001")])

    assert inspection.awaited(0.0) == {"p001"}
    inspection.show(header("p000"), PICTURE, 0.0)
    assert inspection.news() == {}
