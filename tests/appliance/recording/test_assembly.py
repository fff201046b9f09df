"""Access units to fragments: where one ends, and what its times are."""

from dataclasses import replace
from itertools import pairwise

import pytest

from appliance.mp4.track import TIMESCALE
from appliance.recording.assembly import Assembler
from appliance.streams.access_unit import CodecParameters
from tests.appliance.coded import coded, later
from tests.appliance.footage import assembled

ORIGIN = 10 * TIMESCALE


def test_a_fragment_is_the_pictures_from_a_key_frame_to_the_next() -> None:
    fragments = assembled(coded())

    assert [len(item.samples) for item in fragments] == [10, 10, 10, 10]
    assert [item.start_ticks - ORIGIN for item in fragments] == [0, TIMESCALE, 2 * TIMESCALE, 3 * TIMESCALE]
    assert all(item.key and item.duration_ticks == TIMESCALE for item in fragments)
    assert {item.stretch for item in fragments} == {1}


def test_what_comes_before_the_first_key_frame_is_left_out() -> None:
    assert [len(item.samples) for item in assembled(coded()[5:])] == [10, 10, 10]


def test_a_camera_with_rare_key_frames_is_cut_between_them() -> None:
    fragments = assembled(coded(seconds=12, gop=120))

    assert [(item.key, len(item.samples)) for item in fragments] == [(True, 50), (False, 50), (False, 20)]
    assert all(one.start_ticks + one.duration_ticks == two.start_ticks for one, two in pairwise(fragments))


def test_lost_pictures_lengthen_the_last_one_before_them() -> None:
    units = coded()

    fragments = assembled([*units[:6], *units[20:]])  # a feed goes on with a key unit

    assert [len(item.samples) for item in fragments] == [6, 10, 10]
    assert fragments[0].duration_ticks == 2 * TIMESCALE
    assert fragments[0].times[-1].duration_ticks == 2 * TIMESCALE - 5 * TIMESCALE // 10


@pytest.mark.parametrize("by_s", [15.0, -7.0, 10_000_000.0])
def test_times_that_jump_begin_a_new_stretch(by_s: float) -> None:
    fragments = assembled([*coded(), *later(coded(), by_s=by_s)])

    assert [item.stretch for item in fragments] == [1] * 4 + [2] * 4
    assert all(item.duration_ticks == TIMESCALE for item in fragments)


def test_a_new_connection_begins_a_new_stretch() -> None:
    fragments = assembled([*coded(), *later(coded(), by_s=4, session=2)])

    assert [item.stretch for item in fragments] == [1] * 4 + [2] * 4


def test_what_cannot_be_recorded_is_told_and_good_pictures_later_are_taken() -> None:
    assembler = Assembler()
    bad = CodecParameters(codec="h264", sets=(b"\x67\x42",))
    for unit in coded(seconds=1):
        assert assembler.take(replace(unit, parameters=bad)) == []
    assert assembler.fault.startswith("not_recordable: ")

    fragments = [item for unit in later(coded(), by_s=1) for item in assembler.take(unit)]

    assert assembler.fault == ""
    assert len(fragments) == 3


@pytest.mark.parametrize("b_frames", [0, 3])
def test_decoding_times_go_on_from_fragment_to_fragment(b_frames: int) -> None:
    fragments = assembled(coded(b_frames=b_frames))

    assert all(one.start_ticks + one.duration_ticks == two.start_ticks for one, two in pairwise(fragments))
    decoded = [step for item in fragments for step in item.times]
    assert all(step.duration_ticks > 0 for step in decoded)
