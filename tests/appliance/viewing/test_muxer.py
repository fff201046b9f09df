"""Live pictures: one fragment each, which a player decodes at even times whatever the camera's clock does."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.mp4.track import TIMESCALE
from appliance.streams.access_unit import AccessUnit, Codec
from appliance.viewing.muxer import LiveMuxer
from federation.viewing import Kind, Message, read_init
from tests.appliance.coded import coded, later
from tests.appliance.footage import decoded


def muxed(units: list[AccessUnit]) -> list[Message]:
    muxer = LiveMuxer()
    return [
        message
        for unit in units
        for message in muxer.take(
            unit.parameters.codec, unit.payload, key=unit.key, shown=unit.pts, session=unit.session, at_us=0
        )
    ]


def shown(messages: list[Message], path: Path) -> list[float]:
    """Return when each picture is shown, in seconds."""
    segment = read_init(messages[0])[1]
    path.write_bytes(segment + b"".join(message.content[1:] for message in messages if message.kind is not Kind.INIT))
    return decoded(path)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_every_picture_is_a_fragment_of_its_own(codec: Codec, tmp_path: Path) -> None:
    messages = muxed(list(coded(codec)))

    assert [message.kind for message in messages[:3]] == [Kind.INIT, Kind.KEY, Kind.DELTA]
    assert [message.kind for message in messages].count(Kind.KEY) == 4
    assert len(messages) == 41
    times = shown(messages, tmp_path / "a.mp4")
    assert len(times) == 40
    assert [later - before for before, later in pairwise(times)][2:] == pytest.approx([0.1] * 37)


def test_pictures_that_are_shown_in_another_order_come_in_the_right_one(tmp_path: Path) -> None:
    messages = muxed(list(coded(b_frames=2, seconds=6)))

    times = shown(messages, tmp_path / "a.mp4")

    assert len(times) == 60
    steps = [later - before for before, later in pairwise(times[20:])]  # how fast they come is known after a while
    assert steps == pytest.approx([0.1] * 39, abs=0.02)


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 9.0])
def test_a_camera_whose_clock_jumps_goes_on_without_a_gap(by_s: float, tmp_path: Path) -> None:
    messages = muxed([*coded(), *later(coded(), by_s=by_s)])

    times = shown(messages, tmp_path / "a.mp4")

    assert len(times) == 80
    assert all(0 < later - before <= 0.21 for before, later in pairwise(times))


def test_a_new_connection_goes_on_without_a_gap(tmp_path: Path) -> None:
    again = [replace(unit, pts=unit.pts + 77 * TIMESCALE) for unit in later(coded(), by_s=0, session=2)]

    messages = muxed([*coded(), *again])

    assert [message.kind for message in messages].count(Kind.INIT) == 1
    times = shown(messages, tmp_path / "a.mp4")
    assert all(0 < later - before <= 0.21 for before, later in pairwise(times))


def test_another_resolution_begins_with_another_init_segment() -> None:
    messages = muxed([*coded(), *later(coded(width_px=640, height_px=384), by_s=4)])

    kinds = [message.kind for message in messages]
    assert kinds.count(Kind.INIT) == 2
    assert kinds[41:43] == [Kind.INIT, Kind.KEY]


def test_what_cannot_be_shown_is_told() -> None:
    muxer = LiveMuxer()

    messages = muxer.take("h264", b"\0\0\0\1\x65\x88\x84", key=True, shown=0, session=1, at_us=0)

    assert messages == []
    assert muxer.fault.startswith("not_viewable: ")
