"""How much of a camera is decoded follows the distance of its key frames."""

from datetime import UTC, datetime

from appliance.analysis.levels import LONG_GOP_S, Levels
from appliance.local import DecodeLevel, FrameHeader

POINTS = frozenset({"p1"})


def header(at_s: float, *, key: bool = True, session: int = 1) -> FrameHeader:
    return FrameHeader(
        point_id="p1",
        codec="h264",
        key=key,
        sequence=1,
        rtp_time=round(at_s * 90_000),
        session=session,
        received_at=datetime.now(UTC),
    )


def level(levels: Levels, now_s: float) -> DecodeLevel:
    return levels.choose(POINTS, now_s)["p1"]


def test_key_frames_suffice_while_they_come_often() -> None:
    levels = Levels()
    seen = [level(levels, 0.0)]
    for at_s in range(0, 40, int(LONG_GOP_S)):
        levels.note(header(float(at_s)), float(at_s))
        seen.append(level(levels, at_s + 0.1))

    assert set(seen) == {DecodeLevel.KEYFRAME}


def test_every_frame_is_wanted_once_key_frames_stay_away() -> None:
    levels = Levels()
    level(levels, 0.0)
    levels.note(header(0.0), 0.0)

    assert level(levels, LONG_GOP_S) is DecodeLevel.KEYFRAME
    assert level(levels, LONG_GOP_S + 0.1) is DecodeLevel.FULL


def test_a_long_distance_keeps_every_frame_wanted_and_a_short_one_ends_it() -> None:
    levels = Levels()
    for at_s in (0.0, 10.0):
        levels.note(header(at_s), at_s)
    long = level(levels, 10.1)
    levels.note(header(12.0), 12.0)

    assert long is DecodeLevel.FULL
    assert level(levels, 12.1) is DecodeLevel.KEYFRAME
    assert levels.gop_s("p1") == 2.0


def test_key_frames_of_two_sessions_tell_no_distance() -> None:
    levels = Levels()
    levels.note(header(0.0), 0.0)

    levels.note(header(500.0, session=2), 9.0)

    assert levels.gop_s("p1") == 0.0
    assert level(levels, 9.1) is DecodeLevel.KEYFRAME


def test_what_is_known_of_a_camera_goes_with_it() -> None:
    levels = Levels()
    for at_s in (0.0, 10.0):
        levels.note(header(at_s), at_s)

    levels.choose(frozenset(), 11.0)

    assert level(levels, 12.0) is DecodeLevel.KEYFRAME
